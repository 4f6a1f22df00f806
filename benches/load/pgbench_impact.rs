//! The loss of pgbench while a report runs every two seconds, in pairs of runs with and without reports.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pg_sandbox::{Cluster, Installation};

use super::REPORTS;

const RUN_SECONDS: u64 = 5;
const REPORT_INTERVAL: Duration = Duration::from_secs(2);

/// Returns the pgbench of the server's installation, or another one on this machine.
fn find_pgbench(installation: &Installation) -> Option<PathBuf> {
    let own = installation.bin.join("pgbench");
    let packaged = (13..=30).rev().map(|major| PathBuf::from(format!("/usr/lib/postgresql/{major}/bin/pgbench")));
    std::iter::once(own).chain(packaged).find(|path| path.exists())
}

pub async fn print_pgbench_impact(cluster: &Cluster, installation: &Installation) {
    let Some(pgbench) = find_pgbench(installation) else { return println!("\npgbench: not run, it is not installed") };
    let pairs: usize = env::var("PGTEND_BENCH_PAIRS").ok().and_then(|pairs| pairs.parse().ok()).unwrap_or(10);
    let client = super::open_session(&cluster.conninfo()).await;
    client.batch_execute("create database bench").await.expect("a database");
    let conninfo = format!("{} dbname=bench", cluster.conninfo());
    let made = Command::new(&pgbench)
        .args(["-i", "-q", "-s", "10"])
        .args(connection_arguments(cluster))
        .output()
        .expect("it runs");
    assert!(made.status.success(), "{made:?}");
    let clients = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    println!("\npgbench at full load: {clients} clients, {RUN_SECONDS} s per run, {pairs} pairs\n");
    println!(
        "| | transactions per second | with a report every {} s | lost |\n| --- | ---: | ---: | ---: |",
        REPORT_INTERVAL.as_secs()
    );
    let mut next = 0;
    for (name, arguments) in [("TPC-B-like", &[][..]), ("select only", &["-S"])] {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for pair in 0..pairs {
            // The order alternates, because the first run may warm up or slow down the machine.
            for is_with in if pair % 2 == 0 { [false, true] } else { [true, false] } {
                let rate = transactions_per_second(
                    &pgbench,
                    cluster,
                    clients,
                    arguments,
                    is_with.then_some((&conninfo, &mut next)),
                );
                if is_with { with.push(rate) } else { without.push(rate) }
            }
        }
        let lost: Vec<f64> = without.iter().zip(&with).map(|(without, with)| 100.0 * (1.0 - with / without)).collect();
        let (mean, deviation) = mean_and_error(&lost);
        let average = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        println!("| {name} | {:.0} | {:.0} | {mean:.1} % ± {deviation:.1} |", average(&without), average(&with));
    }
    println!("\n± is the standard error of the mean over the pairs.");
}

fn connection_arguments(cluster: &Cluster) -> Vec<String> {
    let port = cluster.port().to_string();
    let host = cluster.socket_dir().display().to_string();
    ["-h", &host, "-p", &port, "-U", "postgres", "bench"].map(str::to_owned).to_vec()
}

/// Returns the transactions per second; if requested, reports run meanwhile in turn.
fn transactions_per_second(
    pgbench: &PathBuf,
    cluster: &Cluster,
    clients: usize,
    more: &[&str],
    mut reports: Option<(&String, &mut usize)>,
) -> f64 {
    let clients = clients.to_string();
    let run = ["-n", "-c", &clients, "-T", &RUN_SECONDS.to_string()];
    let mut load = Command::new(pgbench);
    load.args(run).args(more).args(connection_arguments(cluster)).stdout(Stdio::piped()).stderr(Stdio::null());
    let load = load.spawn().expect("it starts");
    let begun = Instant::now();
    let end = Duration::from_secs(RUN_SECONDS);
    while let Some((conninfo, next)) = reports.as_mut().filter(|_| begun.elapsed() + REPORT_INTERVAL / 2 < end) {
        super::report_command(REPORTS[**next % REPORTS.len()], conninfo).status().expect("it starts");
        **next += 1;
        let turns = u32::try_from(begun.elapsed().as_millis() / REPORT_INTERVAL.as_millis() + 1).unwrap_or(u32::MAX);
        std::thread::sleep((REPORT_INTERVAL * turns).saturating_sub(begun.elapsed()));
    }
    let output = load.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split_whitespace().next()?.parse().ok());
    rate.unwrap_or_else(|| panic!("pgbench printed no rate: {text}"))
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    (mean, (variance / count).sqrt())
}
