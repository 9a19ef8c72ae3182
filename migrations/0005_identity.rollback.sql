drop table data.audit_events;
drop table data.sign_in_attempts;
drop table data.sessions;
drop table data.users;
drop type data.user_role;
