//! One target's night: look, judge, remember, tell.

use super::chosen::Chosen;
use crate::{
    config::Config,
    context::Context,
    error::Failure,
    history::{HistoryError, Recall, Store},
    inspect::{Definitions, Scope},
    judge::{
        Evidence,
        health::Asked,
        tally::{Note, Tally, tally},
    },
    model::{
        Finding, Snapshot,
        past::{Counters, KnownFinding, Memory, Night},
    },
    pg::conninfo::Conninfo,
    report::{CheckReport, Envelope, Gaps},
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeSet, time::Duration};

/// How long a second run waits for the first.
const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(250);
/// What judging, remembering and telling may take beside the look, before another run may take over.
const AFTER_THE_LOOK: SignedDuration = SignedDuration::from_secs(180);

/// What the checks want to be reminded of.
const RECALL: Recall = Recall { slots: true, indexes: true, wal: false, growth: true };

/// What all targets of a run share.
pub struct Watch<'a> {
    pub context: &'a Context,
    pub chosen: &'a Chosen,
    pub config: &'a Config,
    pub store: Option<&'a Store>,
    /// Why there is none, where there should be one.
    pub store_error: Option<&'a HistoryError>,
    pub time_limit: Duration,
}

/// Whom to look at.
pub struct Look {
    /// What the store files the findings under.
    pub place: String,
    pub target: Option<String>,
    pub conninfo: Result<Conninfo, Failure>,
}

/// What stands in the way of remembering.
enum Claim<'a> {
    /// This run alone is at the place.
    Ours(&'a Store),
    NoStore,
    Theirs,
    Failed(HistoryError),
}

impl Watch<'_> {
    /// One target's night, whatever happens.
    pub async fn over(&self, look: Look) -> Envelope<CheckReport> {
        let Look { place, target, conninfo } = look;
        let claim = self.claim(&place).await;
        let looked = match conninfo {
            Ok(conninfo) => self.look(conninfo).await,
            Err(failure) => Err(failure),
        };
        let at = looked.as_ref().map_or_else(|_| self.context.now(), |snapshot| snapshot.collected_at);
        let night = match &claim {
            Claim::Ours(store) => store.night(&place).await,
            _ => Ok(Night::default()),
        };
        let (before, mut problems) = match night {
            Ok(night) => (night, Vec::new()),
            Err(error) => (Night::default(), vec![error.to_string()]),
        };
        if let Some(error) = self.store_error {
            problems.push(error.to_string());
        }
        let mut gaps = Gaps::default();
        let (mut tally, counters) = match &looked {
            Ok(snapshot) => {
                let mut memory = Memory::default();
                if let Claim::Ours(store) = &claim {
                    match store.recall(snapshot, RECALL).await {
                        Ok(remembered) => memory = remembered,
                        Err(error) => problems.push(error.to_string()),
                    }
                }
                let judged = self.judge(snapshot, target.as_deref(), memory, &before, &mut gaps);
                if let Claim::Ours(store) = &claim {
                    match store.record(snapshot).await {
                        // Another target of the same cluster was faster: its sample is as good.
                        Ok(_) | Err(HistoryError::OutOfOrder { .. }) => {}
                        Err(error) => problems.push(error.to_string()),
                    }
                }
                match judged {
                    Ok(tally) => (tally, Some(Counters::of(snapshot))),
                    Err(failure) => (Tally::unreachable(&failure.message, failure.hint.as_deref()), None),
                }
            }
            Err(failure) => (Tally::unreachable(&failure.message, failure.hint.as_deref()), None),
        };
        match &claim {
            Claim::Failed(error) => problems.push(error.to_string()),
            Claim::Theirs => self
                .context
                .ui
                .warn(&format!("another check of {place} is running: this one writes down nothing and tells nobody")),
            _ => {}
        }
        for problem in &problems {
            tally.cannot_tell("history", "history", problem, None);
        }
        if let Claim::Ours(store) = &claim {
            let left = self.leave(store, &place, at, &before, &tally, counters, looked.is_ok()).await;
            if let Err(error) = left {
                tally.cannot_tell("history", "history", &error.to_string(), None);
            }
            // Whoever comes next waits for a claim that could not be given back until it ends by itself.
            store.release(&place).await.ok();
        }
        let report = CheckReport::of(tally, self.chosen.hygiene, target.as_deref(), at);
        match &looked {
            Ok(snapshot) => Envelope::new(snapshot, report, gaps),
            Err(_) => Envelope::of_nobody(at, format!("{place}, {}", at.strftime("%Y-%m-%d %H:%M:%SZ")), report),
        }
    }

    /// Takes the place for this run, after a while of waiting for another.
    async fn claim(&self, place: &str) -> Claim<'_> {
        let Some(store) = self.store else { return Claim::NoStore };
        let began = tokio::time::Instant::now();
        loop {
            let now = self.context.now();
            let limit = SignedDuration::try_from(self.time_limit).unwrap_or(AFTER_THE_LOOK);
            let until = now.checked_add(limit).and_then(|at| at.checked_add(AFTER_THE_LOOK)).unwrap_or(Timestamp::MAX);
            match store.claim(place, now, until).await {
                Ok(Ok(())) => return Claim::Ours(store),
                Ok(Err(_)) if began.elapsed() < PATIENCE => tokio::time::sleep(POLL).await,
                Ok(Err(_)) => return Claim::Theirs,
                Err(error) => return Claim::Failed(error),
            }
        }
    }

    async fn look(&self, conninfo: Conninfo) -> Result<Snapshot, Failure> {
        let asked = self.context.scope();
        let scope = Scope {
            exact: asked.exact,
            all_databases: asked.all_databases,
            jobs: asked.jobs,
            definitions: Definitions::None,
            ..Scope::everything()
        };
        let look = Box::pin(self.context.look_over(conninfo, &scope));
        match tokio::time::timeout(self.time_limit, look).await {
            Ok(looked) => looked,
            Err(_) => {
                let message = format!("no answer within {} s (--time-limit)", self.time_limit.as_secs());
                Err(Failure::new(crate::exit_code::ExitCode::Failed, message))
            }
        }
    }

    fn judge(
        &self,
        snapshot: &Snapshot,
        target: Option<&str>,
        mut memory: Memory,
        before: &Night,
        gaps: &mut Gaps,
    ) -> Result<Tally, Failure> {
        let earlier = self.context.earlier(snapshot)?;
        memory.add(&earlier);
        let evidence = evidence(self.config, snapshot, memory, &earlier).after(before.counters.clone());
        let asked = self.config.checks.ask(&evidence, |check| self.chosen.has(check.name));
        note_unknown(&asked, gaps);
        let mut tally = tally(&asked, &self.chosen.counting(&self.config.silences, target), snapshot.collected_at);
        tally.notes.extend(unread_databases(snapshot));
        Ok(tally)
    }

    /// Writes down what the next night must know.
    #[allow(clippy::too_many_arguments)]
    async fn leave(
        &self,
        store: &Store,
        place: &str,
        at: Timestamp,
        before: &Night,
        tally: &Tally,
        counters: Option<Counters>,
        was_seen: bool,
    ) -> Result<(), HistoryError> {
        let mut answered: BTreeSet<&str> = tally.answered.iter().map(String::as_str).collect();
        if was_seen {
            answered.extend(["connection", "history"]);
        }
        let now: Vec<KnownFinding> = tally.findings.iter().map(|one| known(one, before, at)).collect();
        let silenced: BTreeSet<String> = tally.silenced.iter().map(|one| one.finding.id()).collect();
        let told = before.told.iter().filter(|one| !silenced.contains(&one.finding_id)).cloned().collect();
        let is_over = |one: &KnownFinding| answered.contains(one.check.as_str()) || silenced.contains(&one.finding_id);
        store.leave(place, &before.then(at, counters, now, is_over, told)).await
    }
}

