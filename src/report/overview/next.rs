//! Commands that show details of the findings.

use crate::analysis::slot::SlotVerdict;
use crate::checks::{CHECKS, ReportName};
use crate::facts::{Finding, Level};
use crate::quote::{PrintedConnection, ShellCommand};
use crate::report::slots;
use schemars::JsonSchema;
use serde::Serialize;

/// A command to run next.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NextCommand {
    pub command: String,
    description: String,
}

/// Returns whether a finding belongs to a report on one subject.
fn concerns(finding: &Finding, report: ReportName) -> bool {
    finding.level > Level::Unknown && CHECKS.iter().any(|check| check.name == finding.check && check.concerns(report))
}

/// Returns the commands that the findings suggest, followed by those that are always useful.
pub fn next_commands(findings: &[Finding], slots: &[slots::Row], connection: &PrintedConnection) -> Vec<NextCommand> {
    let next = |command: &str, description: &str| NextCommand {
        command: connection.command(command),
        description: description.to_owned(),
    };
    let mut commands = Vec::new();
    // Only stale slots can be dropped without naming them.
    let is_proven = |name: &str| {
        slots
            .iter()
            .any(|slot| slot.slot_name == name && slot.verdict == SlotVerdict::Stale && slot.protection.is_none())
    };
    let stale: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.check == "stale-slot" && is_proven(&finding.subject))
        .map(|finding| finding.subject.as_str())
        .collect();
    match stale[..] {
        [] => {}
        [name] => {
            let command = ShellCommand::new("pgtend slots drop").operand(name);
            commands.push(next(&command.to_string(), "print the plan, and drop the slot after confirmation"));
        }
        _ => commands.push(next("pgtend slots drop --stale", "print the plan, and drop the slots after confirmation")),
    }
    if !slots.is_empty() {
        commands.push(next("pgtend slots", "retained WAL, owner and verdict of each slot"));
    }
    if findings.iter().any(|finding| concerns(finding, ReportName::Wal)) {
        commands.push(next("pgtend wal", "WAL rate, what retains WAL, archiving"));
    }
    commands.push(next("pgtend tables", "heap, index and TOAST sizes of all tables"));
    commands.push(next("pgtend indexes --sort scans", "indexes, never scanned ones first"));
    commands
}
