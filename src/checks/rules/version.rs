//! Server releases without support or with missing fixes.

use crate::checks::thresholds::{DAY, Seconds, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, NotApplicable, RuleFinding};
use crate::facts::{Level, Measure};
use crate::message::{Fragment, Message, message};
use jiff::{
    Timestamp,
    civil::{Date, date},
    tz::TimeZone,
};

limits! {
    /// Time since the release of a newer minor version
    warning: Seconds = 90 * DAY;
    /// Time until the end of support of the major version
    end: Seconds = 180 * DAY;
    /// Age of the built-in table of releases
    table: Seconds = 91 * DAY;
}

/// Releases by day, the oldest first, as announced on postgresql.org; 15.20 as published by Debian. There was no 18.5.
const RELEASES: &[(Date, &[(u32, u32)])] = &[
    (date(2025, 11, 13), &[(18, 1), (17, 7), (16, 11), (15, 15), (14, 20), (13, 23)]),
    (date(2026, 2, 12), &[(18, 2), (17, 8), (16, 12), (15, 16), (14, 21)]),
    (date(2026, 2, 26), &[(18, 3), (17, 9), (16, 13), (15, 17), (14, 22)]),
    (date(2026, 5, 14), &[(18, 4), (17, 10), (16, 14), (15, 18), (14, 23)]),
    (date(2026, 8, 13), &[(18, 6), (17, 11), (16, 15), (15, 19), (14, 24)]),
    (date(2026, 11, 13), &[(15, 20)]),
];

/// Date of a major's last minor release (postgresql.org/support/versioning).
const END_OF_LIFE: &[(u32, Date)] = &[
    (13, date(2025, 11, 13)),
    (14, date(2026, 11, 12)),
    (15, date(2027, 11, 11)),
    (16, date(2028, 11, 9)),
    (17, date(2029, 11, 8)),
    (18, date(2030, 11, 14)),
];

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let server = &evidence.snapshot.server;
    let (major, minor) = (server.major(), server.version_num % 10_000);
    let Some((_, end)) = END_OF_LIFE.iter().find(|(of, _)| *of == major) else {
        let reason = message!["PostgreSQL ", major.to_string(), " is not in the built-in table of releases"];
        return Err(CheckOutcome::not_supported(reason));
    };
    let now = evidence.snapshot.collected_at;
    let mut outcome = CheckOutcome::default();
    outcome.findings.extend(end_of_life_finding(major, *end, now, limits));
    let of_major = |(day, minors): &(Date, &'static [(u32, u32)])| {
        let minor = minors.iter().find(|(of, _)| *of == major)?.1;
        Some((*day, minor))
    };
    let minors: Vec<(Date, u32)> = RELEASES.iter().filter_map(of_major).collect();
    let Some(&(as_of, last)) = minors.last() else { return Ok(outcome) };
    if let Some((day, next)) = minors.iter().find(|(_, of)| *of > minor) {
        let behind = Seconds(seconds_between(midnight(*day), now));
        if behind >= limits.warning {
            let mut message = message![
                "the server runs ",
                server.version_text(),
                "; ",
                format!("{major}.{next} was released on {day}")
            ];
            if last > *next {
                message.append(message![format!("; the latest known release is {major}.{last} of {as_of}")]);
            }
            outcome.add_finding(version_finding(
                "minor",
                major,
                behind.0,
                limits.warning,
                message,
                "install the latest minor release: new binaries and a restart",
            ));
        }
    } else if seconds_between(midnight(as_of), now) >= limits.table.0 && as_of < *end {
        // A minor release is published every thirteen weeks, so one exists that this table lacks.
        outcome.not_applicable.push(NotApplicable::NotSupported(message![format!(
            "the built-in table of releases ends at {as_of} ({major}.{last}): later minor releases are unknown"
        )]));
    }
    Ok(outcome)
}

