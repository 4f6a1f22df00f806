//! Failing or delayed WAL archiving.

use crate::checks::thresholds::{Count, HOUR, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding, require_fact};
use crate::facts::{Level, Measure};
use crate::message::{Fragment, message};

limits! {
    /// Segments that wait for the archiver while archiving succeeds: WARNING
    backlog: Count = 1_000;
    /// Time since the last archived segment while archiving fails: CRITICAL
    critical: Seconds = HOUR;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let snapshot = evidence.snapshot;
    let mode = evidence.setting("archive_mode").map_err(CheckOutcome::from_unavailable)?;
    match mode.setting.as_str() {
        "off" => return Err(CheckOutcome::not_supported("archive_mode is off")),
        "on" if snapshot.server.in_recovery => {
            return Err(CheckOutcome::not_supported("a standby archives only with archive_mode = always"));
        }
        _ => {}
    }
    let mut outcome = CheckOutcome::default();
    let waiting = snapshot.archive_status.known().map(|status| status.ready_files);
    let settings = require_fact(&snapshot.settings)?;
    let find = |level, measured, threshold, message, advice| RuleFinding {
        level,
        subject: "archiver".to_owned(),
        measured,
        threshold,
        message,
        advice,
    };
    let count = waiting.map(Measure::Count);
    // `failed_count` does not change in that state (docs/reference/wal.md#archiving-without-a-command).
    if settings.has_archive_command() == Some(false) {
        let message = message![
            "archive_mode is on, but archive_command and archive_library are empty: no segment is removed from pg_wal"
        ];
        outcome.add_finding(find(
            Level::Critical,
            count,
            None,
            message,
            message!["set archive_command or archive_library, or set archive_mode to off"],
        ));
        return Ok(outcome);
    }
    let archiver = require_fact(&snapshot.archiver)?;
    // An old failure does not matter if no segment waits: the failed one would.
    if archiver.last_failed_time > archiver.last_archived_time && waiting != Some(0) {
        let last = archiver.last_archived_time.or(archiver.stats_reset);
        let since = last.map(|timestamp| evidence.seconds_since(timestamp));
        let level =
            if since.is_some_and(|since| since >= limits.critical.0) { Level::Critical } else { Level::Warning };
        let wal = archiver.last_failed_wal.as_deref().unwrap_or("a segment");
        let mut message = message!["archiving of ", wal, " fails"];
        match archiver.last_archived_time {
            Some(time) => message.append(message![
                "; the last success was ",
                Fragment::Seconds(evidence.seconds_since(time)),
                " ago"
            ]),
            None => message.append(message!["; no segment was archived since the statistics were reset"]),
        }
        if let Some(files) = waiting {
            let noun = if files == 1 { " segment waits" } else { " segments wait" };
            message.append(message!["; ", Fragment::Count(files), noun]);
        }
        let advice =
            message!["the server log contains the error of the command; pg_wal grows until archiving succeeds"];
        outcome.add_finding(find(level, since.map(Measure::Seconds), Some(limits.critical.into()), message, advice));
        return Ok(outcome);
    }
    let waiting = Count(require_fact(&snapshot.archive_status)?.ready_files);
    outcome.record_reading("archiver", waiting.into(), limits.backlog.into(), None);
    if waiting >= limits.backlog {
        let noun = if waiting.0 == 1 { " segment waits" } else { " segments wait" };
        let message = message![Fragment::Count(waiting.0), noun, " for the archiver: it is slower than WAL generation"];
        let advice =
            message!["archive several segments at a time, or check the storage and the network of the archive"];
        outcome.add_finding(find(Level::Warning, Some(waiting.into()), Some(limits.backlog.into()), message, advice));
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{ago, evaluate_check, found_subjects, set_setting};
    use crate::facts::Level;
    use serde_json::json;

    #[test]
    fn failed_archiving_skips_archive_mode_off() {
        assert_eq!(
            evaluate_check("failed-archiving", |value| set_setting(value, "archive_mode", "off")).kind(),
            CheckOutcomeKind::NotApplicable
        );
        let standby = evaluate_check("failed-archiving", |value| value["server"]["in_recovery"] = json!(true));
        assert_eq!(standby.kind(), CheckOutcomeKind::NotApplicable);
    }

    #[test]
    fn failed_archiving_reports_missing_command() {
        assert_eq!(
            found_subjects(&evaluate_check("failed-archiving", |value| set_setting(value, "archive_command", ""))),
            [(Level::Critical, "archiver")]
        );
        let disabled = evaluate_check("failed-archiving", |value| set_setting(value, "archive_command", "(disabled)"));
        assert_eq!(found_subjects(&disabled), [(Level::Critical, "archiver")]);
    }

    #[test]
    fn failed_archiving_critical_after_an_hour() {
        let failing = |since: i64| {
            evaluate_check("failed-archiving", |value| {
                value["archiver"]["known"]["last_archived_time"] = json!(ago(since));
                value["archiver"]["known"]["last_failed_time"] = json!(ago(1));
            })
        };
        assert_eq!(found_subjects(&failing(3_599)), [(Level::Warning, "archiver")]);
        assert_eq!(found_subjects(&failing(3_600)), [(Level::Critical, "archiver")]);
        let over = evaluate_check("failed-archiving", |value| {
            value["archiver"]["known"]["last_archived_time"] = json!(ago(4_000));
            value["archiver"]["known"]["last_failed_time"] = json!(ago(3_000));
            value["archive_status"]["known"]["ready_files"] = json!(0);
        });
        assert_eq!(over.kind(), CheckOutcomeKind::Passed, "an idle server: nothing waits");
        let backlog = |files: u64| {
            evaluate_check("failed-archiving", |value| value["archive_status"]["known"]["ready_files"] = json!(files))
        };
        assert_eq!(backlog(999).kind(), CheckOutcomeKind::Passed);
        assert_eq!(found_subjects(&backlog(1_000)), [(Level::Warning, "archiver")]);
    }
}
