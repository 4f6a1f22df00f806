//! Parts of a whole, one bar each; what matters most is marked.

use super::{
    bars::{Bar, bars_markup},
    table::figures_table,
};
use crate::render::{Share, human};
use maud::Markup;

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
