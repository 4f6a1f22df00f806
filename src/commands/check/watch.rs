//! One target's night: claim it, look, judge.

use super::chosen::Chosen;
use crate::{
    commands::disk::DiskArgs,
    config::Config,
    context::{Context, Shared},
    error::Failure,
    exit_code::ExitCode,
    history::{HistoryError, Recall, Store},
    inspect::{Reach, Scope},
    judge::{
        Evidence,
        health::Asked,
        tally::{Note, Tally, tally},
    },
    model::{
        Finding, Snapshot, Status,
        past::{Counters, Growth, Memory, Night, SubjectKind},
    },
    pg::conninfo::Conninfo,
    report::{CheckReport, Envelope, Gaps},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
    time::Duration,
};

/// How long a second run waits for the first.
const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(250);
/// What the checks want to be reminded of.
const RECALL: Recall = Recall { slots: true, indexes: true, wal: false, growth: false };
const GROWTH: Recall = Recall { slots: false, indexes: false, wal: false, growth: true };

/// What all targets of a run share.
pub struct Watch<'a> {
    pub context: &'a Context,
    pub chosen: &'a Chosen,
    pub config: &'a Config,
    pub store: Option<&'a Store>,
    /// Why there is none, where there should be one.
    pub store_error: Option<HistoryError>,
    /// How many look, sharing the connections.
    pub looks: usize,
    pub time_limit: Duration,
    pub disk: DiskArgs,
    /// How long a claim on a place lasts, should this run die.
    pub claim: SignedDuration,
    /// Places that may be ours in the store, and until when.
    pub claimed: RefCell<BTreeMap<String, Timestamp>>,
    /// What is asked once of each server, by what leads to it.
    pub servers: RefCell<HashMap<String, Rc<Shared>>>,
    /// How the clusters grew, by their line in the store.
    pub growths: RefCell<HashMap<String, Rc<Vec<Growth>>>>,
}

/// Whom to look at.
pub struct Look {
    /// What the store files the findings under.
    pub place: String,
    pub target: Option<String>,
    pub source: Result<Source, Failure>,
}

/// What is looked at.
pub enum Source {
    Server(Box<Conninfo>),
    /// A look that was taken elsewhere, or some nights ago.
    File(Box<Snapshot>),
}

/// What became of it.
pub struct Seen {
    pub place: String,
    pub night: Envelope<CheckReport>,
    /// What there is to tell and to leave behind; `None` where another run does that.
    pub pending: Option<Pending>,
}

