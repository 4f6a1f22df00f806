//! Bars that begin anywhere on a common scale, each with its name and size: beside each other where there is room, on a
//! phone the name above its bar.

use crate::render::escape_unprintable;
use maud::{Markup, html};

/// One bar; its ends are shares of the whole width.
pub struct Bar {
    pub name: String,
    pub from: f64,
    pub to: f64,
    /// A variable of the style sheet.
    pub colour: &'static str,
    pub label: String,
    /// A sum, rather than a part of it.
    pub is_total: bool,
}

/// Nothing is drawn thinner than that share.
const MIN_WIDTH_SHARE: f64 = 0.003;

pub fn bars_markup(bars: &[Bar], title: &str) -> Markup {
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
