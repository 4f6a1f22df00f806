//! Dropping through pgbouncer in transaction mode: each statement may run in another process of the server.

use pgtend::sandbox::StandbyOptions;

use super::program::{place, run, slots, write_wal};
use crate::clusters::{on_a_major_and_the_newest, say, sql};
use crate::connection::pgbouncer::{Pgbouncer, program};
use crate::reports::zoo::wait_for;

#[tokio::test]
async fn a_slot_is_dropped_and_an_active_one_refused_through_a_pooler() {
    let name = "slots drop through pgbouncer";
    let Some(program) = program(name) else { return };
    on_a_major_and_the_newest(15, name, async |major, installation| {
        let mut place = place(installation);
        for name in ["forgotten", "in_use", "kept"] {
            let create = format!("select pg_create_physical_replication_slot('{name}', true)");
            sql(&place.cluster, "postgres", &create).await;
        }
        let uses = StandbyOptions { primary_slot_name: Some("in_use".to_owned()), ..StandbyOptions::default() };
        let _standby = place.cluster.standby(&uses).expect("a standby");
        wait_for(&place.cluster, "select active from pg_replication_slots where slot_name = 'in_use'").await;
        write_wal(&place.cluster, 4).await;
        let pooler = Pgbouncer::start(&program, &place.cluster).await;
        let flags = ["--yes", "--allow-unproven", "--allow-managed"];

        let refused = run(&pooler.conninfo(), &place.history(), &[&["in_use"], &flags[..]].concat());
        assert_eq!((refused.exit, refused.of("in_use")), (4, "active".to_owned()), "{}", refused.stderr);
        let dropped = run(&pooler.conninfo(), &place.history(), &[&["forgotten"], &flags[..]].concat());
        assert_eq!((dropped.exit, dropped.of("forgotten")), (0, "done".to_owned()), "{}", dropped.stderr);
        assert_eq!(slots(&place.cluster).await, ["in_use", "kept"]);
        assert_eq!(place.deeds().len(), 1);
        say(&format!("{name}: through one connection to {major}"));
    })
    .await;
}
