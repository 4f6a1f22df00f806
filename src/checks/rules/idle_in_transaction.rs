//! Sessions idle in a transaction that hold locks or a snapshot.

use crate::checks::thresholds::{MINUTE, Seconds, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding, require_fact};
use crate::message::{Fragment, message};
use crate::quote::grant;

limits! {
    /// Time that a session with locks or a snapshot is idle in a transaction: WARNING
    warning: Seconds = 10 * MINUTE;
    /// Time that a session with locks or a snapshot is idle in a transaction: CRITICAL
    critical: Seconds = 60 * MINUTE;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let sessions = require_fact(&evidence.snapshot.sessions)?;
    if !sessions.sees_all {
        let why = evidence.hidden_fact("sessions", "the state of other sessions is hidden from this role");
        let grant = grant("pg_read_all_stats", &evidence.snapshot.server.role);
        return Err(CheckOutcome::from_unavailable(why.with_hint(Some(grant))));
    }
    let mut outcome = CheckOutcome::default();
    for session in &sessions.idle_in_transaction {
        let holds = session.locks > 0 || session.xid_age.is_some() || session.xmin_age.is_some();
        let (true, Some(since)) = (holds, session.state_change) else { continue };
        let idle = Seconds(evidence.seconds_since(since));
        let pid = session.pid.to_string();
        let role = session.role.as_deref().unwrap_or("unknown role");
        let database = session.database.as_deref().unwrap_or("no database");
        let Some((level, threshold)) = outcome.record_and_compare(&pid, idle, limits.warning, limits.critical) else {
            continue;
        };
        // The process ids differ in the next run, so the session that is idle longest represents the program.
        let subject = format!("{database}/{role}");
        if outcome.findings.iter().any(|symptom| symptom.subject == subject) {
            continue;
        }
        outcome.add_finding(RuleFinding {
            level,
            subject,
            measured: Some(idle.into()),
            threshold: Some(threshold),
            message: message![
                "session ",
                &pid,
                " of role ",
                role,
                " in database ",
                database,
                " has been idle in a transaction for ",
                Fragment::Seconds(idle.0),
                " and holds ",
                Fragment::Count(session.locks),
                if session.locks == 1 { " lock" } else { " locks" }
            ],
            advice: message![
                "end it: `SELECT pg_terminate_backend(",
                &pid,
                ")`; to prevent it, set idle_in_transaction_session_timeout"
            ],
        });
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, found_subjects, session};
    use crate::facts::Level;
    use serde_json::{Value, json};

    #[test]
    fn idle_in_transaction_groups_holders_by_role() {
        let idle = |sessions: Vec<Value>| {
            evaluate_check("idle-in-transaction", |value| {
                value["sessions"]["known"]["idle_in_transaction"] = json!(sessions)
            })
        };
        assert_eq!(idle(vec![session(7, 599)]).kind(), CheckOutcomeKind::Passed);
        let mut harmless = session(7, 7_200);
        harmless
            .as_object_mut()
            .unwrap()
            .extend(json!({"locks": 0, "xid_age": null, "xmin_age": null}).as_object().unwrap().clone());
        assert_eq!(idle(vec![harmless]).kind(), CheckOutcomeKind::Passed);
        assert_eq!(found_subjects(&idle(vec![session(7, 601), session(8, 600)])), [(Level::Warning, "shop/app")]);
        assert_eq!(found_subjects(&idle(vec![session(7, 3_600)])), [(Level::Critical, "shop/app")]);
    }
}
