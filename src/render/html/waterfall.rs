//! From one sum to another, step by step.

use super::{
    bars::{Bar, bars_markup},
    table::figures_table,
};
use crate::render::{Step, StepKind, human};
use maud::Markup;

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
