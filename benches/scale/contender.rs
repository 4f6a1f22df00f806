//! The commands that are compared, and their targets.

use std::process::{Command, Stdio};

use super::data::MONITOR_ROLE;
use super::reference;

/// Targets from the project's goals; none if there is no goal.
#[derive(Clone, Copy, Default)]
pub struct Targets {
    /// Ratio to the reference's time.
    pub ratio: Option<f64>,
    pub client_mb: Option<u64>,
    /// Memory of the largest server process.
    pub backend_mb: Option<u64>,
}

pub struct Contender {
    pub name: &'static str,
    pub targets: Targets,
    /// `None`: the reference.
    arguments: Option<&'static [&'static str]>,
    conninfo: String,
}

impl Contender {
    pub fn command(&self) -> Command {
        let mut command = match self.arguments {
            None => reference::reference_command(&self.conninfo),
            Some(arguments) => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
                command.args(arguments).args(["-d", &self.conninfo]);
                command
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

/// Returns the commands, the reference first.
pub fn all_contenders(conninfo: &str) -> Vec<Contender> {
    let default = Targets { ratio: Some(0.4), client_mb: Some(100), backend_mb: Some(50) };
    let exact = Targets { ratio: Some(1.1), client_mb: None, backend_mb: Some(100) };
    let estimate = Targets { ratio: Some(0.7), ..exact };
    let contender = |name, targets, arguments| Contender { name, targets, arguments, conninfo: conninfo.to_owned() };
    // A role without EXECUTE on pg_stat_file: sizes are read relation by relation.
    let monitor = |name, targets, arguments| Contender {
        name,
        targets,
        arguments,
        conninfo: conninfo.replace("user=postgres", &format!("user={MONITOR_ROLE}")),
    };
    vec![
        contender("reference", Targets::default(), None),
        contender("tables, JSON", default, Some(&["tables", "--format", "json"])),
        contender("indexes, JSON", default, Some(&["indexes", "--format", "json"])),
        contender("overview", default, Some(&["overview"])),
        contender("tables --exact", exact, Some(&["tables", "--exact"])),
        contender("tables --exact --jobs 2", estimate, Some(&["tables", "--exact", "--jobs", "2"])),
        monitor("tables, JSON, as pg_monitor", default, Some(&["tables", "--format", "json"])),
        monitor("indexes, JSON, as pg_monitor", default, Some(&["indexes", "--format", "json"])),
        monitor("tables --exact, as pg_monitor", exact, Some(&["tables", "--exact"])),
        monitor("tables --exact --jobs 2, as pg_monitor", estimate, Some(&["tables", "--exact", "--jobs", "2"])),
    ]
}
