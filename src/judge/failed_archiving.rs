//! Whether WAL reaches the archive.

use super::{
    Answer, Evidence, Judged, Symptom, known,
    limits::{Count, HOUR, limits},
};
use crate::model::{Level, Measure, Piece, words};

limits! {
    /// A backlog of so many segments, although nothing fails
    backlog: Count = 1_000;
    /// Archiving fails and has not succeeded for so long
    critical: Seconds = HOUR;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let snapshot = evidence.snapshot;
    let mode = evidence.setting("archive_mode").map_err(Answer::cannot_tell)?;
    match mode.setting.as_str() {
        "off" => return Err(Answer::not_here("archive_mode is off")),
        "on" if snapshot.server.in_recovery => {
            return Err(Answer::not_here("a standby archives only with archive_mode = always"));
        }
        _ => {}
    }
    let mut answer = Answer::default();
    let waiting = snapshot.archive_status.known().map(|status| status.ready_files);
    let settings = known(&snapshot.settings)?;
    let find = |level, measured, threshold, message, advice| Symptom {
        level,
        subject: "archiver".to_owned(),
        measured,
        threshold,
        message,
        advice,
    };
    let count = waiting.map(Measure::Count);
    // Nothing fails in that state: the counter of failures stands still (fact sheet on slots and WAL, C).
    if settings.has_archive_command() == Some(false) {
        let message = words!["archive_mode is on without an archive_command: every segment stays in pg_wal for ever"];
        answer.find(find(
            Level::Critical,
            count,
            None,
            message,
            words!["set archive_command or archive_library, or turn archive_mode off"],
        ));
        return Ok(answer);
    }
    let archiver = known(&snapshot.archiver)?;
    // A failure of long ago says nothing once nothing waits any more: the failed segment would.
    if archiver.last_failed_time > archiver.last_archived_time && waiting != Some(0) {
        let last = archiver.last_archived_time.or(archiver.stats_reset);
        let since = last.map(|at| evidence.seconds_since(at));
        let level =
            if since.is_some_and(|since| since >= limits.critical.0) { Level::Critical } else { Level::Warning };
        let wal = archiver.last_failed_wal.as_deref().unwrap_or("a segment");
        let mut message = words!["archiving fails at ", wal];
        match archiver.last_archived_time {
            Some(at) => {
                message.append(words![", the last success was ", Piece::Seconds(evidence.seconds_since(at)), " ago"])
            }
            None => message.append(words![", and nothing was ever archived"]),
        }
        if let Some(files) = waiting {
            message.append(words!["; ", Piece::Count(files), " segments wait"]);
        }
        let advice = words!["the server's log has the command's own error; WAL stays until it succeeds"];
        answer.find(find(level, since.map(Measure::Seconds), Some(limits.critical.into()), message, advice));
        return Ok(answer);
    }
    let waiting = Count(known(&snapshot.archive_status)?.ready_files);
    answer.watch("archiver", waiting.into(), limits.backlog.into(), None);
    if waiting >= limits.backlog {
        let message =
            words![Piece::Count(waiting.0), " segments wait for the archiver: it is slower than WAL is written"];
        let advice = words!["let archive_command do several segments at a time, or look at the archive's storage"];
        answer.find(find(Level::Warning, Some(waiting.into()), Some(limits.backlog.into()), message, advice));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ago, ask, found, set},
    };
    use crate::model::Level;
    use serde_json::json;

    #[test]
    fn nothing_is_asked_where_nothing_is_archived() {
        assert_eq!(ask("failed-archiving", |it| set(it, "archive_mode", "off")).kind(), Kind::NotApplicable);
        let standby = ask("failed-archiving", |it| it["server"]["in_recovery"] = json!(true));
        assert_eq!(standby.kind(), Kind::NotApplicable);
    }

    #[test]
    fn a_missing_command_is_told_although_nothing_fails() {
        assert_eq!(
            found(&ask("failed-archiving", |it| set(it, "archive_command", ""))),
            [(Level::Critical, "archiver")]
        );
        let disabled = ask("failed-archiving", |it| set(it, "archive_command", "(disabled)"));
        assert_eq!(found(&disabled), [(Level::Critical, "archiver")]);
    }

    #[test]
    fn an_hour_without_success_is_critical() {
        let failing = |since: i64| {
            ask("failed-archiving", |it| {
                it["archiver"]["known"]["last_archived_time"] = json!(ago(since));
                it["archiver"]["known"]["last_failed_time"] = json!(ago(1));
            })
        };
        assert_eq!(found(&failing(3_599)), [(Level::Warning, "archiver")]);
        assert_eq!(found(&failing(3_600)), [(Level::Critical, "archiver")]);
        let over = ask("failed-archiving", |it| {
            it["archiver"]["known"]["last_archived_time"] = json!(ago(4_000));
            it["archiver"]["known"]["last_failed_time"] = json!(ago(3_000));
            it["archive_status"]["known"]["ready_files"] = json!(0);
        });
        assert_eq!(over.kind(), Kind::Clear, "an idle server: nothing waits");
        let backlog =
            |files: u64| ask("failed-archiving", |it| it["archive_status"]["known"]["ready_files"] = json!(files));
        assert_eq!(backlog(999).kind(), Kind::Clear);
        assert_eq!(found(&backlog(1_000)), [(Level::Warning, "archiver")]);
    }
}
