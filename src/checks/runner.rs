//! Evaluates all checks.

use super::{CHECKS, Check, CheckOutcome, Evidence, Nightly, thresholds::Rule};
use crate::facts::{Class, Finding, Measure};

/// All checks with the user's limits.
#[derive(Debug)]
pub struct Checks(Vec<(&'static Check, Class, Box<dyn Rule>)>);

impl Default for Checks {
    fn default() -> Checks {
        let checks = CHECKS.iter().filter_map(|check| {
            let Nightly { class, rule } = check.nightly?;
            Some((check, class, rule()))
        });
        Checks(checks.collect())
    }
}

/// Result of one check.
#[derive(Clone, Debug)]
pub struct CheckResult {
    /// The check.
    pub check: &'static Check,
    /// Whether its findings are alerts or hygiene.
    pub class: Class,
    /// Outcome of its rule.
    pub outcome: CheckOutcome,
}

impl Checks {
    /// Returns the ids of all checks in the order of evaluation.
    pub fn names() -> Vec<&'static str> {
        CHECKS.iter().filter(|check| check.nightly.is_some()).map(|check| check.name).collect()
    }

    /// Returns the rule of the check with this id, to set its limits.
    pub fn find_rule(&mut self, name: &str) -> Option<&mut dyn Rule> {
        self.0.iter_mut().find(|(check, ..)| check.name == name).map(|(.., rule)| &mut **rule as &mut dyn Rule)
    }

    /// Returns a limit of a check, as the user set it.
    pub fn limit(&self, name: &str, key: &str) -> Option<Measure> {
        self.0.iter().find(|(check, ..)| check.name == name)?.2.limit(key)
    }

    /// Returns every check with its class and its rule.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Check, Class, &dyn Rule)> {
        self.0.iter().map(|(check, class, rule)| (*check, *class, &**rule))
    }

    /// Evaluates the selected checks.
    pub fn run_checks(&self, evidence: &Evidence<'_>, is_selected: impl Fn(&Check) -> bool) -> Vec<CheckResult> {
        let selected = self.0.iter().filter(|(check, ..)| is_selected(check));
        selected
            .map(|(check, class, rule)| CheckResult { check, class: *class, outcome: rule.evaluate(evidence) })
            .collect()
    }
}

impl CheckResult {
    /// Returns the findings, each with a unique subject.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::with_capacity(self.outcome.findings.len());
        for found in &self.outcome.findings {
            let finding = Finding {
                check: self.check.name.to_owned(),
                class: self.class,
                level: found.level,
                subject: found.subject.clone(),
                message: found.message.clone(),
                measured: found.measured,
                threshold: found.threshold,
                advice: found.advice.clone(),
            };
            // Two standbys may have the same name; the worse one is kept.
            match findings.iter_mut().find(|found| found.subject == finding.subject) {
                Some(before) if before.level < finding.level => *before = finding,
                Some(_) => {}
                None => findings.push(finding),
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::healthy_snapshot;
    use crate::facts::Snapshot;
    use crate::facts::history::HistoryView;
    use serde_json::{Value, json};

    fn evaluate_all(now: &Value, earlier: &[Value]) -> Vec<(&'static str, CheckOutcome)> {
        let read = |value: &Value| serde_json::from_value::<Snapshot>(value.clone()).unwrap();
        let (now, earlier) = (read(now), earlier.iter().map(read).collect::<Vec<_>>());
        let mut history = HistoryView::default();
        history.add_snapshots(&earlier);
        let evidence = Evidence::new(&now, history);
        let results = Checks::default().run_checks(&evidence, |_| true);
        results.into_iter().map(|result| (result.check.name, result.outcome)).collect()
    }

    #[test]
    fn runner_never_passes_on_unknown_facts() {
        let mut unread = healthy_snapshot();
        let server = unread["server"].clone();
        for (_, fact) in unread.as_object_mut().unwrap() {
            if fact.get("known").is_some() {
                *fact = json!({"unavailable": {"fact": "x", "reason": "permission denied"}});
            }
        }
        unread["server"] = server;
        unread["database_snapshots"] = json!([{"database": "shop"}]);
        let mut without_contents = unread.clone();
        without_contents["database_snapshots"] = json!([]);
        without_contents["skipped"] = json!([{"database": "shop", "reason": "no"}]);
        for snapshot in [unread, without_contents] {
            for (name, outcome) in evaluate_all(&snapshot, &[]) {
                // The server reports its version at connection start.
                let is_known = name == "version";
                assert!(is_known || outcome.kind() != CheckOutcomeKind::Passed, "{name}: {outcome:?}");
                assert!(outcome.findings.is_empty(), "{name}: {outcome:?}");
            }
        }
    }

    #[test]
    fn runner_passes_healthy_server() {
        let mut yesterday = healthy_snapshot();
        yesterday["collected_at"] = json!(crate::checks::testing::ago(86_400));
        for (name, outcome) in evaluate_all(&healthy_snapshot(), &[yesterday]) {
            let expected = match name {
                "disk-forecast" | "version" => CheckOutcomeKind::NotApplicable,
                _ => CheckOutcomeKind::Passed,
            };
            assert!(outcome.kind() == expected || name == "version", "{name}: {outcome:?}");
        }
    }

    #[test]
    fn thresholds_are_described_on_check_page() {
        for (check, _, rule) in Checks::default().iter() {
            for key in rule.thresholds() {
                assert!(!key.description.trim().is_empty());
                assert!(check.page.contains(&format!("`{}`", key.name)), "{}: {}", check.name, key.name);
            }
        }
    }
}
