//! The size after a logical copy, predicted and then really copied.

use std::collections::BTreeMap;

use pgtend::model::{
    Snapshot,
    arrival::{DatabaseForecast, Forecast, Part},
};
use pgtend::sandbox::Cluster;

use super::copies::{by_script, can_dump, dump_and_restore, script, sizes};
use crate::clusters::{database, on_every_installation, options, private, say};

/// How far the whole, and each of the twenty largest relations, may be off: shares of the truth.
const WHOLE: f64 = 0.05;
const EACH: f64 = 0.10;

/// What a look predicts for each relation, by the names of [`sizes`]; whether its kind is held to an interval only.
fn predicted(cluster: &Cluster, database: &str, arguments: &[&str]) -> (BTreeMap<String, (Forecast, bool)>, Forecast) {
    let conninfo = cluster.conninfo().replace("dbname=postgres", &format!("dbname={database}"));
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pgtend"));
    command.env_clear().env("HOME", "/nonexistent").args(["snapshot", "-w", "-d", &conninfo]).args(arguments);
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let snapshot = Snapshot::from_json(&String::from_utf8_lossy(&output.stdout)).expect("a snapshot");
    let contents = &snapshot.contents[0];
    let forecast = DatabaseForecast::of(contents).expect("a forecast");
    let mut by_name = BTreeMap::new();
    for relation in forecast.relations.iter().filter(|it| it.table.schema == "public") {
        let (name, within) = match (relation.part, relation.index) {
            (Part::Index, Some(index)) => (index.index.clone(), index.method != "btree"),
            (Part::Toast, _) => (format!("toast of {}", relation.table.table), false),
            // Long rows of differing length, few to a page: known to an interval, too.
            _ => (
                relation.table.table.clone(),
                relation.after.high_bytes as f64 > relation.after.bytes as f64 * (1.0 + EACH),
            ),
        };
        by_name.insert(name, (relation.after, within));
    }
    (by_name, forecast.total)
}

/// On the major whose pg_dump this machine has, and by a script on one other: the whole suite should not take long.
async fn hold_against_a_copy(name: &str, text: &str, scripted_on: u32) {
    let what = format!("prediction of {name}");
    on_every_installation(&what, async |major, installation| {
        if major != scripted_on && !can_dump(major) {
            return say(&format!("{what}: NOT RUN on {major}, there are other sets for it"));
        }
        let cluster = private(installation, options().set("autovacuum", "off"));
        let db = database(&cluster).await;
        script(&cluster, &db, text).await;
        let before = sizes(&cluster, &db, "public").await;
        let (told, total) = predicted(&cluster, &db, &[]);
        let (after, whole) = if can_dump(major) {
            let (after, whole) = dump_and_restore(&cluster, &db).await;
            (after, Some(whole))
        } else {
            (by_script(&cluster, &db).await, None)
        };
        let mut rows: Vec<(&String, u64, Forecast, bool)> =
            told.iter().map(|(name, (forecast, within))| (name, after[name], *forecast, *within)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.1));
        let mut wrong = Vec::new();
        say(&format!("{major} {name}: relation, now, predicted (interval), true, off"));
        for (at, (relation, truth, forecast, within)) in rows.iter().enumerate().take(24) {
            let off = forecast.bytes as f64 / *truth as f64 - 1.0;
            let is_inside = (forecast.low_bytes..=forecast.high_bytes).contains(truth);
            say(&format!(
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
            if at < 20 && if *within { !is_inside } else { off.abs() > EACH } {
                wrong.push(format!("{relation} {:+.1} %", off * 100.0));
            }
        }
        let relations: u64 = after.values().sum();
        let sum: u64 = told.values().map(|(forecast, _)| forecast.bytes).sum();
        let off = sum as f64 / relations as f64 - 1.0;
        say(&format!("  relations together {} kB, true {} kB: {:+.1} %", sum / 1024, relations / 1024, off * 100.0));
        if off.abs() > WHOLE {
            wrong.push(format!("all relations {:+.1} %", off * 100.0));
        }
        if let Some(whole) = whole {
            let off = total.bytes as f64 / whole as f64 - 1.0;
            say(&format!("  the database {} kB, true {} kB: {:+.1} %", total.bytes / 1024, whole / 1024, off * 100.0));
            if off.abs() > WHOLE {
                wrong.push(format!("the database {:+.1} %", off * 100.0));
            }
        }
        assert!(wrong.is_empty(), "{major} {name}: {wrong:?}");
    })
    .await;
}

#[tokio::test]
async fn a_shop_is_predicted() {
    hold_against_a_copy("shop", include_str!("sets/shop.sql"), 13).await;
}

#[tokio::test]
async fn documents_are_predicted() {
    hold_against_a_copy("documents", include_str!("sets/documents.sql"), 14).await;
}

#[tokio::test]
async fn events_are_predicted() {
    hold_against_a_copy("events", include_str!("sets/events.sql"), 16).await;
}

#[tokio::test]
async fn a_ledger_is_predicted() {
    hold_against_a_copy("ledger", include_str!("sets/ledger.sql"), 17).await;
}

#[tokio::test]
async fn a_clinic_is_predicted_that_the_model_was_not_made_for() {
    hold_against_a_copy("clinic", include_str!("sets/clinic.sql"), 18).await;
}

#[tokio::test]
async fn a_registry_is_predicted_that_the_model_never_saw() {
    hold_against_a_copy("registry", include_str!("sets/registry.sql"), 17).await;
}
