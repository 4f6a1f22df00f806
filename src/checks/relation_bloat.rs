//! Bloated relations: a rewrite would free a large part of them.

use super::{
    CheckOutcome, NotApplicable, RuleFinding,
    thresholds::{Bytes, Percent},
};
use crate::analysis::bloat::{Bloat, BloatSource, EstimateError};
use crate::facts::Level;
use crate::message::{Fragment, Message, message};
use crate::quote::grant;
use std::collections::BTreeMap;

/// Bloat from which a relation is a finding. Both limits must be reached.
pub(super) struct BloatThreshold {
    pub share: Percent,
    pub bytes: Bytes,
}

/// The relations of one kind in one database.
pub(super) struct BloatCheck<'a> {
    /// `table` or `index`.
    pub kind: &'static str,
    pub database: &'a str,
    pub threshold: BloatThreshold,
    /// Number of relations without an estimate, by reason.
    unestimated: BTreeMap<EstimateError, u64>,
}

impl<'a> BloatCheck<'a> {
    pub fn new(kind: &'static str, database: &'a str, threshold: BloatThreshold) -> BloatCheck<'a> {
        BloatCheck { kind, database, threshold, unestimated: BTreeMap::new() }
    }

    /// Returns whether a relation of this size can reach the threshold.
    pub fn could_exceed_threshold(&self, size: u64) -> bool {
        Bytes(size) >= self.threshold.bytes
    }

    /// Adds a finding when the relation's bloat reaches the threshold.
    pub fn evaluate_relation(
        &mut self,
        name: String,
        size: u64,
        bloat: Result<Option<Bloat>, EstimateError>,
        advice: Message,
    ) -> Option<RuleFinding> {
        let bloat = match bloat {
            Ok(bloat) => bloat?,
            Err(why) => {
                *self.unestimated.entry(why).or_default() += 1;
                return None;
            }
        };
        let bloat_share = Percent(bloat.bytes as f64 / size.max(1) as f64 * 100.0);
        let about = if bloat.source == BloatSource::Estimated { " is about " } else { " is " };
        (Bytes(bloat.bytes) >= self.threshold.bytes && bloat_share >= self.threshold.share).then(|| RuleFinding {
            level: Level::Warning,
            message: message![
                self.kind,
                " ",
                &name,
                about,
                Fragment::Percent(bloat_share.0),
                " bloat: ",
                Fragment::Bytes(bloat.bytes),
                " of ",
                Fragment::Bytes(size)
            ],
            subject: name,
            measured: Some(bloat_share.into()),
            threshold: Some(self.threshold.share.into()),
            advice,
        })
    }

    /// Adds the relations without an estimate to the outcome.
    pub fn note_unestimated(self, role: &str, outcome: &mut CheckOutcome) {
        for (why, count) in self.unestimated {
            let why: Message = match why {
                EstimateError::NotRead => message![": only the largest relations are estimated"],
                EstimateError::NeverAnalyzed => message![": never analyzed"],
                EstimateError::NoSelect => {
                    message![
                        ": their statistics are hidden from this role: ",
                        grant("pg_read_all_data", role),
                        " (14 and later)"
                    ]
                }
                EstimateError::RowSecurity => message![": row-level security hides their statistics from this role"],
            };
            let kind = match (self.kind, count) {
                (kind, 1) => kind,
                ("index", _) => "indexes",
                _ => "tables",
            };
            let mut message = message![
                "bloat of ",
                Fragment::Count(count),
                " large ",
                kind,
                " of database ",
                self.database,
                " unknown"
            ];
            message.append(why);
            outcome.not_applicable.push(NotApplicable::NotSupported(message));
        }
    }
}
