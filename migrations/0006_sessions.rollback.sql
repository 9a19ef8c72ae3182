alter table data.settings
drop column session_idle_minutes,
drop column session_max_hours;
