//! All checks of one night.

use super::{Answer, CHECKS, Check, Evidence, Nightly, limits::Rule};
use crate::model::{Class, Finding};

/// The checks with the limits that the user set.
#[derive(Debug)]
pub struct Checks(Vec<(&'static Check, Class, Box<dyn Rule>)>);

impl Default for Checks {
    fn default() -> Checks {
        let all = CHECKS.iter().filter_map(|check| {
            let Nightly { class, rule } = check.nightly?;
            Some((check, class, rule()))
        });
        Checks(all.collect())
    }
}

/// What one check answered.
#[derive(Clone, Debug)]
pub struct Asked {
    pub check: &'static Check,
    pub class: Class,
    pub answer: Answer,
}

impl Checks {
    /// The names, in the order in which they are asked.
    pub fn names() -> Vec<&'static str> {
        CHECKS.iter().filter(|check| check.nightly.is_some()).map(|check| check.name).collect()
    }

    /// The limits of the check of that name.
    pub fn rule(&mut self, name: &str) -> Option<&mut dyn Rule> {
        self.0.iter_mut().find(|(check, ..)| check.name == name).map(|(.., rule)| &mut **rule as &mut dyn Rule)
    }

    /// Every check with its limits.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Check, Class, &dyn Rule)> {
        self.0.iter().map(|(check, class, rule)| (*check, *class, &**rule))
    }

    /// Asks those that are chosen.
    pub fn ask(&self, evidence: &Evidence<'_>, chosen: impl Fn(&Check) -> bool) -> Vec<Asked> {
        let asked = self.0.iter().filter(|(check, ..)| chosen(check));
        asked.map(|(check, class, rule)| Asked { check, class: *class, answer: rule.judge(evidence) }).collect()
    }
}

impl Asked {
    /// What it found, each with a name of its own.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::with_capacity(self.answer.found.len());
        for symptom in &self.answer.found {
            let finding = Finding {
                check: self.check.name.to_owned(),
                class: self.class,
                level: symptom.level,
                subject: symptom.subject.clone(),
                message: symptom.message.clone(),
                measured: symptom.measured,
                threshold: symptom.threshold,
                advice: symptom.advice.clone(),
            };
            // Two standbys may bear one name: the worse of them speaks for both.
            match findings.iter_mut().find(|one| one.subject == finding.subject) {
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
    use crate::{
        judge::{Kind, testing::calm},
        model::{
            Snapshot,
            past::{Counters, Memory},
        },
    };
    use serde_json::{Value, json};

    fn answers(now: &Value, earlier: &[Value]) -> Vec<(&'static str, Answer)> {
        let read = |value: &Value| serde_json::from_value::<Snapshot>(value.clone()).unwrap();
        let (now, earlier) = (read(now), earlier.iter().map(read).collect::<Vec<_>>());
        let mut memory = Memory::default();
        memory.add(&earlier);
        let evidence = Evidence::new(&now, memory).after(earlier.first().map(Counters::of));
        let asked = Checks::default().ask(&evidence, |_| true);
        asked.into_iter().map(|one| (one.check.name, one.answer)).collect()
    }

    #[test]
    fn of_a_server_of_which_nothing_is_known_nothing_is_called_clear() {
        let mut unread = calm();
        let server = unread["server"].clone();
        for (_, fact) in unread.as_object_mut().unwrap() {
            if fact.get("known").is_some() {
                *fact = json!({"unavailable": {"fact": "x", "reason": "permission denied"}});
            }
        }
        unread["server"] = server;
        unread["contents"] = json!([{"database": "shop"}]);
        let mut without_contents = unread.clone();
        without_contents["contents"] = json!([]);
        without_contents["skipped"] = json!([{"database": "shop", "reason": "no"}]);
        for snapshot in [unread, without_contents] {
            for (name, answer) in answers(&snapshot, &[]) {
                // By what the server says at connecting.
                let is_known = name == "version";
                assert!(is_known || answer.kind() != Kind::Clear, "{name}: {answer:?}");
                assert!(answer.found.is_empty(), "{name}: {answer:?}");
            }
        }
    }

    #[test]
    fn a_calm_server_is_clear() {
        let mut yesterday = calm();
        yesterday["collected_at"] = json!(crate::judge::testing::ago(86_400));
        for (name, answer) in answers(&calm(), &[yesterday]) {
            let expected = match name {
                "disk-forecast" | "version" => Kind::NotApplicable,
                _ => Kind::Clear,
            };
            assert!(answer.kind() == expected || name == "version", "{name}: {answer:?}");
        }
    }

    #[test]
    fn every_limit_has_a_meaning_and_is_named_on_its_page() {
        for (check, _, rule) in Checks::default().iter() {
            for key in rule.keys() {
                assert!(!key.meaning.trim().is_empty());
                assert!(check.page.contains(&format!("`{}`", key.name)), "{}: {}", check.name, key.name);
            }
        }
    }
}
