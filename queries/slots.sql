-- All replication slots with all columns of this server version, and the ages of their xmin and catalog_xmin.
select to_jsonb(s) || jsonb_build_object('xmin_age', age(s.xmin), 'catalog_xmin_age', age(s.catalog_xmin))
  from pg_catalog.pg_replication_slots s
 order by s.slot_name
