//! Connections in use, compared with the number allowed.

use crate::checks::thresholds::{Percent, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding, require_fact};
use crate::message::{Fragment, message};
use crate::quote::grant;

limits! {
    /// Share of the connections available to clients that are in use: WARNING
    warning: Percent = 80.0;
    /// Share of the connections available to clients that are in use: CRITICAL
    critical: Percent = 95.0;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let sessions = require_fact(&evidence.snapshot.sessions)?;
    if !sessions.sees_all {
        let why = evidence.hidden_fact("sessions", "the types of other sessions are hidden from this role");
        let grant = grant("pg_read_all_stats", &evidence.snapshot.server.role);
        return Err(CheckOutcome::from_unavailable(why.with_hint(Some(grant))));
    }
    evidence.setting("max_connections").map_err(CheckOutcome::from_unavailable)?;
    let reserved = ["superuser_reserved_connections", "reserved_connections"];
    let reserved: u64 = reserved.iter().filter_map(|name| evidence.setting_number(name)).sum();
    let available = evidence.setting_number("max_connections").unwrap_or(0).saturating_sub(reserved).max(1);
    let used = Percent(sessions.clients as f64 / available as f64 * 100.0);
    let mut outcome = CheckOutcome::default();
    if let Some((level, threshold)) =
        outcome.record_and_compare("max_connections", used, limits.warning, limits.critical)
    {
        outcome.add_finding(RuleFinding {
            level,
            subject: "max_connections".to_owned(),
            measured: Some(used.into()),
            threshold: Some(threshold),
            message: message![
                Fragment::Count(sessions.clients),
                " of ",
                Fragment::Count(available),
                " client connections are in use (",
                Fragment::Count(reserved),
                " more are reserved)"
            ],
            advice: message!["`SELECT state, count(*) FROM pg_stat_activity GROUP BY 1` shows idle sessions; use a connection pooler before you raise max_connections"],
        });
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, found_subjects};
    use crate::facts::Level;
    use serde_json::json;

    #[test]
    fn connections_excludes_reserved_slots() {
        let with = |clients: u64| {
            evaluate_check("connections", |value| value["sessions"]["known"]["clients"] = json!(clients))
        };
        assert_eq!(with(77).kind(), CheckOutcomeKind::Passed);
        assert_eq!(found_subjects(&with(78)), [(Level::Warning, "max_connections")], "of 97");
        assert_eq!(found_subjects(&with(93)), [(Level::Critical, "max_connections")]);
        let outcome = evaluate_check("connections", |value| value["sessions"]["known"]["sees_all"] = json!(false));
        assert_eq!(outcome.kind(), CheckOutcomeKind::Unknown);
    }
}
