drop table data.orphaned_facts;
