//! Content of a notification: the changes of one run for one recipient.

use crate::facts::history::{Change, ChangeKind};
use crate::facts::{Level, Status};
use crate::render::{escape_unprintable, format_message, human_duration};
use jiff::Timestamp;
use std::collections::HashMap;

/// One message with the changes of all targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// Time of the run.
    pub at: Timestamp,
    /// Worst status of all targets.
    pub status: Status,
    /// Targets with changes, the worst first.
    pub targets: Vec<TargetChanges>,
}

/// Changes of one target.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetChanges {
    /// Name of the target, or its address.
    pub target_key: String,
    /// Status of the target.
    pub status: Status,
    /// Identity of the server, equal for its databases; `None` when unknown.
    pub server: Option<String>,
    /// Changes since the previous run.
    pub changes: Vec<Change>,
}

/// One change, with all targets that share it.
pub(super) struct NotificationItem<'a> {
    pub(super) targets: Vec<&'a str>,
    pub(super) change: &'a Change,
}

/// Maximum number of targets by name.
const MAX_NAMED_TARGETS: usize = 3;

impl NotificationItem<'_> {
    /// Formats the names: `a, b, c and 497 more`.
    pub(super) fn format_targets(&self) -> String {
        let named = self.targets.get(..MAX_NAMED_TARGETS).unwrap_or(&self.targets).join(", ");
        match self.targets.len().saturating_sub(MAX_NAMED_TARGETS) {
            0 => named,
            more => format!("{named} and {more} more"),
        }
    }
}

impl Notification {
    /// Returns the number of changes, summed over all targets.
    pub fn changes(&self) -> usize {
        self.targets.iter().map(|target| target.changes.len()).sum()
    }

    /// Returns the changes in order. What several targets report of the same server is one item.
    pub(super) fn items(&self) -> Vec<NotificationItem<'_>> {
        let mut items: Vec<NotificationItem<'_>> = Vec::new();
        let mut item_positions: HashMap<(ChangeKind, &str, DuplicateScope<'_>), usize> = HashMap::new();
        for target in &self.targets {
            for change in &target.changes {
                let key =
                    DuplicateScope::new(target, change).map(|scope| (change.kind, change.finding_id.as_str(), scope));
                match key.as_ref().and_then(|key| item_positions.get(key)) {
                    Some(&position) => items[position].targets.push(&target.target_key),
                    None => {
                        item_positions.extend(key.map(|key| (key, items.len())));
                        items.push(NotificationItem { targets: vec![&target.target_key], change });
                    }
                }
            }
        }
        items
    }

    /// Returns the title: `shop: CRITICAL: 1 new, 1 recovered`.
    pub fn title(&self) -> String {
        let items = self.items();
        let kinds = [ChangeKind::New, ChangeKind::Worse, ChangeKind::Reminder, ChangeKind::Recovered];
        let counts: Vec<String> = kinds
            .into_iter()
            .map(|kind| (kind, items.iter().filter(|item| item.change.kind == kind).count()))
            .filter(|(_, count)| *count > 0)
            .map(|(kind, count)| format!("{count} {}", change_label(kind)))
            .collect();
        let target_text = match &self.targets[..] {
            [target] => target.target_key.clone(),
            more => format!("{} targets", more.len()),
        };
        let is_at_status = |change: &Change| match change.kind {
            ChangeKind::Reminder => true,
            ChangeKind::Recovered => false,
            ChangeKind::New | ChangeKind::Worse => Status::from(change.level) == self.status,
        };
        // Known findings may be more severe than the new ones: the status has not changed then.
        let is_changed = self.status == Status::Ok || items.iter().any(|item| is_at_status(item.change));
        let still = if is_changed { "" } else { "still " };
        escape_unprintable(&format!("pgtend {target_text}: {still}{}: {}", self.status.name(), counts.join(", ")))
            .into_owned()
    }
}

/// Scope in which two findings with one id are the same.
#[derive(PartialEq, Eq, Hash)]
enum DuplicateScope<'a> {
    Server(&'a str),
    /// An unknown fact is identified by its message.
    Message(String),
}

