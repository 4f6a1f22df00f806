//! The predicted size after a logical copy, compared with a real copy.

use std::collections::BTreeMap;

use pg_sandbox::Cluster;
use pgtend::analysis::copy_size::{DatabaseForecast, Forecast, RelationPart};
use pgtend::facts::Snapshot;

use super::copies::{can_dump, copy_by_script, dump_and_restore, relation_sizes, run_script};
use crate::clusters::{
    bulk_load_options, create_database, every_major_wanted, is_left_out, on_installations, print_stderr,
    private_cluster,
};

/// Tolerances for the total and for each of the twenty largest relations, as shares of the true size.
const TOTAL_TOLERANCE: f64 = 0.05;
const RELATION_TOLERANCE: f64 = 0.10;

/// Returns the forecast of each relation, with the names of [`sizes`], and whether only its interval is checked.
fn predicted_sizes(
    cluster: &Cluster,
    database: &str,
    arguments: &[&str],
) -> (BTreeMap<String, (Forecast, bool)>, Forecast) {
    let conninfo = cluster.conninfo().replace("dbname=postgres", &format!("dbname={database}"));
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pgtend"));
    command.env_clear().env("HOME", "/nonexistent").args(["snapshot", "-w", "-d", &conninfo]).args(arguments);
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let snapshot = Snapshot::from_json(&String::from_utf8_lossy(&output.stdout)).expect("a snapshot");
    let contents = &snapshot.database_snapshots[0];
    let forecast = DatabaseForecast::from_snapshot(contents, snapshot.server.version_num).expect("a forecast");
    let mut by_name = BTreeMap::new();
    for relation in forecast.relations.iter().filter(|relation| relation.table.schema == "public") {
        let (name, within) = match (relation.part, relation.index) {
            (RelationPart::Index, Some(index)) => (index.index.clone(), index.method != "btree"),
            (RelationPart::Toast, _) => (format!("toast of {}", relation.table.table), false),
            // Long rows of differing length, few to a page: only the interval is checked.
            _ => (
                relation.table.table.clone(),
                relation.after.high_bytes as f64 > relation.after.bytes as f64 * (1.0 + RELATION_TOLERANCE),
            ),
        };
        by_name.insert(name, (relation.after, within));
    }
    (by_name, forecast.total)
}

/// How a data set is copied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Copy {
    /// By a script on one major; each major has one data set.
    Scripted,
    /// By a script, and by pg_dump on a major for which this machine has it.
    ScriptedAndDumped,
}

async fn assert_prediction_matches_copy(name: &str, text: &str, scripted_on: u32, copy: Copy) {
    let what = format!("prediction of {name}");
    let is_wanted =
        |major| major == scripted_on || every_major_wanted() || copy == Copy::ScriptedAndDumped && can_dump(major);
    on_installations(&what, is_wanted, async |major, installation| {
        let cluster = private_cluster(installation, bulk_load_options());
        let db = create_database(&cluster).await;
        run_script(&cluster, &db, text).await;
        let before = relation_sizes(&cluster, &db, "public").await;
        let (predicted, total) = predicted_sizes(&cluster, &db, &[]);
        let (after, whole) = if can_dump(major) {
            let (after, whole) = dump_and_restore(&cluster, &db).await;
            (after, Some(whole))
        } else {
            (copy_by_script(&cluster, &db).await, None)
        };
        let mut rows: Vec<(&String, u64, Forecast, bool)> =
            predicted.iter().map(|(name, (forecast, within))| (name, after[name], *forecast, *within)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.1));
        let mut wrong = Vec::new();
        print_stderr(&format!("{major} {name}: relation, now, predicted (interval), true, off"));
        for (position, (relation, truth, forecast, within)) in rows.iter().enumerate().take(24) {
            let off = forecast.bytes as f64 / *truth as f64 - 1.0;
            let is_inside = (forecast.low_bytes..=forecast.high_bytes).contains(truth);
            print_stderr(&format!(
                "  {:<28} {:>7} kB {:>7} kB ({:>6}..{:>6}) {:>7} kB {:>+6.1} % {}",
                relation,
                before[*relation] / 1024,
                forecast.bytes / 1024,
                forecast.low_bytes / 1024,
                forecast.high_bytes / 1024,
                truth / 1024,
                off * 100.0,
                if is_inside { "" } else { "outside the interval" },
            ));
            if position < 20 && if *within { !is_inside } else { off.abs() > RELATION_TOLERANCE } {
                wrong.push(format!("{relation} {:+.1} %", off * 100.0));
            }
        }
        let relations: u64 = after.values().sum();
        let sum: u64 = predicted.values().map(|(forecast, _)| forecast.bytes).sum();
        let off = sum as f64 / relations as f64 - 1.0;
        print_stderr(&format!(
            "  relations together {} kB, true {} kB: {:+.1} %",
            sum / 1024,
            relations / 1024,
            off * 100.0
        ));
        if off.abs() > TOTAL_TOLERANCE {
            wrong.push(format!("all relations {:+.1} %", off * 100.0));
        }
        if let Some(whole) = whole {
            let off = total.bytes as f64 / whole as f64 - 1.0;
            print_stderr(&format!(
                "  the database {} kB, true {} kB: {:+.1} %",
                total.bytes / 1024,
                whole / 1024,
                off * 100.0
            ));
            if off.abs() > TOTAL_TOLERANCE {
                wrong.push(format!("the database {:+.1} %", off * 100.0));
            }
        }
        assert!(wrong.is_empty(), "{major} {name}: {wrong:?}");
    })
    .await;
}

#[tokio::test]
async fn prediction_matches_shop() {
    if is_left_out("prediction of shop") {
        return;
    }
    assert_prediction_matches_copy("shop", include_str!("sets/shop.sql"), 13, Copy::ScriptedAndDumped).await;
}

#[tokio::test]
async fn prediction_matches_documents() {
    assert_prediction_matches_copy("documents", include_str!("sets/documents.sql"), 14, Copy::ScriptedAndDumped).await;
}

#[tokio::test]
async fn prediction_matches_events() {
    assert_prediction_matches_copy("events", include_str!("sets/events.sql"), 16, Copy::Scripted).await;
}

#[tokio::test]
async fn prediction_matches_ledger() {
    assert_prediction_matches_copy("ledger", include_str!("sets/ledger.sql"), 17, Copy::ScriptedAndDumped).await;
}

#[tokio::test]
async fn prediction_matches_clinic() {
    if is_left_out("prediction of clinic") {
        return;
    }
    assert_prediction_matches_copy("clinic", include_str!("sets/clinic.sql"), 18, Copy::Scripted).await;
}

#[tokio::test]
async fn prediction_matches_registry() {
    assert_prediction_matches_copy("registry", include_str!("sets/registry.sql"), 15, Copy::ScriptedAndDumped).await;
}