/// A night that nobody was told of yet.
pub struct Pending {
    pub at: Timestamp,
    pub status: Status,
    /// Equal for all databases of one server.
    pub server: Option<String>,
    pub before: Night,
    pub findings: Vec<Finding>,
    /// Their names.
    pub silenced: BTreeSet<String>,
    /// Checks that gave a full answer.
    pub answered: BTreeSet<String>,
    pub counters: Option<Counters>,
    /// The place is ours in the store.
    pub is_claimed: bool,
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
    pub async fn over(&self, look: Look) -> Seen {
        let Look { place, target, source } = look;
        let mut problems: Vec<String> = self.store_error.iter().map(ToString::to_string).collect();
        let claim = self.claim(&place).await;
        let looked = match source {
            Ok(Source::Server(conninfo)) => self.look(*conninfo, target.as_deref()).await,
            Ok(Source::File(snapshot)) => Ok(*snapshot),
            Err(failure) => Err(failure),
        };
        let looked = looked.map(|mut snapshot| {
            let configured = target.as_deref().and_then(|name| self.config.disk_size(name));
            self.disk.tell_of(&mut snapshot, configured);
            snapshot
        });
        let mut before = Night::default();
        let mut memory = Memory::default();
        match &claim {
            Claim::Ours(store) => {
                let night = store.night(&place).await;
                before = night.unwrap_or_else(|error| {
                    problems.push(error.to_string());
                    Night::default()
                });
                if let Ok(snapshot) = &looked {
                    memory = self.remember(store, snapshot, &mut problems).await;
                }
            }
            Claim::Failed(error) => problems.push(error.to_string()),
            Claim::Theirs => self
                .context
                .ui
                .warn(&format!("another check of {place} is running: this one writes down nothing and tells nobody")),
            Claim::NoStore => {}
        }
        let mut gaps = Gaps::default();
        let judged = looked.as_ref().map_err(|failure| (failure.message.clone(), failure.hint.clone()));
        let judged = judged.and_then(|snapshot| {
            let judged = self.judge(snapshot, target.as_deref(), memory, &before, &mut gaps);
            judged.map_err(|failure| (failure.message, failure.hint))
        });
        let was_judged = judged.is_ok();
        let mut tally = judged.unwrap_or_else(|(why, hint)| Tally::unreachable(&why, hint.as_deref()));
        for problem in &problems {
            tally.cannot_tell("history", "history", problem, None);
        }
        let at = looked.as_ref().map_or_else(|_| self.context.now(), |snapshot| snapshot.collected_at);
        if was_judged {
            tally.answered.insert("connection".to_owned());
        }
        if problems.is_empty() {
            tally.answered.insert("history".to_owned());
        }
        let server = looked.as_ref().ok().and_then(server_of);
        let pending = Pending {
            at,
            status: tally.status,
            server: server.clone(),
            before,
            findings: tally.findings.clone(),
            silenced: tally.silenced.iter().map(|one| one.finding.id()).collect(),
            answered: std::mem::take(&mut tally.answered),
            counters: looked.as_ref().ok().map(Counters::of),
            is_claimed: matches!(claim, Claim::Ours(_)),
        };
        let report = CheckReport::of(tally, self.chosen.hygiene, target.as_deref(), at).on_server(server);
        let night = match &looked {
            Ok(snapshot) => Envelope::new(snapshot, report, gaps),
            Err(_) => Envelope::of_nobody(at, format!("{place}, {}", at.strftime("%Y-%m-%d %H:%M:%SZ")), report),
        };
        Seen { place, night, pending: (!matches!(claim, Claim::Theirs)).then_some(pending) }
    }

