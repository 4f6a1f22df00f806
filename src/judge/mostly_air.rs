//! Relations most of which would be gone if they were written anew.

use super::{
    Answer, NotApplicable, Symptom,
    limits::{Bytes, Percent},
};
use crate::model::{Bloat, BloatSource, Level, Piece, Unestimated, Words, grant, words};
use std::collections::BTreeMap;

/// From when on air is worth a word.
pub(super) struct Much {
    pub share: Percent,
    pub bytes: Bytes,
}

/// The relations of one kind in one database.
pub(super) struct Relations<'a> {
    /// `table` or `index`.
    pub kind: &'static str,
    pub database: &'a str,
    pub much: Much,
    /// How many were not estimated, by why.
    unestimated: BTreeMap<Unestimated, u64>,
}

impl<'a> Relations<'a> {
    pub fn of(kind: &'static str, database: &'a str, much: Much) -> Relations<'a> {
        Relations { kind, database, much, unestimated: BTreeMap::new() }
    }

    /// Whether a relation of that size could have so much air.
    pub fn is_large(&self, size: u64) -> bool {
        Bytes(size) >= self.much.bytes
    }

    /// What is told of a relation that is large enough.
    pub fn judge(
        &mut self,
        name: String,
        size: u64,
        bloat: Result<Option<Bloat>, Unestimated>,
        advice: Words,
    ) -> Option<Symptom> {
        let bloat = match bloat {
            Ok(bloat) => bloat?,
            Err(why) => {
                *self.unestimated.entry(why).or_default() += 1;
                return None;
            }
        };
        let air = Percent(bloat.bytes as f64 / size.max(1) as f64 * 100.0);
        let about = if bloat.source == BloatSource::Estimated { " is about " } else { " is " };
        (Bytes(bloat.bytes) >= self.much.bytes && air >= self.much.share).then(|| Symptom {
            level: Level::Warning,
            message: words![
                self.kind,
                " ",
                &name,
                about,
                Piece::Percent(air.0),
                " air: ",
                Piece::Bytes(bloat.bytes),
                " of ",
                Piece::Bytes(size)
            ],
            subject: name,
            measured: Some(air.into()),
            threshold: Some(self.much.share.into()),
            advice,
        })
    }

    /// Says what could not be estimated: nobody's fault, but not clear either.
    pub fn note_unestimated(self, role: &str, answer: &mut Answer) {
        for (why, count) in self.unestimated {
            let why: Words = match why {
                Unestimated::NotRead => words![": only the largest were asked about"],
                Unestimated::NeverAnalyzed => words![": ANALYZE has never seen them"],
                Unestimated::NoSelect => {
                    words![
                        ": their statistics are hidden from this role; ",
                        grant("pg_read_all_data", role),
                        " (14 and newer)"
                    ]
                }
                Unestimated::RowSecurity => words![": row-level security hides their statistics from this role"],
            };
            let kind = if self.kind == "index" { "indexes" } else { "tables" };
            let mut words = words![
                "of ",
                Piece::Count(count),
                " large ",
                kind,
                " of database ",
                self.database,
                " bloat is not known"
            ];
            words.append(why);
            answer.not_applicable.push(NotApplicable::NotHere(words));
        }
    }
}
