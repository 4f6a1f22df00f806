//! Parts of a whole, one bar each; what matters most is marked.

use super::{
    svg::{at, fitting},
    table::figures,
};
use crate::render::{Share, human};
use maud::{Markup, html};

const WIDTH: f64 = 1_000.0;
const NAMES: f64 = 330.0;
const ROW: f64 = 26.0;

pub fn shares(shares: &[Share], title: &str) -> (Markup, Markup) {
    let most = shares.iter().map(|share| share.bytes).max().unwrap_or(0).max(1) as f64;
    let all: u64 = shares.iter().map(|share| share.bytes).sum();
    let part = |bytes: u64| human::percent(if all == 0 { 0.0 } else { bytes as f64 / all as f64 });
    let height = ROW * shares.len() as f64 + 6.0;
    let picture = html! {
        svg viewBox={ "0 0 " (WIDTH) " " (at(height)) } role="img" aria-label=(title) {
            line.axis x1=(at(NAMES)) x2=(at(NAMES)) y1="0" y2=(at(height)) {}
            @for (row, share) in shares.iter().enumerate() {
                @let long = share.bytes as f64 / most * (WIDTH - NAMES - 150.0);
                text x=(at(NAMES - 8.0)) y=(at(row as f64 * ROW + 18.0)) text-anchor="end" { (fitting(&share.name, NAMES - 12.0)) }
                rect x=(at(NAMES)) y=(at(row as f64 * ROW + 4.0)) width=(at(long.max(1.0))) height=(at(ROW - 8.0)) rx="2"
                    style={ "fill:var(--" (if share.marked { "mark" } else { "heap" }) ")" } {}
                text.small x=(at(NAMES + long + 6.0)) y=(at(row as f64 * ROW + 18.0)) { (human::bytes(share.bytes)) " · " (part(share.bytes)) }
            }
        }
    };
    let rows = shares.iter().map(|share| (share.name.clone(), vec![human::bytes(share.bytes), part(share.bytes)]));
    (picture, figures(rows, &["size", "share"]))
}
