-- What release notes of past updates concern: indexes by operator class, the view pg_stats_ext, and the locale.
with classes as materialized (
  select o.oid, o.opcname::text as name, t.typname::text as input_type,
         (select e.extname::text from pg_catalog.pg_depend d join pg_catalog.pg_extension e on e.oid = d.refobjid
           where d.classid = 'pg_catalog.pg_opclass'::regclass and d.objid = o.oid
             and d.refclassid = 'pg_catalog.pg_extension'::regclass and d.deptype = 'e') as extension,
         a.amname
    from pg_catalog.pg_opclass o
    join pg_catalog.pg_am a on a.oid = o.opcmethod
    join pg_catalog.pg_type t on t.oid = o.opcintype
), affected as materialized (
  select c.oid, c.name, c.input_type, c.extension
    from classes c
   where c.amname in ('gist', 'gin') or c.extension in ('btree_gist', 'ltree')
      or (c.amname = 'brin' and c.name ~ '(minmax_multi|bloom)_ops$') or (c.amname = 'btree' and c.input_type = 'interval')
)
select to_jsonb(r) from (
  select (select position(':funcid ' || 'pg_catalog.pg_has_role(oid,text)'::regprocedure::oid || ' ' in w.ev_action::text) > 0
            from pg_catalog.pg_rewrite w
           where w.ev_class = (select c.oid from pg_catalog.pg_class c
                                where c.relname = 'pg_stats_ext' and c.relnamespace = 'pg_catalog'::regnamespace))
                                                                                            as restricts_stats_ext,
         (select coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') = 'c'
            from pg_catalog.pg_database d where d.datname = current_database())            as uses_libc,
         (select pg_encoding_max_length(d.encoding) = 1
            from pg_catalog.pg_database d where d.datname = current_database())            as is_single_byte,
         coalesce((select jsonb_agg(jsonb_build_object('oid', i.indexrelid::int8, 'classes', (
                            select jsonb_agg(jsonb_build_object('name', a.name, 'input_type', a.input_type,
                                                                'extension', a.extension) order by a.oid)
                              from affected a where a.oid = any (i.indclass::oid[]))) order by i.indexrelid)
                     from pg_catalog.pg_index i
                    where i.indclass::oid[] && (select array_agg(a.oid) from affected a)), '[]') as indexes
) r
