//! All that the catalogs say of a database's indexes, with names instead of OIDs.

use pgtend::sandbox::Cluster;
use std::collections::HashSet;
use std::process::Command;

use crate::clusters::query_texts;

/// Each query answers lines; what differs after a way there and back was lost on it.
const QUERIES: [&str; 7] = [
    // pg_class and pg_index, field by field.
    "select format('index %s.%s on %s: %s %s %s %s %s attached=%s', n.nspname, c.relname, i.indrelid::regclass, c.relkind,
            m.amname, coalesce(s.spcname, '-'), c.reloptions, c.relpersistence, c.relispartition)
       from pg_class c join pg_index i on i.indexrelid = c.oid join pg_namespace n on n.oid = c.relnamespace
       join pg_am m on m.oid = c.relam left join pg_tablespace s on s.oid = c.reltablespace
      where n.nspname !~ '^pg_'",
    "select format('pg_index %s: %s %s', i.indexrelid::regclass,
            (to_jsonb(i) - 'indexrelid' - 'indrelid' - 'indexprs' - 'indpred' - 'indcollation' - 'indclass')::text,
            pg_get_indexdef(i.indexrelid))
       from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname !~ '^pg_'",
    "select format('column %s.%s: %s %s %s %s %s', a.attrelid::regclass, a.attnum, a.attname, a.atttypid::regtype,
            a.attcollation::regcollation, coalesce(a.attstattarget, -1), a.attoptions)
       from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('i', 'I') and n.nspname !~ '^pg_' and a.attnum > 0",
    "select format('comment %s: %s', d.objoid::regclass, d.description)
       from pg_description d join pg_class c on c.oid = d.objoid and d.classoid = 'pg_class'::regclass
      where c.relkind in ('i', 'I')",
    "select format('inherits %s: %s %s', h.inhrelid::regclass, h.inhparent::regclass, h.inhseqno)
       from pg_inherits h join pg_class c on c.oid = h.inhrelid where c.relkind in ('i', 'I')",
    // A column may be depended on twice, by an expression and by a predicate.
    "select distinct format('depends %s on %s: %s', pg_describe_object(d.classid, d.objid, d.objsubid),
            pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid), d.deptype)
       from pg_depend d join pg_class c on c.oid = d.objid join pg_namespace n on n.oid = c.relnamespace
      where d.classid = 'pg_class'::regclass and c.relkind in ('i', 'I') and n.nspname !~ '^pg_'",
    // What the planner knows of an expression goes with the index; of an empty table there is nothing.
    "select format('statistics %s: %s', s.starelid::regclass, s.staattnum)
       from pg_statistic s join pg_class c on c.oid = s.starelid where c.relkind in ('i', 'I')
     union all
     select format('table %s: %s %s', c.oid::regclass, c.relreplident, c.relhasindex)
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^(pg_|information_schema)'",
];

pub async fn fingerprint(cluster: &Cluster, database: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for query in QUERIES {
        let query = format!("set search_path = ''; {}", query.replace(" pg_", " pg_catalog.pg_"));
        let rows = query_texts(cluster, database, &query).await;
        lines.extend(rows.into_iter().map(|mut row| row.remove(0).expect("a line")));
    }
    lines.sort();
    lines
}

/// The first lines that only one of them has.
pub fn differences(before: &[String], after: &[String]) -> Vec<String> {
    let only = |mark: &str, these: &[String], those: &[String]| -> Vec<String> {
        let those: HashSet<&String> = those.iter().collect();
        these.iter().filter(|line| !those.contains(line)).take(8).map(|line| format!("{mark} {line}")).collect()
    };
    [only("-", before, after), only("+", after, before)].concat()
}

/// `pg_dump -s` of the cluster's own version, where it lies beside the server.
pub fn schema_dump(cluster: &Cluster, database: &str) -> Option<String> {
    let program = cluster.installation().bin.join("pg_dump");
    if !program.exists() {
        return None;
    }
    let conninfo = format!("{} dbname={database}", cluster.conninfo());
    let output = Command::new(program).args(["-s", "-d", &conninfo]).output().expect("pg_dump runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    // Newer ones begin and end with a word of their own each time.
    Some(
        text.lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
            .map(|line| format!("{line}\n"))
            .collect(),
    )
}
