//! Server releases without support or with missing fixes.

use crate::checks::thresholds::{DAY, Seconds, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, NotApplicable, RuleFinding};
use crate::facts::{Level, Measure, Unavailable};
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

/// One minor release: the major, the minor, and the number of vulnerabilities (CVE) that it fixes; `None` if no source for
/// that branch was read.
type Minor = (u32, u32, Option<u64>);

/// Releases by day, the oldest first, as announced on postgresql.org. There was no 18.5. Of 2026-11-12, 18.7 was read in its
/// release notes, 14.25 in an edition of the manual, 15.20 as Debian's package; 17.12 and 16.16 were seen only as tags. 19.0
/// was read in its release notes. Numbers of vulnerabilities: release notes of 18.6, 17.11 and 15.19 (fixes with a commit in
/// that branch), Debian's changelog of 15.18, a list for 16.14, and the announcements of the releases before.
const RELEASES: &[(Date, &[Minor])] = &[
    (
        date(2025, 11, 13),
        &[
            (18, 1, Some(2)),
            (17, 7, Some(2)),
            (16, 11, Some(2)),
            (15, 15, Some(2)),
            (14, 20, Some(2)),
            (13, 23, Some(2)),
        ],
    ),
    (date(2026, 2, 12), &[(18, 2, Some(5)), (17, 8, Some(4)), (16, 12, Some(4)), (15, 16, Some(4)), (14, 21, Some(4))]),
    (date(2026, 2, 26), &[(18, 3, Some(0)), (17, 9, Some(0)), (16, 13, Some(0)), (15, 17, Some(0)), (14, 22, Some(0))]),
    (date(2026, 5, 14), &[(18, 4, None), (17, 10, None), (16, 14, Some(9)), (15, 18, Some(8)), (14, 23, None)]),
    (date(2026, 8, 13), &[(18, 6, Some(28)), (17, 11, Some(26)), (16, 15, None), (15, 19, Some(24)), (14, 24, None)]),
    (date(2026, 11, 12), &[(18, 7, None), (17, 12, None), (16, 16, None), (15, 20, None), (14, 25, None)]),
    (date(2026, 11, 19), &[(19, 0, Some(0))]),
];

