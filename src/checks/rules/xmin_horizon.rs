//! The oldest snapshot, which prevents VACUUM from removing dead rows.

use crate::checks::evidence::slots_why_command;
use crate::checks::thresholds::{Count, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding, require_fact};
use crate::message::{Fragment, Message, message};
use crate::quote::{code_span, grant, quote_literal};

limits! {
    /// Age of the oldest snapshot, in transactions: WARNING
    warning: Count = 50_000_000;
    /// Age of the oldest snapshot, in transactions: CRITICAL
    critical: Count = 200_000_000;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let mut outcome = CheckOutcome::default();
    let snapshot = evidence.snapshot;
    let role = &snapshot.server.role;
    let mut holders: Vec<(u64, String, Message, Message)> = Vec::new();
    match snapshot.sessions.as_result() {
        Ok(sessions) if !sessions.sees_all => {
            let why = evidence.hidden_fact("sessions", "the transactions of other sessions are hidden from this role");
            outcome.add_unavailable(&why.with_hint(Some(grant("pg_read_all_stats", role))));
        }
        Ok(sessions) => {
            for session in &sessions.holders {
                let pid = session.pid.to_string();
                let kind = session.backend_type.as_deref().unwrap_or("backend");
                let mut by = message![kind, " ", &pid];
                if let Some(role) = &session.role {
                    by.append(message![" of role ", role]);
                }
                if let Some(time) = session.xact_start {
                    by.append(message![
                        " (in a transaction for ",
                        Fragment::Seconds(evidence.seconds_since(time)),
                        ")"
                    ]);
                }
                if let Some(command) = &session.command {
                    by.append(message![", which runs ", command, ","]);
                }
                let terminate = code_span(&format!("SELECT pg_terminate_backend({pid})"));
                let advice = match (kind, &session.command) {
                    ("walsender", _) => message!["look for a long query on the standby (hot_standby_feedback)"],
                    (_, Some(command)) => {
                        message!["let it finish; ", terminate, " ends it, and the work of ", command, " is lost"]
                    }
                    _ => message!["end it: ", terminate],
                };
                holders.push((session.xid_horizon_age(), format!("session {pid}"), by, advice));
            }
        }
        Err(why) => outcome.add_unavailable(why),
    }
    match snapshot.prepared_transactions.as_result() {
        Ok(prepared) => holders.extend(prepared.iter().map(|prepared_transaction| {
            let by =
                message!["prepared transaction ", &prepared_transaction.gid, " of role ", &prepared_transaction.owner];
            let advice = message![
                "ask its transaction manager whether to commit it; otherwise, in database ",
                &prepared_transaction.database,
                ", ",
                code_span(&format!("ROLLBACK PREPARED {}", quote_literal(&prepared_transaction.gid)))
            ];
            (
                u64::try_from(prepared_transaction.xid_age).unwrap_or(0),
                format!("prepared {}", prepared_transaction.gid),
                by,
                advice,
            )
        })),
        Err(why) => outcome.add_unavailable(why),
    }
    for slot in require_fact(&snapshot.slots)?.iter().filter(|slot| !slot.is_lost()) {
        for (age, scope) in [(slot.xmin_age, ""), (slot.catalog_xmin_age, " (catalog_xmin: system catalogs only)")] {
            let Some(age) = age else { continue };
            let advice = message![slots_why_command(&slot.slot_name), " shows its probable owner"];
            holders.push((
                age.unsigned_abs(),
                format!("slot {}", slot.slot_name),
                message!["slot ", &slot.slot_name, scope],
                advice,
            ));
        }
    }
    // Only the oldest holder matters; the next ones take effect after it is gone.
    let oldest = holders.into_iter().min_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    if let Some((age, subject, by, advice)) = oldest
        && let Some((level, threshold)) =
            outcome.record_and_compare(&subject, Count(age), limits.warning, limits.critical)
    {
        let mut message = by;
        message.append(message![
            " prevents VACUUM from removing rows that died in the last ",
            Fragment::Count(age),
            " transactions"
        ]);
        outcome.add_finding(RuleFinding {
            level,
            subject,
            measured: Some(Count(age).into()),
            threshold: Some(threshold),
            message,
            advice,
        });
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, found_subjects, session, slot};
    use crate::facts::Level;
    use serde_json::json;

    #[test]
    fn xmin_horizon_names_oldest_holder() {
        let holding = |session_age: u64, slot_age: u64| {
            evaluate_check("xmin-horizon", |value| {
                let mut session = session(7, 60);
                session["xmin_age"] = json!(session_age);
                value["sessions"]["known"]["holders"] = json!([session]);
                let mut slot = slot(0, 0);
                slot["xmin_age"] = json!(slot_age);
                value["slots"] = json!({"known": [slot]});
            })
        };
        assert_eq!(holding(49_999_999, 49_999_999).kind(), CheckOutcomeKind::Passed);
        assert_eq!(found_subjects(&holding(50_000_000, 10)), [(Level::Warning, "session 7")]);
        assert_eq!(found_subjects(&holding(60_000_000, 200_000_000)), [(Level::Critical, "slot orders")]);
    }

    #[test]
    fn xmin_horizon_spares_maintenance() {
        let outcome = evaluate_check("xmin-horizon", |value| {
            let mut session = session(7, 60);
            session["xmin_age"] = json!(60_000_000);
            session["command"] = json!("REPACK");
            value["sessions"]["known"]["holders"] = json!([session]);
        });
        let advice = format!("{:?}", outcome.findings[0].advice);
        assert!(advice.contains("let it finish; ") && advice.contains("REPACK"), "{advice}");
    }

    #[test]
    fn xmin_horizon_needs_rights_to_see_all() {
        let outcome = evaluate_check("xmin-horizon", |value| value["sessions"]["known"]["sees_all"] = json!(false));
        assert_eq!(outcome.kind(), CheckOutcomeKind::Unknown);
    }
}
