drop table data.applied_migrations;
drop table data.releases;
