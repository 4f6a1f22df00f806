//! Output of a monitoring plugin (Monitoring Plugins Development Guidelines): one line, performance data, and the long
//! text.

use super::{CheckReport, FindingLine, ReadingLine};
use crate::facts::{Class, Measure};
use crate::render::escape_unprintable;

/// Maximum number of characters in the first line, as a pager shows it.
const MAX_FIRST_LINE: usize = 300;

/// Maximum output in bytes. Nagios and NRPE read the first 4 kB.
const MAX_OUTPUT: usize = 4_000;

impl CheckReport {
    /// Returns the output of a monitoring plugin for one target.
    pub fn nagios(&self) -> String {
        let mut out = self.first_line();
        let data: Vec<String> = self.readings.iter().map(perfdata).collect();
        if !data.is_empty() {
            out.push_str(&format!(" | {}", data.join(" ")));
        }
        out.push('\n');
        // The summary counts findings that do not fit.
        let mut lines = vec![escape_text(&self.summary_line()) + "\n"];
        lines.extend(self.findings.iter().map(|line| long_output_line(None, line)));
        append_lines(&mut out, &lines);
        out
    }

    /// Returns the status, and the finding that caused it. Hygiene that does not count is not a cause.
    fn first_line(&self) -> String {
        let name = self.target.as_deref().map(|name| format!(" {}", escape_text(name))).unwrap_or_default();
        let mut line = format!("PGTEND {}{name} -", self.status.name());
        let counts = |finding_line: &&FindingLine| self.hygiene || finding_line.class == Class::Alert;
        let status = self.status.name().to_lowercase();
        match self.findings.iter().filter(counts).find(|finding_line| finding_line.status == status) {
            None => line.push_str(&escape_text(&format!(" {}", self.summary_line()))),
            Some(worst) => {
                line.push_str(&escape_text(&format!(" {}: {}", worst.check, worst.message)));
                if line.chars().count() > MAX_FIRST_LINE {
                    line = line.chars().take(MAX_FIRST_LINE).collect::<String>() + "…";
                }
                if self.findings.len() > 1 {
                    line.push_str(&format!(" (and {} more)", self.findings.len() - 1));
                }
            }
        }
        line
    }
}

/// Appends as many lines as there is space for, and the number of lines left out.
pub(super) fn append_lines(out: &mut String, lines: &[String]) {
    for (position, line) in lines.iter().enumerate() {
        let more = format!("… and {} more; run `pgtend check` to list them\n", lines.len() - position);
        let is_last = position + 1 == lines.len();
        if out.len() + line.len() + if is_last { 0 } else { more.len() } > MAX_OUTPUT {
            out.push_str(&more);
            return;
        }
        out.push_str(line);
    }
}

pub(super) fn long_output_line(target: Option<&str>, finding: &FindingLine) -> String {
    let target = target.map(|name| format!("{name}: ")).unwrap_or_default();
    let advice = finding.advice.as_ref().map(|advice| format!(" -> {advice}")).unwrap_or_default();
    escape_text(&format!("{} {target}{}: {}{advice}", finding.status.to_uppercase(), finding.check, finding.message))
        + "\n"
}

/// Escapes vertical bars, which begin performance data, and line breaks, which begin a new part.
pub(super) fn escape_text(text: &str) -> String {
    escape_unprintable(text).replace(['\n', '\r'], " ").replace('|', "/")
}

/// Returns `'label'=value[UOM];[warn];[crit];[min];[max]`.
fn perfdata(reading: &ReadingLine) -> String {
    let unit = match reading.measured {
        Measure::Bytes(_) => "B",
        Measure::Seconds(_) => "s",
        Measure::Percent(_) => "%",
        Measure::Count(_) => "",
    };
    let number = |measure: Measure| {
        let text = format!("{:.2}", measure.value());
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let critical = reading.critical.map(number).unwrap_or_default();
    let (value, warning) = (number(reading.measured), number(reading.warning));
    let most = if unit == "%" { ";100" } else { "" };
    format!("'{}'={value}{unit};{warning};{critical};0{most}", reading.check)
}
