//! Rules with an id, their thresholds and their pages (`pgtend explain`): pure functions of a snapshot and its history.

mod assessment;
mod evidence;
mod outcome;
mod rules;
pub mod runner;
pub mod thresholds;

mod droppable_indexes;
mod id_age;
mod relation_bloat;
pub mod summary;
#[cfg(test)]
mod testing;

pub use assessment::{Assessment, assess};
pub use evidence::Evidence;
pub use outcome::{
    CheckOutcome, CheckOutcomeKind, Evaluation, NotApplicable, RuleFinding, exceeded_threshold, require_fact,
};
pub use rules::CHECKS;

use crate::facts::{Class, FactGroups};
use thresholds::Rule;

/// A report that shows findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportName {
    /// `pgtend overview`.
    Overview,
    /// `pgtend slots`.
    Slots,
    /// `pgtend indexes`.
    Indexes,
    /// `pgtend tables`.
    Tables,
    /// `pgtend wal`.
    Wal,
    /// `pgtend audit`.
    Audit,
}

impl ReportName {
    /// Returns the groups of facts that the checks shown by this report need.
    pub fn facts(self) -> FactGroups {
        CHECKS.iter().filter(|check| check.concerns(self)).map(|check| check.facts).collect()
    }
}

/// One check: its id, its page and its rule.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The id, such as `stale-slot`.
    pub name: &'static str,
    /// Page of `pgtend explain` in Markdown; the first line is its title.
    pub page: &'static str,
    /// Class and rule; `None` for a finding that only `pgtend indexes` has.
    pub nightly: Option<Nightly>,
    /// Facts that it needs in addition to the server's identity and settings.
    pub facts: FactGroups,
    /// Reports on one subject that show its findings. `check` shows all findings, `overview` all alerts.
    pub reports: &'static [ReportName],
}

/// A check with a rule.
#[derive(Clone, Copy, Debug)]
pub struct Nightly {
    /// Whether its findings are alerts or hygiene.
    pub class: Class,
    /// Creates the rule with its default limits.
    pub rule: fn() -> Box<dyn Rule>,
}

impl Check {
    /// Returns the page's title without the id.
    pub fn summary(&self) -> &'static str {
        let title = self.page.lines().next().unwrap_or_default();
        title.split_once(": ").map_or(title, |(_, summary)| summary)
    }

    /// Returns whether a report shows the findings of this check.
    pub fn concerns(&self, report: ReportName) -> bool {
        match report {
            ReportName::Overview => self.nightly.is_some_and(|nightly| nightly.class == Class::Alert),
            ReportName::Audit => !self.reports.is_empty(),
            _ => self.reports.contains(&report),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_without_databases_is_unknown() {
        let on_relations = CHECKS.iter().filter(|check| check.facts.contains(crate::facts::FactGroup::Relations));
        let names: Vec<&str> = on_relations.filter(|check| check.nightly.is_some()).map(|check| check.name).collect();
        assert!(names.len() > 8, "{names:?}");
        for name in names {
            let outcome = testing::evaluate_check(name, |value| value["database_snapshots"] = serde_json::json!([]));
            // stats-lost compares with an earlier sample first.
            let expected =
                if name == "stats-lost" { CheckOutcomeKind::NotApplicable } else { CheckOutcomeKind::Unknown };
            assert_eq!(outcome.kind(), expected, "{name}");
        }
    }

    #[test]
    fn check_pages_name_check_and_remedy() {
        for check in CHECKS {
            assert!(check.page.starts_with(&format!("# {}: ", check.name)), "{}", check.name);
            for part in ["## What it means", "## How it is evaluated", "## What to do"] {
                assert!(check.page.contains(part), "{}: {part}", check.name);
            }
        }
    }
}
