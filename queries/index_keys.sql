-- Properties of the given indexes that are compared. Takes no lock, and calls no function that opens a relation. The
-- built-in operator classes of btree and hash have no parameters.
select i.indexrelid::int8                                           as oid,
       i.indclass::oid[]                                            as operator_classes,
       i.indcollation::oid[]                                        as collations,
       i.indoption::int2[]                                          as options,
       case when am.amname not in ('btree', 'hash') or 16384 <= any (i.indclass::oid[]) then
         array(select t.attoptions::text
                 from pg_catalog.pg_attribute t
                where t.attrelid = i.indexrelid and t.attnum <= i.indnkeyatts
                order by t.attnum)
       end                                                          as parameters,
       c.reloptions                                                 as storage,
       i.indisunique and coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false)
                                                                    as nulls_not_distinct,
       i.indisunique and not (0 = any (i.indkey::int2[]))
         and not exists (select from pg_catalog.pg_attribute a
                          where a.attrelid = i.indrelid and not a.attnotnull
                            and a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1]))
                                                                    as is_not_null
  from unnest($1::int8[]) w(oid)
  join pg_catalog.pg_index i on i.indexrelid = w.oid::oid
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  join pg_catalog.pg_am am on am.oid = c.relam
