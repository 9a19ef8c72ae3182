-- Which plans there are is said in plans.sql and nowhere else: another host has others.
-- depends: 0007_restatements

-- a table of a few rows; the new rule allows all that the old one did
alter table data.plans
-- squawk-ignore ban-drop-constraint
drop constraint plans_code_is_known,
-- squawk-ignore constraint-missing-not-valid
add constraint plans_code_is_plain check (code ~ '^[a-z][a-z0-9_-]*$');
comment on column data.plans.code is
'starter, pro, elite or agency here; lower-case letters, digits, - and _ in general.';
