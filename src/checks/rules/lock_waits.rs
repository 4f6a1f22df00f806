//! Sessions that wait for a lock longer than a limit, and the sessions that block them.

use crate::checks::thresholds::{MINUTE, Seconds, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding, require_fact};
use crate::facts::{LockWait, LockWaits};
use crate::message::{Fragment, message};
use std::collections::{BTreeMap, BTreeSet};

limits! {
    /// Time that a session waits for a lock: WARNING
    warning: Seconds = MINUTE;
    /// Time that a session waits for a lock: CRITICAL
    critical: Seconds = 5 * MINUTE;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let waits = require_fact(&evidence.snapshot.lock_waits)?;
    if !waits.sees_all {
        let why = evidence.hidden_fact("lock waits", "the lock waits of other sessions are hidden from this role");
        return Err(CheckOutcome::from_unavailable(why));
    }
    let mut outcome = CheckOutcome::default();
    for (root, waiters) in waiters_by_root(waits) {
        // A session whose wait ends while it is read has no start of the wait.
        let timed = waiters.iter().filter_map(|waiter| Some((evidence.seconds_since(waiter.waiting_since?), *waiter)));
        let Some((seconds, longest)) = timed.max_by_key(|(seconds, _)| *seconds) else { continue };
        let subject = describe_blocker(waits, root);
        let waited = Seconds(seconds);
        let Some((level, threshold)) = outcome.record_and_compare(&subject, waited, limits.warning, limits.critical)
        else {
            continue;
        };
        let count = waiters.len() as u64;
        let state =
            waits.blockers.iter().find(|blocker| blocker.pid == root).and_then(|blocker| blocker.state.as_deref());
        let mut message = message![
            Fragment::Count(count),
            if count == 1 { " session waits" } else { " sessions wait" },
            " for a lock held by ",
            &subject
        ];
        if let Some(state) = state {
            message.append(message![", which is ", state]);
        }
        message.append(message![
            if count == 1 { ", for " } else { ", the longest for " },
            if longest.is_upper_bound { "at most " } else { "" },
            Fragment::Seconds(seconds)
        ]);
        if longest.is_upper_bound {
            message.append(message![" (the age of its statement: this server does not record the start of the wait)"]);
        }
        let advice = match root {
            0 => {
                message![
                    "`SELECT * FROM pg_prepared_xacts` lists prepared transactions; commit or roll back the one that was left open"
                ]
            }
            pid => message![
                "`SELECT * FROM pg_stat_activity WHERE pid = ",
                pid.to_string(),
                "` shows what it does; `SELECT pg_terminate_backend(",
                pid.to_string(),
                ")` ends it"
            ],
        };
        outcome.add_finding(RuleFinding {
            level,
            subject,
            measured: Some(waited.into()),
            threshold: Some(threshold),
            message,
            advice,
        });
    }
    Ok(outcome)
}

/// Groups the waiting sessions by the blocking sessions that do not wait themselves. In a deadlock all sessions wait;
/// the smallest process ID represents it.
fn waiters_by_root(waits: &LockWaits) -> BTreeMap<i32, Vec<&LockWait>> {
    let by_pid: BTreeMap<i32, &LockWait> = waits.waiting.iter().map(|wait| (wait.pid, wait)).collect();
    let mut by_root: BTreeMap<i32, Vec<&LockWait>> = BTreeMap::new();
    for waiter in &waits.waiting {
        let mut seen = BTreeSet::from([waiter.pid]);
        let mut open: Vec<i32> = waiter.blocked_by.clone();
        let mut roots = BTreeSet::new();
        while let Some(pid) = open.pop() {
            if !seen.insert(pid) {
                continue;
            }
            match by_pid.get(&pid) {
                Some(blocker) => open.extend(&blocker.blocked_by),
                None => {
                    roots.insert(pid);
                }
            }
        }
        if roots.is_empty() {
            roots.extend(seen.first());
        }
        for root in roots {
            by_root.entry(root).or_default().push(waiter);
        }
    }
    by_root
}

