-- Family and input type of every operator class: two classes that share both have the same order and equality.
select to_jsonb(r) from (
  select o.oid::int8 as oid, o.opcfamily::int8 as family, o.opcintype::int8 as input_type
    from pg_catalog.pg_opclass o
   order by o.oid
) r