fn known(finding: &Finding, before: &Night, at: Timestamp) -> KnownFinding {
    let id = finding.id();
    let since = before.findings.iter().find(|one| one.finding_id == id).map_or(at, |one| one.since);
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

/// A look with what is known of those before it, by the limits of the configuration.
pub fn evidence<'a>(config: &Config, snapshot: &'a Snapshot, memory: Memory, earlier: &[Snapshot]) -> Evidence<'a> {
    let limited = Evidence::new(snapshot, memory).limited(config.slot_limits(), config.index_limits());
    earlier.iter().map(Counters::of).fold(limited, |evidence, counters| evidence.after(Some(counters)))
}

/// The databases that nobody asked to look into: what is wrong inside them is not told.
fn unread_databases(snapshot: &Snapshot) -> Option<Note> {
    let databases = snapshot.databases.known()?.iter().filter(|one| one.allows_connections && !one.is_template);
    let was_read = |name: &str| {
        snapshot.contents.iter().any(|one| one.database == name)
            || snapshot.skipped.iter().any(|one| one.database == name)
    };
    let unread: Vec<&str> = databases.map(|one| one.database.as_str()).filter(|name| !was_read(name)).collect();
    let (first, more) = (unread.get(..3).unwrap_or(&unread).join(", "), unread.len().saturating_sub(3));
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!unread.is_empty()).then(|| Note {
        check: "databases".to_owned(),
        kind: "not asked",
        message: format!("not looked into: {first}{more}; --all-databases does").into(),
    })
}

/// What could not be read, with the checks that wanted it.
pub fn note_unknown(asked: &[Asked], gaps: &mut Gaps) {
    for one in asked {
        for why in &one.answer.unknown {
            gaps.note(why, &[], vec![one.check.name.to_owned()]);
        }
    }
}
