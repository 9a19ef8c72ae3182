-- How long a session lasts.
-- depends: 0005_identity

alter table data.settings
add column session_idle_minutes integer not null default 60
constraint settings_session_idle_sane check (session_idle_minutes between 1 and 1440),
add column session_max_hours integer not null default 12
constraint settings_session_max_sane check (session_max_hours between 1 and 720);
comment on column data.settings.session_idle_minutes is
'Minutes without a request after which a session ends.';
comment on column data.settings.session_max_hours is
'Hours after signing in when a session ends whatever happens.';
