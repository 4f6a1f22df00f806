//! Telling what changed, once for the whole run, and leaving behind what the next night must know.

use super::watch::{Pending, Seen, Watch};
use crate::{
    model::{
        Class, Finding, Status,
        past::{Change, ChangeKind, KnownFinding, Told, changes},
    },
    notify::{Kind, Letter, NotifyError, Patience, PlaceChanges, Recipient, Sender},
    report::NotifiedLine,
};
use futures_util::future::join_all;
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// One recipient with its letter, and how sending it went.
struct Sent {
    recipient: Recipient,
    letter: Letter,
    result: Result<(), NotifyError>,
}

impl Watch<'_> {
    /// Tells everybody what changed for them, then leaves each night behind; answers with how telling went.
    pub async fn tell(&self, seen: &mut [Seen], is_wanted: bool) -> Vec<NotifiedLine> {
        let mut told: Vec<Vec<Told>> = seen.iter().map(|one| told_before(one.pending.as_ref())).collect();
        let mut lines = Vec::new();
        let mut recipients = Vec::new();
        for (name, recipient) in self.config.recipients(&self.context.environment) {
            match recipient {
                Ok(recipient) => recipients.push(recipient),
                Err(why) => lines.push(NotifiedLine { name: name.to_owned(), changes: 0, error: Some(why) }),
            }
        }
        let names: BTreeSet<&str> =
            self.config.recipients(&self.context.environment).iter().map(|(name, _)| *name).collect();
        for told in &mut told {
            // Nobody waits for who is no longer in the configuration.
            told.retain(|one| names.contains(one.recipient.as_str()));
        }
        if is_wanted {
            for sent in self.send(recipients, seen, &mut lines).await {
                let changes = sent.letter.changes();
                if sent.result.is_ok() {
                    for (place, told) in seen.iter().zip(&mut told) {
                        let of_place = sent.letter.places.iter().find(|one| one.place == place.place);
                        note_told(of_place, &sent, told);
                    }
                }
                let error = sent.result.err().map(|error| error.to_string());
                lines.push(NotifiedLine { name: sent.recipient.name, changes, error });
            }
        } else {
            lines.clear();
        }
        for (one, told) in seen.iter_mut().zip(told) {
            self.leave(one, told).await;
        }
        lines
    }

    async fn send(&self, recipients: Vec<Recipient>, seen: &[Seen], lines: &mut Vec<NotifiedLine>) -> Vec<Sent> {
        if recipients.is_empty() {
            return Vec::new();
        }
        let sender = match Sender::new(Patience::default()) {
            Ok(sender) => sender,
            Err(error) => {
                let error = error.to_string();
                let line = |one: Recipient| NotifiedLine { name: one.name, changes: 0, error: Some(error.clone()) };
                lines.extend(recipients.into_iter().map(line));
                return Vec::new();
            }
        };
        let sending = recipients.into_iter().map(|recipient| {
            let (sender, letter) = (&sender, letter(&recipient, seen));
            async move {
                let result = match (letter.changes(), recipient.kind) {
                    (0, Kind::Slack | Kind::Webhook) => Ok(()),
                    _ => sender.send(&recipient, &letter).await,
                };
                Sent { recipient, letter, result }
            }
        });
        join_all(sending).await
    }

    /// Writes down what the next night must know, and gives the place back.
    async fn leave(&self, seen: &mut Seen, told: Vec<Told>) {
        let (Some(pending), Some(store)) = (seen.pending.take().filter(|one| one.is_claimed), self.store) else {
            return;
        };
        let Pending { at, before, findings, silenced, answered, counters, .. } = pending;
        let now: Vec<KnownFinding> = findings.iter().map(|one| known(one, &before.findings, at)).collect();
        let told = told.into_iter().filter(|one| !silenced.contains(&one.finding_id)).collect();
        let is_over = |one: &KnownFinding| answered.contains(&one.check) || silenced.contains(&one.finding_id);
        if let Err(error) = store.leave(&seen.place, &before.then(at, counters, now, is_over, told)).await {
            seen.night.report_mut().add_unknown("history", "history", &error.to_string());
        }
        self.give_back(&seen.place).await;
    }
}

fn told_before(pending: Option<&Pending>) -> Vec<Told> {
    pending.map(|pending| pending.before.told.clone()).unwrap_or_default()
}

/// What one recipient does not know yet.
fn letter(to: &Recipient, seen: &[Seen]) -> Letter {
    let wants = |class: Class| class == Class::Alert || to.hygiene;
    let remind = SignedDuration::from_secs(i64::try_from(to.remind_seconds).unwrap_or(i64::MAX));
    let pending = || seen.iter().filter_map(|one| Some((one, one.pending.as_ref()?)));
    let mut places: Vec<PlaceChanges> = pending()
        .map(|(one, pending)| {
            let known: Vec<KnownFinding> = pending.before.known_to(&to.name);
            // What is silenced has not recovered: nothing is said of it at all.
            let known: Vec<KnownFinding> = known
                .into_iter()
                .filter(|one| wants(one.class) && !pending.silenced.contains(&one.finding_id))
                .collect();
            let now: Vec<Finding> = pending.findings.iter().filter(|one| wants(one.class)).cloned().collect();
            let answered: BTreeSet<&str> = pending.answered.iter().map(String::as_str).collect();
            let changes: Vec<Change> = changes(&known, &now, &answered, pending.at, remind);
            PlaceChanges { place: one.place.clone(), status: pending.status, server: pending.server.clone(), changes }
        })
        .filter(|place| !place.changes.is_empty())
        .collect();
    places.sort_by_key(|place| match place.status {
        Status::Critical => 0,
        Status::Warning => 1,
        Status::Unknown => 2,
        Status::Ok => 3,
    });
    let status = pending().fold(Status::Ok, |all, (_, pending)| all.or_worse(pending.status));
    let at = pending().map(|(_, pending)| pending.at).max().unwrap_or_default();
    Letter { at, status, places }
}

/// What a recipient knows after a letter got through.
fn note_told(place: Option<&PlaceChanges>, sent: &Sent, told: &mut Vec<Told>) {
    let recipient = &sent.recipient.name;
    for change in place.into_iter().flat_map(|place| &place.changes) {
        told.retain(|one| one.recipient != *recipient || one.finding_id != change.finding_id);
        if change.kind != ChangeKind::Recovered {
            told.push(Told {
                finding_id: change.finding_id.clone(),
                recipient: recipient.clone(),
                at: sent.letter.at,
                level: change.level,
            });
        }
    }
}

fn known(finding: &Finding, before: &[KnownFinding], at: jiff::Timestamp) -> KnownFinding {
    let id = finding.id();
    let since = before.iter().find(|one| one.finding_id == id).map_or(at, |one| one.since);
    KnownFinding {
        finding_id: id,
        check: finding.check.clone(),
        class: finding.class,
        subject: finding.subject.clone(),
        level: finding.level,
        message: finding.message.clone(),
        since,
        told: None,
    }
}
