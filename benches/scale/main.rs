//! 119,000 relations: time, memory of pgtend and memory of the server's processes, compared with the plain query for
//! every size. `cargo bench --bench scale`; the first run creates the data, which takes minutes.
//!
//! `PGTEND_BENCH_MAJOR=17` selects the server, `PGTEND_BENCH_ROUNDS=5` sets the number of rounds. No time is a failure:
//! the figures are printed next to their targets.

#[path = "../server.rs"]
mod server;

mod completeness;
mod contender;
mod data;
mod memory;
mod reference;
mod results;

use std::env;
use std::time::{Duration, Instant};

use contender::Contender;
use memory::Peaks;
use pg_sandbox::Cluster;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [word, conninfo] = arguments.as_slice()
        && word == reference::REFERENCE_ARGUMENT
    {
        return reference::print_reference(conninfo);
    }
    if !server::is_benchmark_run("scale") {
        return;
    }
    let rounds = env::var("PGTEND_BENCH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let installation = server::installation();
    println!("Postgres {}, {} tables, {rounds} rounds", installation.version, data::TABLES);
    let cluster = data::start_cluster(&installation);
    let conninfo = data::conninfo(&cluster);
    let contenders = contender::all_contenders(&conninfo);

    let fresh = memory::fresh_backend_memory(&conninfo);
    let peaks: Vec<Peaks> = contenders.iter().map(|contender| measure_peaks(&cluster, contender)).collect();
    let mut times: Vec<Vec<Duration>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (contender, times) in contenders.iter().zip(&mut times) {
            times.push(time_run(contender));
        }
    }
    println!("\n{}", results::results_table(&contenders, &mut times, &peaks, fresh));
    println!("{}", completeness::compare_counts(&conninfo));
}

/// Measures one run without timing it, because sampling costs the server time.
fn measure_peaks(cluster: &Cluster, contender: &Contender) -> Peaks {
    // The server processes of the previous run have ended by then.
    std::thread::sleep(Duration::from_millis(300));
    let mut child = contender.command().spawn().expect("it starts");
    let mut peaks = Peaks::default();
    let postmaster = cluster.postmaster_pid().expect("the server runs");
    let status = loop {
        match child.try_wait().expect("it can be waited for") {
            Some(status) => break status,
            None => peaks.sample_memory(postmaster, child.id()),
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(status.success(), "{}: {status}", contender.name);
    peaks
}

fn time_run(contender: &Contender) -> Duration {
    let begun = Instant::now();
    let status = contender.command().status().expect("it starts");
    assert!(status.success(), "{}: {status}", contender.name);
    begun.elapsed()
}
