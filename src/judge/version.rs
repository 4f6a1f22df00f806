//! Whether the server runs a release that still gets fixes, and has those there are.

use super::{
    Answer, Evidence, Judged, NotApplicable, Symptom,
    limits::{DAY, Seconds, limits},
};
use crate::model::{Level, Measure, Piece, words};
use jiff::civil::{Date, date};

limits! {
    /// A newer minor release has been out for so long
    warning: Seconds = 90 * DAY;
    /// The table of releases is so old that it says nothing of newer ones
    table: Seconds = 120 * DAY;
}

/// When this table was last looked after.
const TABLE_OF: Date = date(2026, 5, 14);

/// Major, its last known minor, when that came out, and when the major gets its last (postgresql.org/support/versioning).
const RELEASES: &[(u32, u32, Date, Date)] = &[
    (13, 23, date(2025, 11, 13), date(2025, 11, 13)),
    (14, 23, date(2026, 5, 14), date(2026, 11, 12)),
    (15, 18, date(2026, 5, 14), date(2027, 11, 11)),
    (16, 14, date(2026, 5, 14), date(2028, 11, 9)),
    (17, 10, date(2026, 5, 14), date(2029, 11, 8)),
    (18, 4, date(2026, 5, 14), date(2030, 11, 14)),
];

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let server = &evidence.snapshot.server;
    let (major, minor) = (server.major(), server.version_num % 10_000);
    let Some((_, last, released, end)) = RELEASES.iter().find(|(of, ..)| *of == major) else {
        return Err(Answer::not_here(words![
            "PostgreSQL ",
            major.to_string(),
            " is newer than this pgtend's table of releases"
        ]));
    };
    let days = |day: &Date| {
        let midnight = day.to_zoned(jiff::tz::TimeZone::UTC).map(|day| day.timestamp());
        midnight.map_or(0, |at| evidence.seconds_since(at))
    };
    let mut answer = Answer::default();
    let mut find = |subject: String, since, threshold: Seconds, message, advice| {
        answer.find(Symptom {
            level: Level::Warning,
            subject,
            measured: Some(Measure::Seconds(since)),
            threshold: Some(threshold.into()),
            message,
            advice,
        });
    };
    let ended = days(end);
    if ended > 0 {
        let message = words!["PostgreSQL ", major.to_string(), " got its last fixes on ", end.to_string()];
        find(format!("major {major}"), ended, Seconds(0), message, words!["plan the upgrade to a supported major"]);
    }
    let out = days(released);
    if minor < *last && out >= limits.warning.0 {
        let message = words![
            "the server runs ",
            server.version_text(),
            ", and ",
            format!("{major}.{last}"),
            " has been out for ",
            Piece::Seconds(out)
        ];
        find(format!("minor {major}"), out, limits.warning, message, words!["install it: a restart is all it takes"]);
    }
    if days(&TABLE_OF) >= limits.table.0 && minor >= *last && ended == 0 {
        let words = words!["releases after ", TABLE_OF.to_string(), " are not known to this pgtend: use a newer one"];
        answer.not_applicable.push(NotApplicable::NotHere(words));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ask, found},
    };
    use crate::model::Level;
    use serde_json::json;

    #[test]
    fn the_newest_known_minor_of_a_supported_major_is_well() {
        let of = |version: u32, at: &str| {
            ask("version", |it| {
                it["server"]["version_num"] = json!(version);
                it["collected_at"] = json!(at);
            })
        };
        assert_eq!(of(170_010, "2026-06-01T00:00:00Z").kind(), Kind::Clear);
        assert_eq!(of(170_004, "2026-08-01T00:00:00Z").kind(), Kind::Clear, "not yet out for long");
        assert_eq!(found(&of(170_004, "2026-09-01T00:00:00Z")), [(Level::Warning, "minor 17")]);
        assert_eq!(of(170_010, "2027-06-01T00:00:00Z").kind(), Kind::NotApplicable, "the table is old");
        assert_eq!(found(&of(130_023, "2026-06-01T00:00:00Z")), [(Level::Warning, "major 13")]);
        assert_eq!(of(990_001, "2026-06-01T00:00:00Z").kind(), Kind::NotApplicable);
    }
}
