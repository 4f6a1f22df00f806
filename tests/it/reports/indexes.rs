//! The indexes report compared with the server's catalogs.

use serde_json::{Value, json as value};

use super::fixture_servers::{DATABASE, NAMES, fixture_servers, index_name, query_objects, role_conninfo};
use super::program::{array_field, report_json};
use crate::clusters::{on_a_major_and_the_newest, on_every_installation};

const CATALOG_QUERY: &str = "
select n.nspname as schema, t.relname as table, c.relname as index, a.amname as method, c.relkind = 'I' as is_partitioned,
       indisunique as is_unique, indisprimary as is_primary, indisvalid as is_valid, indisready as is_ready,
       indisreplident as is_replica_identity, indisclustered as is_clustered, indpred is not null as is_partial,
       indexprs is not null as is_expression, pg_get_indexdef(i.indexrelid) as definition,
       case k.contype when 'p' then 'primary_key' when 'u' then 'unique' when 'x' then 'exclusion' end as constraint,
       k.conname as constraint_name, e.extname as extension,
       array(select x.attname from generate_series(0, indnkeyatts - 1) p
               left join pg_attribute x on x.attrelid = indrelid and x.attnum = indkey[p] and x.attnum > 0
              order by p) as key_columns,
       array(select x.attname from generate_series(indnkeyatts, indnatts - 1) p
               left join pg_attribute x on x.attrelid = indrelid and x.attnum = indkey[p]
              order by p) as include_columns,
       (select relname from pg_inherits h join pg_class u on u.oid = inhparent where inhrelid = c.oid) as parent,
       s.size_bytes, case when c.relkind = 'I' then s.partitions end as partitions, s.idx_scan
  from pg_index i join pg_class c on c.oid = indexrelid join pg_class t on t.oid = indrelid
  join pg_namespace n on n.oid = t.relnamespace join pg_am a on a.oid = c.relam
  left join pg_constraint k on conindid = indexrelid and conrelid = indrelid and contype in ('p', 'u', 'x')
  left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = t.oid and d.deptype = 'e'
  left join pg_extension e on e.oid = d.refobjid
  cross join lateral (
    select sum(pg_table_size(o)) as size_bytes, count(*) - 1 as partitions, sum(pg_stat_get_numscans(o)) as idx_scan
      from (select c.oid as o where c.relkind <> 'I'
            union all select relid from pg_partition_tree(c.oid) where c.relkind = 'I') family) s
 where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname !~ '^pg_temp_'";

fn find_index<'a>(report: &'a Value, schema: &str, index: &str) -> &'a Value {
    let found = array_field(report, "indexes").iter().find(|row| row["schema"] == schema && row["index"] == index);
    found.unwrap_or_else(|| panic!("no {schema}.{index}"))
}

#[tokio::test]
async fn indexes_match_the_catalog() {
    on_every_installation("list of indexes", async |major, _| {
        for cluster in [&fixture_servers(major).primary, &fixture_servers(major).standby] {
            let report = report_json(&["indexes", "--exact", "-d", &role_conninfo(cluster, "stranger", DATABASE)]);
            let truth = query_objects(cluster, DATABASE, CATALOG_QUERY).await;
            assert!(truth.len() > 30, "{}", truth.len());
            for row in &truth {
                let shown = find_index(&report, row["schema"].as_str().unwrap(), row["index"].as_str().unwrap());
                for (column, expected) in row.as_object().unwrap() {
                    assert_eq!(shown[column], *expected, "{column} of {row}");
                }
                assert_eq!(shown["size_source"], "exact");
            }
            assert_eq!(array_field(&report, "indexes").len(), truth.len(), "an unknown or duplicate index");
        }
    })
    .await;
}

