//! Bar charts: parts of a whole, and steps from one sum to another. All bars of a chart share one scale. The name is
//! next to its bar, or above it on a narrow screen.

use super::table::figures_table;
use crate::render::{Share, Step, StepKind, escape_unprintable, human};
use maud::{Markup, html};

/// One bar. Its ends are shares of the whole width.
struct Bar {
    name: String,
    from: f64,
    to: f64,
    /// Variable of the style sheet.
    colour: &'static str,
    label: String,
    /// Whether it is a sum and not a part.
    is_total: bool,
}

/// Minimum width, as a share of the whole width.
const MIN_WIDTH_SHARE: f64 = 0.003;

fn bars_markup(bars: &[Bar], title: &str) -> Markup {
    let percent = |share: f64| format!("{:.2}%", share.clamp(0.0, 1.0) * 100.0);
    html! {
        div.bars role="img" aria-label=(escape_unprintable(title)) {
            @for bar in bars {
                @let long = (bar.to - bar.from).max(MIN_WIDTH_SHARE);
                div.bar.total[bar.is_total] title={ (escape_unprintable(&bar.name)) ": " (bar.label) } {
                    span.name { (escape_unprintable(&bar.name)) }
                    span.track {
                        i style={ "left:" (percent(bar.from)) ";width:" (percent(long)) ";background:var(--" (bar.colour) ")" } {}
                        b style={ "left:" (percent(bar.from + long)) } { (bar.label) }
                    }
                }
            }
        }
    }
}

/// Draws the parts of a whole, one bar each; marked parts have their own colour.
pub fn shares_markup(shares: &[Share], title: &str) -> (Markup, Markup) {
    let most = shares.iter().map(|share| share.bytes).max().unwrap_or(0).max(1) as f64;
    let total: u64 = shares.iter().map(|share| share.bytes).sum();
    let part = |bytes: u64| human::percent(if total == 0 { 0.0 } else { bytes as f64 / total as f64 });
    let drawn: Vec<Bar> = shares
        .iter()
        .map(|share| Bar {
            name: share.name.clone(),
            from: 0.0,
            to: share.bytes as f64 / most,
            colour: if share.marked { "mark" } else { "heap" },
            label: format!("{} · {}", human::bytes(share.bytes), part(share.bytes)),
            is_total: false,
        })
        .collect();
    let rows = shares.iter().map(|share| (share.name.clone(), vec![human::bytes(share.bytes), part(share.bytes)]));
    (bars_markup(&drawn, title), figures_table(rows, &["size", "share"]))
}

/// Draws the steps from one sum to another.
pub fn waterfall_markup(steps: &[Step], title: &str) -> (Markup, Markup) {
    // Where each bar begins and ends.
    let mut level = 0_u64;
    let spans: Vec<(u64, u64)> = steps
        .iter()
        .map(|step| match step.kind {
            StepKind::Total => {
                level = step.bytes;
                (0, level)
            }
            StepKind::Less => {
                let from = level;
                level = level.saturating_sub(step.bytes);
                (level, from)
            }
            StepKind::More => {
                let from = level;
                level = level.saturating_add(step.bytes);
                (from, level)
            }
        })
        .collect();
    let most = spans.iter().map(|(_, to)| *to).max().unwrap_or(0).max(1) as f64;
    let drawn: Vec<Bar> = steps
        .iter()
        .zip(&spans)
        .map(|(step, (from, to))| Bar {
            name: step.name.clone(),
            from: *from as f64 / most,
            to: *to as f64 / most,
            colour: step_colour(step.kind),
            label: format!("{}{}", step_sign(step.kind), human::bytes(step.bytes)),
            is_total: step.kind == StepKind::Total,
        })
        .collect();
    let rows = steps
        .iter()
        .map(|step| (step.name.clone(), vec![format!("{}{}", step_sign(step.kind), human::bytes(step.bytes))]));
    (bars_markup(&drawn, title), figures_table(rows, &["size"]))
}

fn step_sign(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Total => "",
        StepKind::Less => "− ",
        StepKind::More => "+ ",
    }
}

fn step_colour(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Total => "total",
        StepKind::Less => "less",
        StepKind::More => "more",
    }
}
