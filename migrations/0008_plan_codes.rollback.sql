alter table data.plans
drop constraint plans_code_is_plain,
add constraint plans_code_is_known check (code in ('starter', 'pro', 'elite', 'agency'));
comment on column data.plans.code is 'starter, pro, elite or agency.';
