//! What one recipient is told of one run.

use crate::{
    model::{
        Status,
        past::{Change, ChangeKind},
    },
    render::{human_duration, sentence, visible},
};
use jiff::Timestamp;

/// One message: all that changed, of all targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    pub at: Timestamp,
    /// The worst of all.
    pub status: Status,
    /// Those where something changed, the worst first.
    pub places: Vec<PlaceChanges>,
}

/// What changed at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceChanges {
    /// A target's name, or an address.
    pub place: String,
    pub status: Status,
    pub changes: Vec<Change>,
}

impl Letter {
    pub fn changes(&self) -> usize {
        self.places.iter().map(|place| place.changes.len()).sum()
    }

    /// One line: `shop: CRITICAL: 1 new, 1 recovered`.
    pub fn title(&self) -> String {
        let all = || self.places.iter().flat_map(|place| &place.changes);
        let kinds = [ChangeKind::New, ChangeKind::Worse, ChangeKind::Reminder, ChangeKind::Recovered];
        let counts: Vec<String> = kinds
            .into_iter()
            .map(|kind| (kind, all().filter(|change| change.kind == kind).count()))
            .filter(|(_, count)| *count > 0)
            .map(|(kind, count)| format!("{count} {}", word(kind)))
            .collect();
        let place = match &self.places[..] {
            [one] => one.place.clone(),
            more => format!("{} targets", more.len()),
        };
        visible(&format!("pgtend {place}: {}: {}", self.status.name(), counts.join(", "))).into_owned()
    }
}

pub(super) fn word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::New => "new",
        ChangeKind::Worse => "worse",
        ChangeKind::Reminder => "still there",
        ChangeKind::Recovered => "recovered",
    }
}

/// `CRITICAL stale-slot, new: slot x …`, without the advice.
pub(super) fn line(change: &Change, at: Timestamp) -> String {
    let level = change.level.name().to_uppercase();
    let text = sentence(&change.message);
    let lasted = human_duration(u64::try_from(at.duration_since(change.since).as_secs()).unwrap_or(0));
    let line = match change.kind {
        ChangeKind::Recovered => format!("RECOVERED {} after {lasted}; it was: {text}", change.check),
        ChangeKind::Reminder => format!("{level} {}, for {lasted}: {text}", change.check),
        kind => format!("{level} {}, {}: {text}", change.check, word(kind)),
    };
    visible(&line).into_owned()
}
