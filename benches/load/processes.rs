//! One run of a report, observed on the server.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use tokio_postgres::Client;

use super::locks::Locks;

/// The costs of the server processes that served the run.
#[derive(Default)]
pub struct RunCost {
    cpu: HashMap<i32, Duration>,
    memory: HashMap<i32, u64>,
    /// Blocks of the database and of the shared catalogs.
    hit: i64,
    read: i64,
    locks: Locks,
}

const BLOCK_COUNTERS: &str = "select sum(blks_hit)::bigint, sum(blks_read)::bigint from pg_stat_database \
     where datname = current_database() or datid = 0";

async fn postmaster_pid(client: &Client) -> u32 {
    let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await.expect("its pid").get(0);
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a server on this machine");
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("its parent")
}

fn child_pids(postmaster: u32) -> Vec<i32> {
    let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

async fn block_counters(client: &Client) -> (i64, i64) {
    // Processes report their statistics when they end; others see them with a delay.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let row = client.query_one(BLOCK_COUNTERS, &[]).await.expect("counters");
    (row.get(0), row.get(1))
}

impl RunCost {
    pub async fn measure_run(client: &Client, arguments: &[&str], conninfo: &str) -> RunCost {
        let mut watched = RunCost::default();
        let (before, idle) = (block_counters(client).await, block_counters(client).await);
        // The query itself reads blocks, too.
        let own = (idle.0 - before.0, idle.1 - before.1);
        let postmaster = postmaster_pid(client).await;
        let child_pids_now = child_pids(postmaster);
        let mut child = super::report_command(arguments, conninfo).spawn().expect("it starts");
        while child.try_wait().expect("it can be waited for").is_none() {
            watched.sample_processes(postmaster, &child_pids_now);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let after = block_counters(client).await;
        (watched.hit, watched.read) = (after.0 - idle.0 - own.0, after.1 - idle.1 - own.1);
        // A second run for the locks: sampling them costs the server time and blocks.
        let mut child = super::report_command(arguments, conninfo).spawn().expect("it starts");
        while child.try_wait().expect("it can be waited for").is_none() {
            watched.locks.sample_locks(client).await;
        }
        watched
    }

    /// Reads /proc only, which costs the server nothing: children of the postmaster that did not exist before.
    fn sample_processes(&mut self, postmaster: u32, before: &[i32]) {
        for pid in child_pids(postmaster).into_iter().filter(|pid| !before.contains(pid)) {
            let of = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
            // The first number: nanoseconds on a processor. Private pages are not used: a shared buffer that only one
            // process has touched so far counts among them.
            let cpu = of("schedstat").split_whitespace().next().and_then(|text| text.parse().ok());
            let own = of("smaps_rollup").lines().find_map(|line| Some(line.strip_prefix("Anonymous:")?.to_owned()));
            let own = own.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
            if let (Some(cpu), Some(own)) = (cpu, own) {
                self.cpu.insert(pid, Duration::from_nanos(cpu));
                let peak = self.memory.entry(pid).or_default();
                *peak = own.max(*peak);
            }
        }
    }

    pub fn table_cells(&self) -> String {
        let cpu: Duration = self.cpu.values().sum();
        let memory = self.memory.values().max().copied().unwrap_or_default();
        format!(
            "{:.0} ms | {} | {} | {} | {} | {:.1} MB | {}",
            cpu.as_secs_f64() * 1e3,
            self.hit,
            self.read,
            self.locks.max_count,
            self.locks.strongest.as_deref().unwrap_or("none seen"),
            memory as f64 / 1024.0,
            self.cpu.len(),
        )
    }

    /// Asserts that no lock is stronger than that of a plain SELECT.
    pub fn assert_only_select_locks(&self, arguments: &[&str]) {
        assert!(self.locks.takes_only_select_locks(), "{arguments:?} holds {:?}", self.locks.strongest);
    }
}