    /// Takes the place for this run, after a while of waiting for another.
    async fn claim(&self, place: &str) -> Claim<'_> {
        let Some(store) = self.store else { return Claim::NoStore };
        let began = tokio::time::Instant::now();
        loop {
            let now = self.context.now();
            let until = now.checked_add(self.claim).unwrap_or(Timestamp::MAX);
            // Before it is asked for: a run that is interrupted meanwhile may have it all the same.
            self.claimed.borrow_mut().insert(place.to_owned(), until);
            let claim = store.claim(place, now, until).await;
            if let Ok(Err(_)) = claim {
                self.claimed.borrow_mut().remove(place);
            }
            match claim {
                Ok(Ok(())) => return Claim::Ours(store),
                Ok(Err(_)) if began.elapsed() < PATIENCE => tokio::time::sleep(POLL).await,
                Ok(Err(_)) => return Claim::Theirs,
                Err(error) => return Claim::Failed(error),
            }
        }
    }

    /// Gives back every place that is still ours.
    pub async fn release(&self) {
        let places: Vec<String> = self.claimed.borrow().keys().cloned().collect();
        for place in places {
            self.give_back(&place).await;
        }
    }

    pub async fn give_back(&self, place: &str) {
        let until = self.claimed.borrow().get(place).copied();
        if let (Some(store), Some(until)) = (self.store, until) {
            // Whoever comes next waits for one that could not be given back until it ends by itself.
            store.release(place, until).await.ok();
            // Not before: an interruption meanwhile tries again.
            self.claimed.borrow_mut().remove(place);
        }
    }

    async fn look(&self, conninfo: Conninfo, target: Option<&str>) -> Result<Snapshot, Failure> {
        let reach = self.context.reach_of(self.config, target);
        let scope = super::scope(Scope { reach, ..self.context.scope() }, self.looks);
        let shared = self.shared(&conninfo);
        // Each opens connections of its own to the others' databases: of one server's targets one at a time does.
        let _turn = if scope.reach.may_be_several() { Some(shared.turn().await) } else { None };
        let look = Box::pin(async {
            let replicas = target.map(|target| self.context.replicas_of(self.config, target)).transpose()?;
            let mut snapshot = self.context.look_over(conninfo, &scope, &shared).await?;
            self.context.ask_replicas(&replicas.unwrap_or_default(), &mut snapshot).await?;
            if let Some(target) = target {
                snapshot.connection = self.context.connection_of(target);
            }
            Ok(snapshot)
        });
        match tokio::time::timeout(self.time_limit, look).await {
            Ok(looked) => looked,
            Err(_) => {
                let message = format!("no answer within {} s (--time-limit)", self.time_limit.as_secs());
                Err(Failure::new(ExitCode::Failed, message))
            }
        }
    }

    /// What the targets of this server share.
    fn shared(&self, conninfo: &Conninfo) -> Rc<Shared> {
        Rc::clone(self.servers.borrow_mut().entry(conninfo.server_and_role()).or_default())
    }

    /// Recalls what the store knows, and records this look.
    async fn remember(&self, store: &Store, snapshot: &Snapshot, problems: &mut Vec<String>) -> Memory {
        let recalled = async {
            let mut memory = store.recall(snapshot, RECALL).await?;
            memory.growth = self.growth(store, snapshot, &memory).await?;
            Ok::<Memory, HistoryError>(memory)
        };
        let memory = recalled.await.unwrap_or_else(|error| {
            problems.push(error.to_string());
            Memory::default()
        });
        match store.record(snapshot).await {
            // Another target of the same cluster was faster: its sample is as good.
            Ok(_) | Err(HistoryError::OutOfOrder { .. }) => {}
            Err(error) => problems.push(error.to_string()),
        }
        memory
    }

    /// How the cluster and its pg_wal grew until this run: read once for all targets of a cluster.
    async fn growth(&self, store: &Store, snapshot: &Snapshot, memory: &Memory) -> Result<Vec<Growth>, HistoryError> {
        let Some(origin) = &memory.origin else { return Ok(Vec::new()) };
        let known = self.growths.borrow().get(&origin.line).map(Rc::clone);
        if let Some(known) = known {
            return Ok(known.to_vec());
        }
        let mut growth = store.recall(snapshot, GROWTH).await?.growth;
        growth.retain(|one| matches!(one.subject.kind, SubjectKind::Cluster | SubjectKind::Wal));
        self.growths.borrow_mut().insert(origin.line.clone(), Rc::new(growth.clone()));
        Ok(growth)
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
        let is_listed = matches!(self.context.reach_of(self.config, target), Reach::Listed(_));
        tally.notes.extend(unread_databases(snapshot, is_listed));
        tally.reached_by(&snapshot.connection);
        Ok(tally)
    }
}

/// A look with what is known of those before it, by the limits of the configuration.
pub fn evidence<'a>(config: &Config, snapshot: &'a Snapshot, memory: Memory, earlier: &[Snapshot]) -> Evidence<'a> {
    let limited = Evidence::new(snapshot, memory).limited(config.slot_limits(), config.index_limits());
    earlier.iter().map(Counters::of).fold(limited, |evidence, counters| evidence.after(Some(counters)))
}

/// What tells a server from all others, its own copies included.
fn server_of(snapshot: &Snapshot) -> Option<String> {
    let control = snapshot.control.known()?;
    Some(format!("{} since {}", control.system_identifier, snapshot.server.started_at))
}

/// The databases that nobody asked to look into: what is wrong inside them is not told.
fn unread_databases(snapshot: &Snapshot, is_listed: bool) -> Option<Note> {
    let databases = snapshot.databases.known()?.iter().filter(|one| one.allows_connections && !one.is_template);
    let was_read = |name: &str| {
        snapshot.contents.iter().any(|one| one.database == name)
            || snapshot.skipped.iter().any(|one| one.database == name)
    };
    let unread: Vec<&str> = databases.map(|one| one.database.as_str()).filter(|name| !was_read(name)).collect();
    let (first, more) = (unread.get(..3).unwrap_or(&unread).join(", "), unread.len().saturating_sub(3));
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let why = if is_listed { "the target lists others" } else { "--all-databases does" };
    (!unread.is_empty()).then(|| Note {
        check: "databases".to_owned(),
        kind: "not asked",
        message: format!("not looked into: {first}{more}; {why}").into(),
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
