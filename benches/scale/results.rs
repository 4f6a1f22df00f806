//! The figures and their targets, as Markdown.

use std::time::Duration;

use super::contender::Contender;
use super::memory::Peaks;

const TABLE_HEADER: &str = "\
| command | median | ratio to reference | target | server computes | client | target | backend growth | target | backends |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
";

pub fn results_table(
    contenders: &[Contender],
    times: &mut [Vec<Duration>],
    peaks: &[Peaks],
    fresh_backend: Option<u64>,
) -> String {
    let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    let reference = medians.first().copied().unwrap_or(f64::NAN);
    let rows = contenders.iter().zip(&medians).zip(peaks).map(|((contender, seconds), peaks)| {
        let targets = contender.targets;
        let growth = peaks.largest_backend().zip(fresh_backend).map(|(peak, fresh)| peak.saturating_sub(fresh));
        format!(
            "| `{}` | {seconds:.2} s | {:.2} | {} | {:.2} s | {} | {} | {} | {} | {} |\n",
            contender.name,
            seconds / reference,
            targets.ratio.map_or(String::new(), |most| format!("≤ {most}")),
            peaks.cpu_time().as_secs_f64(),
            megabytes(peaks.client),
            targets.client_mb.map_or(String::new(), |most| format!("≤ {most} MB")),
            megabytes(growth),
            targets.backend_mb.map_or(String::new(), |most| format!("≤ {most} MB")),
            peaks.backend_count(),
        )
    });
    TABLE_HEADER.chars().chain(rows.collect::<String>().chars()).collect()
}

fn megabytes(kilobytes: Option<u64>) -> String {
    kilobytes.map_or("not measured".to_owned(), |kilobytes| format!("{:.1} MB", kilobytes as f64 / 1024.0))
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(f64::NAN, Duration::as_secs_f64)
}
