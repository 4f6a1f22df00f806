//! What a night leaves behind for the next.

use super::{Counters, KnownFinding};
use crate::model::{Class, Level};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What a recipient was told of one finding, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub finding_id: String,
    pub recipient: String,
    pub at: Timestamp,
    pub level: Level,
}

/// The state of one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Night {
    pub checked_at: Option<Timestamp>,
    pub counters: Option<Counters>,
    /// Without what anybody was told: that is each recipient's own.
    pub findings: Vec<KnownFinding>,
    pub told: Vec<Told>,
}

impl Night {
    /// The findings as one recipient knows them.
    pub fn known_to(&self, recipient: &str) -> Vec<KnownFinding> {
        let told = |id: &str| self.told.iter().find(|one| one.recipient == recipient && one.finding_id == id);
        let findings = self.findings.iter().cloned();
        findings
            .map(|one| KnownFinding { told: told(&one.finding_id).map(|told| (told.at, told.level)), ..one })
            .collect()
    }

    /// The night after this one: `now` is what was found, `is_over` which of the earlier findings have ended. What has
    /// ended stays until all who were told of it know.
    #[must_use]
    pub fn then(
        &self,
        at: Timestamp,
        counters: Option<Counters>,
        now: Vec<KnownFinding>,
        is_over: impl Fn(&KnownFinding) -> bool,
        told: Vec<Told>,
    ) -> Night {
        let found: BTreeSet<String> = now.iter().map(|one| one.finding_id.clone()).collect();
        let waits = |one: &&KnownFinding| {
            one.class == Class::Alert && told.iter().any(|told| told.finding_id == one.finding_id)
        };
        let earlier = self.findings.iter().filter(|one| !found.contains(&one.finding_id));
        let kept: Vec<KnownFinding> = earlier.filter(|one| !is_over(one) || waits(one)).cloned().collect();
        let findings: Vec<KnownFinding> = now.into_iter().chain(kept).collect();
        let ids: BTreeSet<&str> = findings.iter().map(|one| one.finding_id.as_str()).collect();
        let told = told.iter().filter(|one| ids.contains(one.finding_id.as_str())).cloned().collect();
        Night { checked_at: Some(at), counters: counters.or_else(|| self.counters.clone()), findings, told }
    }
}
