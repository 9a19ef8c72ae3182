drop table data.contradicted_facts;