/// Returns the finding on a major version that is out of support, or will be within the limit.
fn end_of_life_finding(major: u32, end: Date, now: Timestamp, limits: &Limits) -> Option<RuleFinding> {
    let remaining = Seconds(seconds_between(now, midnight(end)));
    let name = major.to_string();
    if remaining.0 == 0 {
        let message = message!["PostgreSQL ", name, " has been out of support since ", end.to_string()];
        return Some(version_finding(
            "major",
            major,
            seconds_between(midnight(end), now),
            Seconds(0),
            message,
            UPGRADE_ADVICE,
        ));
    }
    let message = message![
        "PostgreSQL ",
        name,
        " is supported until ",
        end.to_string(),
        " (",
        Fragment::Seconds(remaining.0),
        " left)"
    ];
    (remaining <= limits.end).then(|| version_finding("major", major, remaining.0, limits.end, message, UPGRADE_ADVICE))
}

const UPGRADE_ADVICE: &str = "plan the upgrade to a supported major version: pg_upgrade or logical replication";

fn version_finding(
    what: &str,
    major: u32,
    measured: u64,
    limit: Seconds,
    message: Message,
    advice: &str,
) -> RuleFinding {
    RuleFinding {
        level: Level::Warning,
        subject: format!("{what} {major}"),
        measured: Some(Measure::Seconds(measured)),
        threshold: Some(limit.into()),
        message,
        advice: message![advice],
    }
}

fn midnight(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).map_or(Timestamp::MIN, |day| day.timestamp())
}

/// Returns the whole seconds from one time to the other; 0 if the first is later.
fn seconds_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, found_subjects};
    use crate::facts::Level;
    use serde_json::json;

    #[test]
    fn version_latest_minor_passes() {
        let evaluate_version_at = |version: u32, date: &str| {
            evaluate_check("version", |value| {
                value["server"]["version_num"] = json!(version);
                value["collected_at"] = json!(date);
            })
        };
        assert_eq!(evaluate_version_at(170_011, "2026-10-01T00:00:00Z").kind(), CheckOutcomeKind::Passed);
        assert_eq!(
            evaluate_version_at(170_010, "2026-10-01T00:00:00Z").kind(),
            CheckOutcomeKind::Passed,
            "not yet out for long"
        );
        assert_eq!(
            found_subjects(&evaluate_version_at(170_004, "2026-10-01T00:00:00Z")),
            [(Level::Warning, "minor 17")],
            "several behind"
        );
        assert_eq!(
            found_subjects(&evaluate_version_at(170_010, "2026-11-21T00:00:00Z")),
            [(Level::Warning, "minor 17")]
        );
        assert_eq!(
            evaluate_version_at(170_012, "2026-11-21T00:00:00Z").kind(),
            CheckOutcomeKind::NotApplicable,
            "a newer one than the table has"
        );
        assert_eq!(
            evaluate_version_at(170_011, "2026-11-21T00:00:00Z").kind(),
            CheckOutcomeKind::NotApplicable,
            "the table is old"
        );
        assert_eq!(evaluate_version_at(990_001, "2026-11-21T00:00:00Z").kind(), CheckOutcomeKind::NotApplicable);
    }

    #[test]
    fn version_reports_end_of_life_early() {
        let evaluate_version_at = |version: u32, date: &str| {
            evaluate_check("version", |value| {
                value["server"]["version_num"] = json!(version);
                value["collected_at"] = json!(date);
            })
        };
        assert_eq!(
            found_subjects(&evaluate_version_at(130_023, "2026-11-21T00:00:00Z")),
            [(Level::Warning, "major 13")]
        );
        assert_eq!(evaluate_version_at(140_024, "2026-05-01T00:00:00Z").kind(), CheckOutcomeKind::Passed);
        assert_eq!(
            found_subjects(&evaluate_version_at(140_024, "2026-10-01T00:00:00Z")),
            [(Level::Warning, "major 14")]
        );
        let ended = evaluate_version_at(140_024, "2026-11-21T00:00:00Z");
        assert_eq!(found_subjects(&ended), [(Level::Warning, "major 14")]);
        assert!(format!("{:?}", ended.findings[0].message).contains("out of support since"));
        assert_eq!(evaluate_version_at(150_020, "2026-11-21T00:00:00Z").kind(), CheckOutcomeKind::Passed);
    }
}
