-- What has been installed: releases of sql/ and the checksums of applied migrations.

create table data.releases (
  id bigint generated always as identity primary key,
  released_at timestamptz not null default now(),
  source_fingerprint text not null,
  plans_fingerprint text not null,
  object_fingerprint text not null
);
comment on table data.releases is
'A row per installed release of sql/ and plans.sql; the newest one is in force.';
comment on column data.releases.id is 'Order of installation.';
comment on column data.releases.released_at is 'When it was installed.';
comment on column data.releases.source_fingerprint is
'SHA-256 of the files in sql/; other files in the checkout mean stale.';
comment on column data.releases.plans_fingerprint is
'SHA-256 of plans.sql; another file in the checkout means stale.';
comment on column data.releases.object_fingerprint is
'Digest of the installed objects; another digest in the catalogue means drifted.';

create table data.applied_migrations (
  migration_id text primary key,
  sha256 text not null,
  recorded_at timestamptz not null default now()
);
comment on table data.applied_migrations is
'SHA-256 of every applied migration file: an applied file is never edited.';
comment on column data.applied_migrations.migration_id is 'File name without its ending.';
comment on column data.applied_migrations.sha256 is 'SHA-256 of the file when it was applied.';
comment on column data.applied_migrations.recorded_at is 'When the checksum was recorded.';