impl DuplicateScope<'_> {
    fn new<'a>(target: &'a TargetChanges, change: &Change) -> Option<DuplicateScope<'a>> {
        match change.level {
            Level::Unknown => Some(DuplicateScope::Message(format_message(&change.message))),
            Level::Warning | Level::Critical => target.server.as_deref().map(DuplicateScope::Server),
        }
    }
}

pub(super) fn change_label(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::New => "new",
        ChangeKind::Worse => "worse",
        ChangeKind::Reminder => "unresolved",
        ChangeKind::Recovered => "recovered",
    }
}

/// Formats a change without its advice: `CRITICAL stale-slot, new: slot x …`.
pub(super) fn format_change(change: &Change, timestamp: Timestamp) -> String {
    let level = change.level.name().to_uppercase();
    let text = format_message(&change.message);
    let duration = human_duration(u64::try_from(timestamp.duration_since(change.since).as_secs()).unwrap_or(0));
    let line = match change.kind {
        ChangeKind::Recovered => format!("RECOVERED {} after {duration}; last message: {text}", change.check),
        ChangeKind::Reminder => format!("{level} {}, unresolved for {duration}: {text}", change.check),
        ChangeKind::Worse => format!("{level} {}, worse after {duration}: {text}", change.check),
        kind => format!("{level} {}, {}: {text}", change.check, change_label(kind)),
    };
    escape_unprintable(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test_change(subject: &str, level: Level, message: &str) -> Change {
        Change {
            kind: ChangeKind::New,
            finding_id: format!("stale-slot:{subject}"),
            check: "stale-slot".into(),
            subject: subject.into(),
            level,
            since: Timestamp::UNIX_EPOCH,
            message: message.into(),
            advice: None,
        }
    }

    fn test_notification(targets: &[(&str, Option<&str>, Change)]) -> Notification {
        let target = |(place, server, change): &(&str, Option<&str>, Change)| TargetChanges {
            target_key: (*place).into(),
            status: Status::Critical,
            server: server.map(str::to_owned),
            changes: vec![change.clone()],
        };
        Notification {
            at: Timestamp::UNIX_EPOCH,
            status: Status::Critical,
            targets: targets.iter().map(target).collect(),
        }
    }

    fn item_targets(notification: &Notification) -> Vec<String> {
        notification.items().iter().map(NotificationItem::format_targets).collect()
    }

    #[test]
    fn notification_merges_targets_of_one_server() {
        let slot = |message: &str| test_change("debezium", Level::Critical, message);
        let names = ["a", "b", "c", "d", "e"];
        let notification =
            test_notification(&names.map(|name| (name, Some("7 since 1"), slot(&format!("holds {name}")))));
        assert_eq!((item_targets(&notification), notification.changes()), (vec!["a, b, c and 2 more".to_owned()], 5));
        assert_eq!(notification.title(), "pgtend 5 targets: CRITICAL: 1 new");
    }

    #[test]
    fn notification_keeps_different_servers_apart() {
        let slot = |subject| test_change(subject, Level::Critical, "m");
        let other = test_notification(&[("a", Some("7 since 1"), slot("s")), ("b", Some("7 since 2"), slot("s"))]);
        assert_eq!(item_targets(&other), ["a", "b"], "a copy has the same identifier");
        let other = test_notification(&[("a", Some("7 since 1"), slot("s")), ("b", Some("7 since 1"), slot("t"))]);
        assert_eq!(item_targets(&other), ["a", "b"]);
        assert_eq!(item_targets(&test_notification(&[("a", None, slot("s")), ("b", None, slot("s"))])), ["a", "b"]);
    }

    #[test]
    fn notification_merges_unknowns_by_message() {
        let unknown = |message: &str| test_change("server", Level::Unknown, message);
        let (down, denied) = (unknown("db1 refused"), unknown("no password"));
        let notification = test_notification(&[("a", None, down.clone()), ("b", None, down), ("c", None, denied)]);
        assert_eq!(item_targets(&notification), ["a, b", "c"]);
    }
}
