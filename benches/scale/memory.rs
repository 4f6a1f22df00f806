//! The memory of the client and of the server's processes, read from Linux's /proc.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use tokio_postgres::NoTls;

use super::data::DATABASE;

/// Peak values in kB.
#[derive(Default)]
pub struct Peaks {
    pub client: Option<u64>,
    /// The peak of each server process of the database.
    backends: HashMap<u32, u64>,
    /// The processor time of these processes.
    cpu_times: HashMap<u32, Duration>,
}

impl Peaks {
    pub fn sample_memory(&mut self, postmaster: u32, client: u32) {
        self.client = self.client.max(status_field(&format!("/proc/{client}/status"), "VmHWM:"));
        let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap_or_default();
        for pid in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
            // "postgres: postgres scale [local] SELECT"
            let title = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            if title.contains(&format!(" {DATABASE} "))
                && let Some(now) = anonymous_memory(pid)
            {
                if let Some(time) = process_cpu_time(pid) {
                    self.cpu_times.insert(pid, time);
                }
                let peak = self.backends.entry(pid).or_default();
                *peak = now.max(*peak);
            }
        }
    }

    /// Returns the peak of the largest backend.
    pub fn largest_backend(&self) -> Option<u64> {
        self.backends.values().max().copied()
    }

    /// Returns the processor time of all backends; unlike elapsed time it does not depend on other load.
    pub fn cpu_time(&self) -> Duration {
        self.cpu_times.values().sum()
    }

    /// Returns the number of backends.
    pub fn backend_count(&self) -> usize {
        self.backends.len()
    }
}

/// Returns the memory of a new backend.
pub fn fresh_backend_memory(conninfo: &str) -> Option<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(conninfo, NoTls).await.expect("a session");
        tokio::spawn(connection);
        let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await.expect("its pid").get(0);
        anonymous_memory(pid.unsigned_abs())
    })
}

/// Returns the anonymous memory of a process. The private pages of smaps are not used: a shared buffer that only one
/// process has touched so far counts among them.
fn anonymous_memory(pid: u32) -> Option<u64> {
    status_field(&format!("/proc/{pid}/smaps_rollup"), "Anonymous:")
}

/// The first number of schedstat: nanoseconds on a processor.
fn process_cpu_time(pid: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Returns a field in kB; `None` if the file cannot be read or lacks it.
fn status_field(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}
