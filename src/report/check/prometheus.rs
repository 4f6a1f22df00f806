//! Metrics for node_exporter's textfile collector (Prometheus text format 0.0.4).

use super::CheckReport;
use crate::render::escape_unprintable;
use std::fmt::Write as _;

struct MetricFamily {
    name: &'static str,
    help: &'static str,
}

const STATUS: MetricFamily = MetricFamily {
    name: "pgtend_check_status",
    help: "Status of the last run: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.",
};
const TIME: MetricFamily =
    MetricFamily { name: "pgtend_check_timestamp_seconds", help: "Time of the last run, in seconds since the epoch." };
const FINDING: MetricFamily =
    MetricFamily { name: "pgtend_check_finding", help: "Level of a finding: 1 warning, 2 critical, 3 unknown." };
const PASSED: MetricFamily = MetricFamily { name: "pgtend_check_passed", help: "1 for each check that passed." };
const SILENCED: MetricFamily = MetricFamily { name: "pgtend_check_silenced", help: "Number of silenced findings." };
const VALUE: MetricFamily =
    MetricFamily { name: "pgtend_check_value", help: "Measured value closest to its warning threshold, in its unit." };
const WARNING: MetricFamily =
    MetricFamily { name: "pgtend_check_warning_value", help: "Warning threshold of the measured value." };
const CRITICAL: MetricFamily =
    MetricFamily { name: "pgtend_check_critical_value", help: "Critical threshold of the measured value." };

/// Returns the metrics of all runs as one file.
pub fn prometheus<'a>(runs: impl Iterator<Item = (Option<&'a str>, &'a CheckReport)> + Clone) -> String {
    let mut out = String::new();
    let mut write = |family: &MetricFamily, lines: Vec<(Vec<(&str, &str)>, f64)>| {
        if lines.is_empty() {
            return;
        }
        // Writing into a String does not fail.
        let _ = writeln!(out, "# HELP {} {}\n# TYPE {} gauge", family.name, family.help, family.name);
        for (labels, value) in lines {
            let labels: Vec<String> = labels
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| format!("{name}=\"{}\"", escape_label(value)))
                .collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(out, "{}{labels} {value}", family.name);
        }
    };
    let target = |name: Option<&'a str>| ("target", name.unwrap_or_default());
    write(&STATUS, runs.clone().map(|(name, run)| (vec![target(name)], f64::from(run.status.exit_code()))).collect());
    write(&TIME, runs.clone().map(|(name, run)| (vec![target(name)], run.checked_at.as_second() as f64)).collect());
    let findings_of = |run: &'a CheckReport| run.findings.iter();
    let findings = runs.clone().flat_map(|(name, run)| findings_of(run).map(move |line| (name, line)));
    let level = |status: &str| match status {
        "critical" => 2.0,
        "warning" => 1.0,
        _ => 3.0,
    };
    let class = |line: &super::FindingLine| if line.class == crate::facts::Class::Alert { "alert" } else { "hygiene" };
    write(
        &FINDING,
        findings
            .map(|(name, line)| {
                let labels =
                    vec![target(name), ("check", &*line.check), ("class", class(line)), ("subject", &*line.subject)];
                (labels, level(line.status))
            })
            .collect(),
    );
    write(
        &PASSED,
        runs.clone()
            .flat_map(|(name, run)| run.passed.iter().map(move |check| (vec![target(name), ("check", &**check)], 1.0)))
            .collect(),
    );
    write(&SILENCED, runs.clone().map(|(name, run)| (vec![target(name)], run.silenced.len() as f64)).collect());
    let readings = runs.flat_map(|(name, run)| run.readings.iter().map(move |line| (name, line)));
    let readings: Vec<_> = readings
        .map(|(name, line)| {
            let labels = vec![
                target(name),
                ("check", &*line.check),
                ("subject", &*line.subject),
                ("unit", line.measured.unit()),
            ];
            (labels, line)
        })
        .collect();
    write(&VALUE, readings.iter().map(|(labels, line)| (labels.clone(), line.measured.value())).collect());
    write(&WARNING, readings.iter().map(|(labels, line)| (labels.clone(), line.warning.value())).collect());
    let critical = readings.into_iter().filter_map(|(labels, line)| Some((labels, line.critical?.value())));
    write(&CRITICAL, critical.collect());
    out
}

/// Escapes backslash, quote and line break in a label value, and shows characters that control a terminal.
fn escape_label(text: &str) -> String {
    escape_unprintable(text).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

impl CheckReport {
    /// Returns the metrics of one run for node_exporter's textfile collector.
    pub fn prometheus(&self) -> String {
        prometheus([(self.target.as_deref(), self)].into_iter())
    }
}
