//! The output of a monitoring plugin (Monitoring Plugins Development Guidelines): one line, performance data, then the
//! long text.

use super::{CheckReport, FindingLine, ReadingLine};
use crate::{
    model::{Measure, Status},
    render::visible,
};

/// A pager shows so much of the first line.
const FIRST_LINE: usize = 300;

impl CheckReport {
    /// One target's output.
    pub fn nagios(&self) -> String {
        let mut out = first_line(self.status, self.target.as_deref(), &self.findings);
        let data: Vec<String> = self.readings.iter().map(perfdata).collect();
        if !data.is_empty() {
            out.push_str(&format!(" | {}", data.join(" ")));
        }
        out.push('\n');
        for one in &self.findings {
            out.push_str(&long_line(None, one));
        }
        out.push_str(&text(&self.summary()));
        out.push('\n');
        out
    }
}

pub(super) fn first_line(status: Status, name: Option<&str>, findings: &[FindingLine]) -> String {
    let name = name.map(|name| format!(" {}", text(name))).unwrap_or_default();
    let mut line = format!("PGTEND {}{name} -", status.name());
    match findings {
        [] => line.push_str(" nothing found"),
        [worst, rest @ ..] => {
            line.push_str(&text(&format!(" {}: {}", worst.check, worst.message)));
            if line.chars().count() > FIRST_LINE {
                line = line.chars().take(FIRST_LINE).collect::<String>() + "…";
            }
            if !rest.is_empty() {
                line.push_str(&format!(" (and {} more)", rest.len()));
            }
        }
    }
    line
}

pub(super) fn long_line(target: Option<&str>, one: &FindingLine) -> String {
    let target = target.map(|name| format!("{name}: ")).unwrap_or_default();
    let advice = one.advice.as_ref().map(|advice| format!(" -> {advice}")).unwrap_or_default();
    text(&format!("{} {target}{}: {}{advice}", one.status.to_uppercase(), one.check, one.message)) + "\n"
}

/// A bar would begin the performance data, and a line break a new part.
pub(super) fn text(text: &str) -> String {
    visible(text).replace(['\n', '\r'], " ").replace('|', "/")
}

/// `'label'=value[UOM];[warn];[crit];[min];[max]`
fn perfdata(reading: &ReadingLine) -> String {
    let unit = match reading.measured {
        Measure::Bytes(_) => "B",
        Measure::Seconds(_) => "s",
        Measure::Percent(_) => "%",
        Measure::Count(_) => "",
    };
    let number = |measure: Measure| {
        let text = format!("{:.2}", measure.number());
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let critical = reading.critical.map(number).unwrap_or_default();
    let (value, warning) = (number(reading.measured), number(reading.warning));
    let most = if unit == "%" { ";100" } else { "" };
    format!("'{}'={value}{unit};{warning};{critical};0{most}", reading.check)
}
