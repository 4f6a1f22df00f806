//! From one sum to another, step by step.

use super::{
    svg::{at, fitting},
    table::figures,
};
use crate::render::{Step, StepKind, human};
use maud::{Markup, html};

const WIDTH: f64 = 1_000.0;
const NAMES: f64 = 330.0;
const ROW: f64 = 26.0;

pub fn waterfall(steps: &[Step], title: &str) -> (Markup, Markup) {
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
    let x = |bytes: u64| NAMES + bytes as f64 / most * (WIDTH - NAMES - 90.0);
    let height = ROW * steps.len() as f64 + 6.0;
    let picture = html! {
        svg viewBox={ "0 0 " (WIDTH) " " (at(height)) } role="img" aria-label=(title) {
            line.axis x1=(at(NAMES)) x2=(at(NAMES)) y1="0" y2=(at(height)) {}
            @for (row, (step, (from, to))) in steps.iter().zip(&spans).enumerate() {
                g {
                    title { (crate::render::visible(&step.name)) ": " (sign(step.kind)) (human::bytes(step.bytes)) }
                    text x=(at(NAMES - 8.0)) y=(at(row as f64 * ROW + 18.0)) text-anchor="end" { (fitting(&step.name, NAMES - 12.0)) }
                    rect x=(at(x(*from))) y=(at(row as f64 * ROW + 4.0)) width=(at((x(*to) - x(*from)).max(1.0))) height=(at(ROW - 8.0)) rx="2"
                        style={ "fill:var(--" (colour(step.kind)) ")" } {}
                    text.small x=(at(x(*to) + 5.0)) y=(at(row as f64 * ROW + 18.0)) { (sign(step.kind)) (human::bytes(step.bytes)) }
                }
            }
        }
    };
    let rows =
        steps.iter().map(|step| (step.name.clone(), vec![format!("{}{}", sign(step.kind), human::bytes(step.bytes))]));
    (picture, figures(rows, &["size"]))
}

fn sign(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Total => "",
        StepKind::Less => "− ",
        StepKind::More => "+ ",
    }
}

fn colour(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Total => "total",
        StepKind::Less => "less",
        StepKind::More => "more",
    }
}