/// Names the blocker: `pid 4711 (role app, application web)`.
fn describe_blocker(waits: &LockWaits, pid: i32) -> String {
    if pid == 0 {
        return "a prepared transaction".to_owned();
    }
    let blocker = waits.blockers.iter().find(|blocker| blocker.pid == pid);
    let role = blocker.and_then(|blocker| blocker.role.as_deref());
    let application = blocker.and_then(|blocker| blocker.application_name.as_deref()).filter(|name| !name.is_empty());
    let known: Vec<String> = [
        role.map(|role| format!("role {role}")),
        application.map(|name| format!("application {name}")),
        blocker.filter(|blocker| blocker.role.is_none()).and_then(|blocker| blocker.backend_type.clone()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if known.is_empty() { format!("pid {pid}") } else { format!("pid {pid} ({})", known.join(", ")) }
}

#[cfg(test)]
mod tests {
    use crate::checks::testing::{ago, evaluate_check, found_subjects};
    use crate::checks::{CheckOutcome, CheckOutcomeKind};
    use crate::facts::Level;
    use crate::message::Fragment;
    use serde_json::{Value, json};

    fn message_text(outcome: &CheckOutcome) -> String {
        let fragments = outcome.findings[0].message.0.iter().map(|fragment| match fragment {
            Fragment::Text(text) => text.clone(),
            Fragment::Count(count) => count.to_string(),
            other => format!("{other:?}"),
        });
        fragments.collect()
    }

    fn wait(pid: i32, blocked_by: &[i32], seconds: i64) -> Value {
        json!({"pid": pid, "database": "shop", "role": "app", "application_name": "web",
               "waiting_since": ago(seconds), "is_upper_bound": false, "blocked_by": blocked_by})
    }

    fn evaluate_waits(waiting: Vec<Value>) -> CheckOutcome {
        evaluate_check("lock-waits", |snapshot| {
            snapshot["lock_waits"]["known"]["waiting"] = waiting.into();
            snapshot["lock_waits"]["known"]["blockers"] = json!([
                {"pid": 7, "database": "shop", "role": "app", "application_name": "web",
                 "backend_type": "client backend", "state": "idle in transaction"},
                {"pid": 9, "database": "shop", "role": null, "application_name": "",
                 "backend_type": "autovacuum worker", "state": "active"}]);
        })
    }

    #[test]
    fn lock_waits_thresholds() {
        let level =
            |seconds| found_subjects(&evaluate_waits(vec![wait(8, &[7], seconds)])).first().map(|finding| finding.0);
        assert_eq!(evaluate_waits(vec![]).kind(), CheckOutcomeKind::Passed);
        assert_eq!(
            [level(59), level(60), level(299), level(300)],
            [None, Some(Level::Warning), Some(Level::Warning), Some(Level::Critical)]
        );
    }

    #[test]
    fn lock_waits_name_root_blocker() {
        let outcome = evaluate_waits(vec![wait(8, &[7], 90), wait(10, &[8], 70), wait(11, &[9], 400)]);
        assert_eq!(
            found_subjects(&outcome),
            [(Level::Warning, "pid 7 (role app, application web)"), (Level::Critical, "pid 9 (autovacuum worker)")]
        );
        let message = message_text(&outcome);
        assert!(message.starts_with("2 sessions wait for a lock held by pid 7"), "{message}");
        assert!(message.contains("which is idle in transaction"), "{message}");
    }

    #[test]
    fn lock_waits_survive_cycle_and_prepared() {
        let outcome = evaluate_waits(vec![wait(7, &[8], 90), wait(8, &[7], 90), wait(10, &[0], 90)]);
        let subjects: Vec<&str> = found_subjects(&outcome).into_iter().map(|finding| finding.1).collect();
        assert_eq!(subjects, ["a prepared transaction", "pid 7 (role app, application web)"]);
    }

    #[test]
    fn lock_waits_without_start_are_bounded() {
        let mut old = wait(8, &[7], 90);
        old["is_upper_bound"] = json!(true);
        let outcome = evaluate_waits(vec![old]);
        assert!(message_text(&outcome).contains("for at most"));
    }

    #[test]
    fn lock_waits_hidden_is_unknown() {
        let outcome =
            evaluate_check("lock-waits", |snapshot| snapshot["lock_waits"]["known"]["sees_all"] = json!(false));
        assert_eq!(outcome.kind(), CheckOutcomeKind::Unknown);
        assert_eq!(outcome.unknown[0].hint.as_deref(), Some("GRANT pg_monitor TO app"));
    }
}
