//! When the disk will be full.

use super::{
    Answer, Evidence, Judged, Symptom,
    limits::{DAY, Seconds, limits},
};
use crate::model::{
    Level, Piece,
    past::{SubjectKind, Trend},
    words,
};

limits! {
    /// The disk is full in so long
    warning: Seconds = 30 * DAY;
    /// ... in so long
    critical: Seconds = 7 * DAY;
}

fn judge(evidence: &Evidence<'_>, limits: &Limits) -> Judged {
    let Some(room) = evidence.snapshot.wal_room() else {
        return Err(Answer::not_configured(
            "how large the disk is, nobody said: --disk-size, or disk_size of the target",
        ));
    };
    let room = room.map_err(Answer::cannot_tell)?;
    let trend = |kind| {
        let of_kind = evidence.memory.growth.iter().find(|growth| growth.subject.kind == kind);
        of_kind.and_then(|growth| growth.trend())
    };
    let (data, wal) = (trend(SubjectKind::Cluster), trend(SubjectKind::Wal));
    // Where pg_wal has a volume of its own, nothing else fills it.
    let trends: Vec<&Trend> = if room.wal_is_apart { wal.iter().collect() } else { data.iter().chain(&wal).collect() };
    if trends.is_empty() {
        return Err(Answer::not_enough_history("how fast it fills takes four looks or more"));
    }
    let a_day: f64 = trends.iter().map(|trend| trend.bytes_per_day).sum();
    let mut answer = Answer::default();
    if a_day <= 0.0 && room.free_bytes > 0 {
        return Ok(answer);
    }
    let seconds = room.free_bytes as f64 / a_day.max(1.0) * DAY as f64;
    let left = Seconds(seconds as u64);
    let level = if left <= limits.critical {
        Level::Critical
    } else if left <= limits.warning {
        Level::Warning
    } else {
        return Ok(answer);
    };
    let about = if room.is_at_most { "at most " } else { "" };
    answer.find(Symptom {
        level,
        subject: "disk".to_owned(),
        measured: Some(left.into()),
        threshold: Some(if level == Level::Critical { limits.critical } else { limits.warning }.into()),
        message: words![
            "the disk is full in ",
            about,
            Piece::Seconds(left.0),
            ": ",
            Piece::Bytes(room.free_bytes),
            " are free, and ",
            Piece::Bytes(a_day.max(0.0) as u64),
            " come a day"
        ],
        advice: words![
            "`pgtend history growth` says what grows, `pgtend wal` what keeps WAL; look there before the disk is grown"
        ],
    });
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        judge::{
            Kind,
            limits::Rule,
            testing::{ago, ask, calm},
        },
        model::{
            Snapshot,
            past::{Growth, Memory, Point, Subject},
        },
    };
    use serde_json::json;

    /// A server that grows so much a day, and has so much room.
    fn growing(bytes_per_day: u64, free: u64) -> Answer {
        let mut now = calm();
        now["disk"] =
            json!({"known": {"source": "config", "data": {"size_bytes": null, "free_bytes": free}, "wal": null}});
        let now: Snapshot = serde_json::from_value(now).unwrap();
        let points = (0..10).map(|day: u32| Point {
            at: ago(i64::from(10 - day) * 86_400),
            bytes: (1 << 40) + u64::from(day) * bytes_per_day,
        });
        let subject = Subject { kind: SubjectKind::Cluster, database: None, schema: None, name: None };
        let memory = Memory { growth: vec![Growth { subject, points: points.collect() }], ..Memory::default() };
        Limits::default().judge(&Evidence::new(&now, memory))
    }

    #[test]
    fn without_the_disks_size_or_enough_looks_there_is_no_forecast() {
        assert_eq!(ask("disk-forecast", |_| {}).kind(), Kind::NotApplicable);
        let young = ask("disk-forecast", |it| {
            it["disk"] =
                json!({"known": {"source": "flag", "data": {"size_bytes": null, "free_bytes": 1}, "wal": null}});
        });
        assert_eq!(young.kind(), Kind::NotApplicable);
    }

    #[test]
    fn a_month_is_a_warning_and_a_week_is_critical() {
        assert_eq!(growing(0, 5 << 30).kind(), Kind::Clear);
        assert_eq!(growing(1 << 30, 31 << 30).kind(), Kind::Clear);
        let level = |free: u64| growing(1 << 30, free).found.first().map(|symptom| symptom.level);
        assert_eq!(level(30 << 30), Some(Level::Warning));
        assert_eq!(level(7 << 30), Some(Level::Critical));
        assert_eq!(level(0), Some(Level::Critical));
    }
}
