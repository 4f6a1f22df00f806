//! Servers on which default privileges of PUBLIC are revoked: each fact may be missing without the others.

use super::fixture_servers::{execute_batch, role_conninfo};
use super::nulls::assert_nulls_explained;
use super::program::{REPORT_NAMES, report_json, run_pgtend};
use crate::clusters::{connect_superuser, create_database, on_every_major};

/// A privilege that may be revoked, and a report that needs it.
const REVOKED_PRIVILEGES: [(&str, &str); 24] = [
    ("execute on function pg_database_size(oid)", "databases"),
    ("execute on function pg_relation_size(regclass, text)", "tables"),
    ("execute on function pg_relation_size(regclass, text)", "tables"),
    ("execute on function pg_control_system()", "wal"),
    ("execute on function pg_control_checkpoint()", "wal"),
    ("execute on function pg_tablespace_size(oid)", "overview"),
    ("execute on function pg_current_wal_lsn()", "slots"),
    ("execute on function pg_get_indexdef(oid)", "indexes"),
    ("execute on function pg_stat_get_live_tuples(oid)", "tables"),
    ("execute on function pg_stat_get_numscans(oid)", "indexes"),
    ("select on pg_replication_slots", "slots"),
    ("select on pg_stat_replication", "slots"),
    ("select on pg_subscription", "slots"),
    ("select on pg_stat_activity", "slots"),
    ("select on pg_prepared_xacts", "slots"),
    ("select on pg_stat_archiver", "wal"),
    ("select on pg_stat_database", "databases"),
    ("select on pg_tablespace", "databases"),
    ("select on pg_locks", "tables"),
    ("select on pg_inherits", "tables"),
    ("select on pg_constraint", "indexes"),
    ("select on pg_attribute", "indexes"),
    ("select on pg_proc", "wal"),
    ("select on pg_stat_slru", "indexes"),
];

#[tokio::test]
async fn privileges_missing_facts_fail_alone() {
    on_every_major("servers with revoked privileges", async |major, cluster| {
        // Privileges on catalogs are per database.
        let name = create_database(cluster).await;
        let superuser = connect_superuser(cluster, &name).await;
        let setup = "create role hardened login; create table t (id int primary key, word text);
                     insert into t select n, 'x' from generate_series(1, 1000) n; create index on t (word)";
        execute_batch(&superuser, setup).await;
        let slot = format!("select pg_create_physical_replication_slot('{name}', true)");
        execute_batch(&superuser, &slot).await;
        let conninfo = role_conninfo(cluster, "hardened", &name);
        let usual = REPORT_NAMES.map(|report| report_json(&[report, "-d", &conninfo])["unavailable"].clone());
        for (what, missed) in REVOKED_PRIVILEGES {
            execute_batch(&superuser, &format!("revoke {what} from public")).await;
            // The individual privileges are tested on one major.
            if major == 17 {
                for (report, usual) in REPORT_NAMES.iter().zip(&usual) {
                    let json = report_json(&[report, "-d", &conninfo]);
                    assert_nulls_explained(&format!("{report} without {what}"), &json);
                    assert!(
                        *report != missed || json["unavailable"] != *usual,
                        "{report} without {what} does not report it: {json}"
                    );
                    let text = run_pgtend(&[report, "-d", &conninfo]);
                    assert!(text.exit == 0 && text.stderr.is_empty(), "{report} without {what}: {text:?}");
                }
                execute_batch(&superuser, &format!("grant {what} to public")).await;
            }
        }
        for (what, _) in REVOKED_PRIVILEGES {
            execute_batch(&superuser, &format!("revoke {what} from public")).await;
        }
        for report in REPORT_NAMES {
            assert_nulls_explained(
                &format!("{report} of a hardened {major}"),
                &report_json(&[report, "-d", &conninfo]),
            );
        }
        execute_batch(&superuser, &format!("select pg_drop_replication_slot('{name}'); drop role hardened")).await;
    })
    .await;
}
