//! The maintenance script. Maintenance concerns one server, so it is not a migration of the schema.

use super::quote::format_comment;
use crate::actions::index_migration::plan::{MaintenanceTask, Repair};
use crate::quote::{qualified, quote_literal, regclass_name};

/// Returns a script for psql. It can be repeated after any failure: each step first queries whether it is still
/// necessary.
pub fn maintenance_script(header: &[String], tasks: &[MaintenanceTask]) -> String {
    let mut script = format_comment("--", header);
    script.push_str("\\set ON_ERROR_STOP on\n\\timing on\nSET statement_timeout = 0;\nSET lock_timeout = '5min';\n");
    for task in tasks {
        let name = qualified(&task.schema, &task.index);
        let regclass = quote_literal(&regclass_name(&task.schema, &task.index));
        script.push('\n');
        script.push_str(&format_comment("--", &task.why));
        match task.repair {
            // A valid index may have this name by now.
            Repair::Drop => script.push_str(&format!(
                "{}\\if :is_due\nDROP INDEX CONCURRENTLY IF EXISTS {name};\n\\endif\n",
                is_due_query(&format!("i.indexrelid = pg_catalog.to_regclass({regclass}) AND NOT i.indisvalid"))
            )),
            // A rebuild changes the OID, so it is done only once.
            Repair::Rebuild => script.push_str(&format!(
                "{}\\if :is_due\n{}REINDEX INDEX CONCURRENTLY {name};\n\\endif\n",
                is_due_query(&format!(
                    "i.indexrelid = pg_catalog.to_regclass({regclass}) AND i.indexrelid = {}",
                    task.oid
                )),
                drop_leftovers_query(task),
            )),
        }
    }
    script
}

fn is_due_query(condition: &str) -> String {
    format!("SELECT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE {condition}) AS is_due \\gset\n")
}

/// Drops what earlier attempts at this rebuild left behind, unless a build is running.
fn drop_leftovers_query(task: &MaintenanceTask) -> String {
    format!(
        "SELECT pg_catalog.format('DROP INDEX CONCURRENTLY IF EXISTS %I.%I', n.nspname, c.relname)\n  \
         FROM pg_catalog.pg_index i\n  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid\n  \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n \
         WHERE NOT i.indisvalid\n   AND i.indrelid = (SELECT o.indrelid FROM pg_catalog.pg_index o WHERE o.indexrelid = {})\n   \
         AND pg_catalog.regexp_replace(c.relname, '_ccnew[0-9]*$', '') = {}\n   AND c.relname ~ '_ccnew[0-9]*$'\n   \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)\n\\gexec\n",
        task.oid,
        quote_literal(&task.index),
    )
}
