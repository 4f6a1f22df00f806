-- Every replication slot with every column this server's version has, and the ages of the rows it keeps.
select to_jsonb(s) || jsonb_build_object('xmin_age', age(s.xmin), 'catalog_xmin_age', age(s.catalog_xmin))
  from pg_catalog.pg_replication_slots s
 order by s.slot_name
