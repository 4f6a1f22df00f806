//! Whether something keeps more WAL than a server needs.

use super::{
    Answer, Evidence, Judged, Symptom, known,
    limits::{Bytes, GB, limits},
};
use crate::model::{Cause, Measure, Piece, Retention, SharedBy, Words, wal_shares, words};

limits! {
    /// pg_wal is so large, and more than twice max_wal_size
    warning: Bytes = 10 * GB;
    /// ... or so much of its disk, where that is less and the disk's size is known
    disk_share: Percent = 10.0;
    /// ... so large
    critical: Bytes = 100 * GB;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let snapshot = evidence.snapshot;
    let directory = known(&snapshot.wal_directory)?.directory_bytes;
    let max_wal_size = evidence.setting("max_wal_size").map_err(Answer::cannot_tell)?;
    let usual = snapshot.settings.known().and_then(|settings| settings.bytes(&max_wal_size.name)).unwrap_or(0);
    let disk = snapshot.wal_room().and_then(Result::ok).and_then(|room| room.size_bytes);
    let of_disk = disk.map(|bytes| (bytes as f64 * limits.disk_share.0 / 100.0) as u64);
    let much = of_disk.map_or(limits.warning.0, |bytes| bytes.min(limits.warning.0));
    let warning = much.max(usual.saturating_mul(2));
    let critical = limits.critical.0.max(usual.saturating_mul(4));
    let mut answer = Answer::default();
    if let Some((level, threshold)) = answer.grade("pg_wal", Bytes(directory), Bytes(warning), Bytes(critical)) {
        let mut message = words!["pg_wal takes ", Piece::Bytes(directory), ", max_wal_size is ", Piece::Bytes(usual)];
        if let Some(keeper) = keeper(evidence) {
            message.append(words!["; "]);
            message.append(keeper);
            message.append(words![" keeps it"]);
        }
        answer.find(Symptom {
            level,
            subject: "pg_wal".to_owned(),
            measured: Some(Measure::Bytes(directory)),
            threshold: Some(threshold),
            message,
            advice: words!["`pgtend wal` names everything that keeps WAL, with its share"],
        });
    }
    Ok(answer)
}

/// Who reaches back furthest.
fn keeper(evidence: &Evidence<'_>) -> Option<Words> {
    let partial = Retention::known(evidence.snapshot).ok()?;
    let shares = wal_shares(&partial, evidence.snapshot.wal_directory.known());
    let binding = shares.into_iter().find(|share| share.binding == Some(true))?;
    Some(match (binding.by, binding.name) {
        (SharedBy::Holder(Cause::Slot), Some(name)) => words!["slot ", name],
        (SharedBy::Holder(Cause::Archiver), _) => words!["the archiver's backlog"],
        (SharedBy::Holder(Cause::WalKeepSize), _) => words!["wal_keep_size"],
        (SharedBy::Holder(Cause::Summarizer), _) => words!["the WAL summarizer"],
        (SharedBy::Holder(Cause::Checkpoint), _) => words!["the last checkpoint"],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::judge::{
        Kind,
        testing::{ask, found, set},
    };
    use crate::model::Level;
    use serde_json::json;

    #[test]
    fn both_limits_must_be_passed() {
        let with = |bytes: u64, max_wal_size: &str| {
            ask("retained-wal", |it| {
                set(it, "max_wal_size", max_wal_size);
                it["wal_directory"]["known"]["directory_bytes"] = json!(bytes);
            })
        };
        assert_eq!(with((10 << 30) - 1, "1024").kind(), Kind::Clear);
        assert_eq!(with(60 << 30, "40960").kind(), Kind::Clear, "less than twice max_wal_size");
        assert_eq!(found(&with(10 << 30, "1024")), [(Level::Warning, "pg_wal")]);
        let on_disk = |bytes: u64| {
            ask("retained-wal", |it| {
                set(it, "max_wal_size", "1024");
                it["wal_directory"]["known"]["directory_bytes"] = json!(bytes);
                let data = json!({ "size_bytes": 50_u64 << 30, "free_bytes": 20_u64 << 30 });
                it["disk"] = json!({ "known": { "source": "flag", "data": data, "wal": null } });
            })
        };
        assert_eq!(on_disk((5 << 30) - 1).kind(), Kind::Clear);
        assert_eq!(found(&on_disk(5 << 30)), [(Level::Warning, "pg_wal")], "a tenth of a small disk");
        assert_eq!(found(&with(100 << 30, "1024")), [(Level::Critical, "pg_wal")]);
    }
}
