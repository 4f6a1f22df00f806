//! WAL retained beyond what the server needs.

use crate::analysis::wal::BindingHolder;
use crate::checks::thresholds::{Bytes, GB, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, RuleFinding, require_fact};
use crate::facts::Measure;
use crate::message::{Fragment, message};

limits! {
    /// Size of pg_wal that also exceeds 2 × max_wal_size: WARNING
    warning: Bytes = 10 * GB;
    /// Share of the disk size that replaces `warning` if it is smaller
    disk_share: Percent = 10.0;
    /// Size of pg_wal that also exceeds 4 × max_wal_size: CRITICAL
    critical: Bytes = 100 * GB;
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let snapshot = evidence.snapshot;
    let directory = require_fact(&snapshot.wal_directory)?.directory_bytes;
    let max_wal_size = evidence.setting("max_wal_size").map_err(CheckOutcome::from_unavailable)?;
    let usual = snapshot.settings.known().and_then(|settings| settings.bytes(&max_wal_size.name)).unwrap_or(0);
    let disk = snapshot.disk.known().and_then(|disk| disk.wal.unwrap_or(disk.data).size_bytes);
    let of_disk = disk.map(|bytes| (bytes as f64 * limits.disk_share.0 / 100.0) as u64);
    let base_warning = of_disk.map_or(limits.warning.0, |bytes| bytes.min(limits.warning.0));
    let warning = base_warning.max(usual.saturating_mul(2));
    let critical = limits.critical.0.max(usual.saturating_mul(4));
    let mut outcome = CheckOutcome::default();
    if let Some((level, threshold)) =
        outcome.record_and_compare("pg_wal", Bytes(directory), Bytes(warning), Bytes(critical))
    {
        let mut message =
            message!["pg_wal takes ", Fragment::Bytes(directory), "; max_wal_size is ", Fragment::Bytes(usual)];
        if let Some(holder) = BindingHolder::find(snapshot) {
            message.append(message![format!("; {holder} retains the oldest WAL")]);
        }
        outcome.add_finding(RuleFinding {
            level,
            subject: "pg_wal".to_owned(),
            measured: Some(Measure::Bytes(directory)),
            threshold: Some(threshold),
            message,
            advice: message!["`pgtend wal` lists all holders of WAL with their shares"],
        });
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcomeKind;
    use crate::checks::testing::{evaluate_check, found_subjects, set_setting};
    use crate::facts::Level;
    use serde_json::json;

    #[test]
    fn retained_wal_needs_both_thresholds() {
        let with = |bytes: u64, max_wal_size: &str| {
            evaluate_check("retained-wal", |value| {
                set_setting(value, "max_wal_size", max_wal_size);
                value["wal_directory"]["known"]["directory_bytes"] = json!(bytes);
            })
        };
        assert_eq!(with((10 << 30) - 1, "1024").kind(), CheckOutcomeKind::Passed);
        assert_eq!(with(60 << 30, "40960").kind(), CheckOutcomeKind::Passed, "less than twice max_wal_size");
        assert_eq!(found_subjects(&with(10 << 30, "1024")), [(Level::Warning, "pg_wal")]);
        let on_disk = |bytes: u64| {
            evaluate_check("retained-wal", |value| {
                set_setting(value, "max_wal_size", "1024");
                value["wal_directory"]["known"]["directory_bytes"] = json!(bytes);
                let data = json!({ "size_bytes": 50_u64 << 30, "free_bytes": 20_u64 << 30 });
                value["disk"] = json!({ "known": { "source": "flag", "data": data, "wal": null } });
            })
        };
        assert_eq!(on_disk((5 << 30) - 1).kind(), CheckOutcomeKind::Passed);
        assert_eq!(found_subjects(&on_disk(5 << 30)), [(Level::Warning, "pg_wal")], "a tenth of a small disk");
        assert_eq!(found_subjects(&with(100 << 30, "1024")), [(Level::Critical, "pg_wal")]);
    }
}