/// Date of a major's last minor release (postgresql.org/support/versioning). 19: five years, on the second Thursday of
/// November, as for the majors before.
const END_OF_LIFE: &[(u32, Date)] = &[
    (13, date(2025, 11, 13)),
    (14, date(2026, 11, 12)),
    (15, date(2027, 11, 11)),
    (16, date(2028, 11, 9)),
    (17, date(2029, 11, 8)),
    (18, date(2030, 11, 14)),
    (19, date(2031, 11, 13)),
];

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let server = &evidence.snapshot.server;
    let (major, minor) = (server.major(), server.version_num % 10_000);
    if let Some(reason) = server.newer_than_known() {
        let why = Unavailable::new("table of releases", reason).with_hint(Some("install a newer pgtend"));
        return Err(CheckOutcome::from_unavailable(why));
    }
    let Some((_, end)) = END_OF_LIFE.iter().find(|(of, _)| *of == major) else {
        let reason = message!["PostgreSQL ", major.to_string(), " is not in the built-in table of releases"];
        return Err(CheckOutcome::not_supported(reason));
    };
    let now = evidence.snapshot.collected_at;
    let mut outcome = CheckOutcome::default();
    outcome.findings.extend(end_of_life_finding(major, *end, now, limits));
    let of_major = |(day, minors): &(Date, &'static [Minor])| {
        let (_, minor, fixed) = minors.iter().find(|(of, ..)| *of == major)?;
        Some((*day, *minor, *fixed))
    };
    let minors: Vec<(Date, u32, Option<u64>)> = RELEASES.iter().filter_map(of_major).collect();
    let Some(&(as_of, last, _)) = minors.last() else { return Ok(outcome) };
    if let Some(name) = server.pre_release() {
        let released = minors.first().filter(|(_, minor, _)| *minor == 0);
        outcome.add_finding(pre_release_finding(name, major, released.map(|(day, ..)| *day)));
        return Ok(outcome);
    }
    if let Some((day, next, _)) = minors.iter().find(|(_, of, _)| *of > minor) {
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
            message.append(describe_fixes(minors.iter().filter(|(_, of, _)| *of > minor).map(|(.., fixed)| *fixed)));
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

/// Returns the number of vulnerabilities that these releases fix; nothing where none is known.
fn describe_fixes(releases: impl Iterator<Item = Option<u64>> + Clone) -> Message {
    let known: u64 = releases.clone().flatten().sum();
    let is_complete = releases.clone().all(|fixed| fixed.is_some());
    match known {
        0 => Message::default(),
        _ => message![
            "; the releases since fix ",
            if is_complete { "" } else { "at least " },
            Fragment::Count(known),
            if known == 1 { " vulnerability (CVE)" } else { " vulnerabilities (CVE)" }
        ],
    }
}

/// Returns the finding on a beta version or a release candidate.
fn pre_release_finding(name: &str, major: u32, released: Option<Date>) -> RuleFinding {
    let mut message = message!["the server runs the pre-release PostgreSQL ", name, ", which gets no fixes"];
    if let Some(day) = released {
        message.append(message![format!("; {major}.0 was released on {day}")]);
    }
    RuleFinding {
        level: Level::Warning,
        subject: format!("pre-release {major}"),
        measured: None,
        threshold: None,
        message,
        advice: message![
            "install the release; if it refuses the data directory, which a pre-release may have in another format, use ",
            "pg_upgrade"
        ],
    }
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
            evaluate_version_at(170_012, "2026-12-21T00:00:00Z").kind(),
            CheckOutcomeKind::Passed,
            "the newest one"
        );
        for minor in [170_012, 170_013] {
            assert_eq!(
                evaluate_version_at(minor, "2027-02-21T00:00:00Z").kind(),
                CheckOutcomeKind::NotApplicable,
                "the table is old"
            );
        }
        assert_eq!(evaluate_version_at(190_000, "2026-12-21T00:00:00Z").kind(), CheckOutcomeKind::Passed);
    }

    #[test]
    fn version_newer_than_known_is_unknown() {
        let outcome = evaluate_check("version", |value| value["server"]["version_num"] = json!(200_001));
        assert_eq!(outcome.kind(), CheckOutcomeKind::Unknown);
        assert!(outcome.unknown[0].reason.contains("PostgreSQL 20"), "{outcome:?}");
        let older = evaluate_check("version", |value| value["server"]["version_num"] = json!(120_001));
        assert_eq!(older.kind(), CheckOutcomeKind::NotApplicable);
    }

    #[test]
    fn version_pre_release_must_be_replaced() {
        let evaluate_text = |text: &str, date: &str| {
            evaluate_check("version", |value| {
                value["server"]["version_num"] = json!(190_000);
                value["server"]["version"] = json!(text);
                value["collected_at"] = json!(date);
            })
        };
        let released = "PostgreSQL 19.0 on x86_64-pc-linux-gnu, compiled by gcc";
        assert_eq!(evaluate_text(released, "2026-11-21T00:00:00Z").kind(), CheckOutcomeKind::Passed);
        for name in ["19rc1", "19beta2", "19devel"] {
            let text = format!("PostgreSQL {name} (Debian 19~x-1) on x86_64-pc-linux-gnu");
            let outcome = evaluate_text(&text, "2026-11-21T00:00:00Z");
            assert_eq!(found_subjects(&outcome), [(Level::Warning, "pre-release 19")]);
            let message = format!("{:?}", outcome.findings[0].message);
            assert!(message.contains(name) && message.contains("19.0 was released on 2026-11-19"), "{message}");
        }
    }

    #[test]
    fn version_counts_known_security_fixes() {
        let message = |version: u32| {
            let outcome = evaluate_check("version", |value| {
                value["server"]["version_num"] = json!(version);
                value["collected_at"] = json!("2027-02-21T00:00:00Z");
            });
            format!("{:?}", outcome.findings.first().map(|finding| finding.message.clone()))
        };
        // 18.6 fixes 28; the number of 18.7 is not in the table.
        assert!(message(180_004).contains("at least \"), Count(28)"), "{}", message(180_004));
        assert!(!message(180_006).contains("vulnerabilit"), "{}", message(180_006));
        assert!(message(150_014).contains("Count(38)"), "{}", message(150_014));
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
        let last = evaluate_version_at(140_025, "2027-11-21T00:00:00Z");
        assert_eq!(found_subjects(&last), [(Level::Warning, "major 14")], "no later minor release exists");
    }
}
