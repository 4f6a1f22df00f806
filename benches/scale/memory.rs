//! The memory of the client and of the server's processes, as the kernel of Linux tells it.

use std::collections::HashMap;
use std::fs;

use tokio_postgres::NoTls;

use super::data::DATABASE;

/// The most that was seen, in kB.
#[derive(Default)]
pub struct Peaks {
    pub client: Option<u64>,
    /// Of each server process that served the database.
    backends: HashMap<u32, u64>,
}

impl Peaks {
    pub fn look(&mut self, postmaster: u32, client: u32) {
        self.client = self.client.max(field(&format!("/proc/{client}/status"), &["VmHWM:"]));
        let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap_or_default();
        for pid in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
            // "postgres: postgres scale [local] SELECT"
            let title = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            if title.contains(&format!(" {DATABASE} "))
                && let Some(private) = private(pid)
            {
                let peak = self.backends.entry(pid).or_default();
                *peak = private.max(*peak);
            }
        }
    }

    /// The largest backend.
    pub fn backend(&self) -> Option<u64> {
        self.backends.values().max().copied()
    }

    /// How many backends there were.
    pub fn backends(&self) -> usize {
        self.backends.len()
    }
}

/// What a backend has before it is asked anything that matters.
pub fn of_a_fresh_backend(conninfo: &str) -> Option<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(conninfo, NoTls).await.expect("a session");
        tokio::spawn(connection);
        let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await.expect("its pid").get(0);
        private(pid.unsigned_abs())
    })
}

/// What belongs to one process alone.
fn private(pid: u32) -> Option<u64> {
    field(&format!("/proc/{pid}/smaps_rollup"), &["Private_Clean:", "Private_Dirty:"])
}

/// The sum of the fields in kB; none if the file cannot be read or lacks them.
fn field(file: &str, names: &[&str]) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let of = |name: &&str| text.lines().find_map(|line| line.strip_prefix(*name));
    names.iter().map(|name| of(name)?.split_whitespace().next()?.parse::<u64>().ok()).sum()
}
