//! Time until the disk is full.

use crate::checks::thresholds::{DAY, Seconds, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding};
use crate::facts::Level;
use crate::facts::history::{SubjectKind, Trend};
use crate::message::{Fragment, message};

limits! {
    /// Time until the disk is full: WARNING
    warning: Seconds = 30 * DAY;
    /// Time until the disk is full: CRITICAL
    critical: Seconds = 7 * DAY;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let Some(headroom) = evidence.snapshot.wal_headroom() else {
        return Err(CheckOutcome::not_configured(
            "disk size unknown: set disk_size of the target, or pass --disk-size",
        ));
    };
    let headroom = headroom.map_err(CheckOutcome::from_unavailable)?;
    let trend = |kind| {
        let of_kind = evidence.history.growth.iter().find(|growth| growth.subject.kind == kind);
        of_kind.and_then(|growth| growth.trend())
    };
    let (data, wal) = (trend(SubjectKind::Cluster), trend(SubjectKind::Wal));
    // A separate volume of pg_wal is filled only by WAL.
    let trends: Vec<&Trend> =
        if headroom.wal_on_own_volume { wal.iter().collect() } else { data.iter().chain(&wal).collect() };
    if trends.is_empty() {
        return Err(CheckOutcome::not_enough_history("needs at least 4 samples to compute a growth rate"));
    }
    let per_day: f64 = trends.iter().map(|trend| trend.bytes_per_day).sum();
    let mut outcome = CheckOutcome::default();
    if per_day <= 0.0 && headroom.free_bytes > 0 {
        return Ok(outcome);
    }
    let seconds = headroom.free_bytes as f64 / per_day.max(1.0) * DAY as f64;
    let remaining = Seconds(seconds as u64);
    let level = if remaining <= limits.critical {
        Level::Critical
    } else if remaining <= limits.warning {
        Level::Warning
    } else {
        return Ok(outcome);
    };
    let bound = if headroom.is_upper_bound { "at most " } else { "" };
    outcome.add_finding(RuleFinding {
        level,
        subject: "disk".to_owned(),
        measured: Some(remaining.into()),
        threshold: Some(if level == Level::Critical { limits.critical } else { limits.warning }.into()),
        message: message![
            "the disk will be full in ",
            bound,
            Fragment::Seconds(remaining.0),
            ": ",
            Fragment::Bytes(headroom.free_bytes),
            " free, growth ",
            Fragment::Bytes(per_day.max(0.0) as u64),
            " per day"
        ],
        advice: message![
            "`pgtend history growth` shows what grows, `pgtend wal` what retains WAL; reclaim space before you enlarge the disk"
        ],
    });
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{ago, evaluate_check, healthy_snapshot};
    use crate::checks::thresholds::Rule;
    use crate::facts::Snapshot;
    use crate::facts::history::{Growth, HistoryView, SizePoint, Subject};
    use serde_json::json;

    /// Evaluates a server with this growth per day and this free space, both in bytes.
    fn evaluate_growing_disk(bytes_per_day: u64, free: u64) -> CheckOutcome {
        let mut now = healthy_snapshot();
        now["disk"] =
            json!({"known": {"source": "config", "data": {"size_bytes": null, "free_bytes": free}, "wal": null}});
        let now: Snapshot = serde_json::from_value(now).unwrap();
        let points = (0..10).map(|day: u32| SizePoint {
            at: ago(i64::from(10 - day) * 86_400),
            bytes: (1 << 40) + u64::from(day) * bytes_per_day,
        });
        let subject = Subject { kind: SubjectKind::Cluster, database: None, schema: None, name: None };
        let history =
            HistoryView { growth: vec![Growth { subject, points: points.collect() }], ..HistoryView::default() };
        Limits::default().evaluate(&Evidence::new(&now, history))
    }

    #[test]
    fn disk_forecast_needs_size_and_samples() {
        assert_eq!(evaluate_check("disk-forecast", |_| {}).kind(), CheckOutcomeKind::NotApplicable);
        let young = evaluate_check("disk-forecast", |value| {
            value["disk"] =
                json!({"known": {"source": "flag", "data": {"size_bytes": null, "free_bytes": 1}, "wal": null}});
        });
        assert_eq!(young.kind(), CheckOutcomeKind::NotApplicable);
    }

    #[test]
    fn disk_forecast_month_warns_week_is_critical() {
        assert_eq!(evaluate_growing_disk(0, 5 << 30).kind(), CheckOutcomeKind::Passed);
        assert_eq!(evaluate_growing_disk(1 << 30, 31 << 30).kind(), CheckOutcomeKind::Passed);
        let level = |free: u64| evaluate_growing_disk(1 << 30, free).findings.first().map(|symptom| symptom.level);
        assert_eq!(level(30 << 30), Some(Level::Warning));
        assert_eq!(level(7 << 30), Some(Level::Critical));
        assert_eq!(level(0), Some(Level::Critical));
    }
}
