//! Drops through pgbouncer in transaction mode: each statement may use another server process.

use pg_sandbox::StandbyOptions;

use super::program::{create_drop_target, run_slots_drop, slot_names, write_wal};
use crate::clusters::{execute_sql, on_a_major_and_the_newest, print_stderr};
use crate::connection::pgbouncer::{Pgbouncer, find_pgbouncer};
use crate::reports::fixture_servers::wait_until_true;

#[tokio::test]
async fn drop_through_pooler() {
    let name = "slots drop through pgbouncer";
    let Some(program) = find_pgbouncer(name) else { return };
    on_a_major_and_the_newest(15, name, async |major, installation| {
        let mut drop_target = create_drop_target(installation);
        for name in ["forgotten", "in_use", "kept"] {
            let create = format!("select pg_create_physical_replication_slot('{name}', true)");
            execute_sql(&drop_target.cluster, "postgres", &create).await;
        }
        let uses = StandbyOptions { primary_slot_name: Some("in_use".to_owned()), ..StandbyOptions::default() };
        let _standby = drop_target.cluster.create_standby(&uses).expect("a standby");
        wait_until_true(&drop_target.cluster, "select active from pg_replication_slots where slot_name = 'in_use'")
            .await;
        write_wal(&drop_target.cluster, 4).await;
        let pooler = Pgbouncer::start(&program, &drop_target.cluster).await;
        let flags = ["--yes", "--allow-unproven", "--allow-managed"];

        let refused = run_slots_drop(&pooler.conninfo(), &drop_target.history(), &[&["in_use"], &flags[..]].concat());
        assert_eq!((refused.exit, refused.outcome_of("in_use")), (4, "active".to_owned()), "{}", refused.stderr);
        let dropped =
            run_slots_drop(&pooler.conninfo(), &drop_target.history(), &[&["forgotten"], &flags[..]].concat());
        assert_eq!((dropped.exit, dropped.outcome_of("forgotten")), (0, "done".to_owned()), "{}", dropped.stderr);
        assert_eq!(slot_names(&drop_target.cluster).await, ["in_use", "kept"]);
        assert_eq!(drop_target.journal_entries().len(), 1);
        print_stderr(&format!("{name}: through one connection to {major}"));
    })
    .await;
}
