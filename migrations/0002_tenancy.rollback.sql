drop table data.settings;
drop table data.tenants;
drop type data.tenant_status;
drop table data.plans;