#[tokio::test]
async fn indexes_properties_are_reported() {
    on_every_installation("kinds of indexes", async |major, _| {
        let report =
            report_json(&["indexes", "-d", &role_conninfo(&fixture_servers(major).primary, "watcher", DATABASE)]);
        let zoo = |index: &str| find_index(&report, "zoo", index);
        assert_eq!(zoo("invalid_one")["is_valid"], false);
        assert_eq!(zoo("tree_word")["is_valid"], false, "created ON ONLY");
        assert_eq!((&zoo("tree_id")["is_valid"], &zoo("tree_id")["partitions"]), (&true.into(), &4.into()));
        assert!(zoo("tree_id")["size_bytes"].as_i64() > Some(100_000));
        assert_eq!(zoo("heap_include")["key_columns"], value!(["kept"]));
        assert_eq!(zoo("heap_include")["include_columns"], value!(["word", "number"]));
        assert_eq!(zoo("heap_expression")["key_columns"], value!([null, "number", null]));
        assert_eq!(zoo("heap_span_excl")["constraint"], "exclusion");
        assert_eq!(zoo("heap_number_key")["constraint"], "unique");
        assert_eq!(zoo("heap_pkey")["constraint"], "primary_key");
        assert_eq!(zoo("heap_pkey")["parent"], Value::Null);
        assert!(zoo("heap_identity")["is_replica_identity"] == true && zoo("heap_clustered")["is_clustered"] == true);
        assert!(zoo("heap_partial")["is_partial"] == true && zoo("heap_expression")["is_expression"] == true);
        for method in ["gin", "hash", "brin", "spgist"] {
            assert_eq!(zoo(&format!("heap_{method}"))["method"], method);
        }
        for name in NAMES {
            assert_eq!(find_index(&report, name, &index_name(name))["key_columns"], value!([name]));
        }
        let observation = &report["observation"];
        assert_eq!(observation["database"], DATABASE);
        assert!(observation["since"].is_string() && observation["seconds"].is_i64(), "{observation}");
    })
    .await;
}

#[tokio::test]
async fn indexes_filters_and_sort_orders() {
    on_a_major_and_the_newest(13, "filters of indexes", async |major, _| {
        let conninfo = role_conninfo(&fixture_servers(major).primary, "postgres", DATABASE);
        let shown = |arguments: &[&str]| report_json(&[&["indexes", "-d", &conninfo], arguments].concat());
        let of_heap = shown(&["--schema", "zoo", "--table", "heap"]);
        assert_eq!(array_field(&of_heap, "indexes").len(), 13);
        assert!(
            array_field(&of_heap, "indexes")
                .iter()
                .all(|index| index["table"] == "heap" && index["definition"].is_string())
        );
        let large = shown(&["list", "--min-size", "100kB"]);
        assert!(array_field(&large, "indexes").iter().all(|index| index["size_bytes"].as_i64() >= Some(100 << 10)));
        assert_eq!(array_field(&shown(&["--limit", "4"]), "indexes").len(), 4);
        for (sort, field, rising) in [("size", "size_bytes", false), ("scans", "idx_scan", true)] {
            let report = shown(&["--sort", sort]);
            let mut values: Vec<i64> =
                array_field(&report, "indexes").iter().map(|index| index[field].as_i64().unwrap()).collect();
            if !rising {
                values.reverse();
            }
            assert!(values.is_sorted(), "{sort}: {values:?}");
        }
        let texts = |report: &Value, field: &str| {
            let values = array_field(report, "indexes").iter().map(|row| row[field].as_str().unwrap_or("").to_owned());
            values.collect::<Vec<String>>()
        };
        assert!(
            texts(&shown(&["--sort", "last-scan"]), "last_idx_scan").is_sorted(),
            "never scanned indexes come first"
        );
        let by_table = shown(&["--sort", "table", "--schema", "zoo"]);
        assert!(texts(&by_table, "table").is_sorted());
        assert!(texts(&shown(&["--sort", "name", "--schema", "zoo"]), "index").is_sorted());
    })
    .await;
}
