//! Parts of a whole, one bar each; what matters most is marked.

use super::{
    bars::{Bar, bars},
    table::figures,
};
use crate::render::{Share, human};
use maud::Markup;

pub fn shares(shares: &[Share], title: &str) -> (Markup, Markup) {
    let most = shares.iter().map(|share| share.bytes).max().unwrap_or(0).max(1) as f64;
    let all: u64 = shares.iter().map(|share| share.bytes).sum();
    let part = |bytes: u64| human::percent(if all == 0 { 0.0 } else { bytes as f64 / all as f64 });
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
    (bars(&drawn, title), figures(rows, &["size", "share"]))
}
