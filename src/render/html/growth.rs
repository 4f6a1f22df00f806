//! Sizes over time, with the band in which they may go on; one small picture each.

use super::{svg::at, table::figures};
use crate::render::{Moment, Series, human, visible};
use jiff::Timestamp;
use maud::{Markup, html};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 18.0;
const BOTTOM: f64 = 26.0;
/// What a date needs.
const DATE: f64 = 78.0;

pub fn growth(series: &[Series], title: &str) -> (Markup, Markup) {
    let picture = html! { div.multiples { @for one in series { (self::one(one, title)) } } };
    let rows = series.iter().map(|one| {
        let bytes = |moment: Option<&Moment>| moment.map_or(String::new(), |it| human::bytes(it.bytes.max(0.0) as u64));
        let first = bytes(one.points.first());
        let then = one
            .forecast
            .map_or(["".to_owned(), "".to_owned()], |[low, _, high]| [bytes(Some(&low)), bytes(Some(&high))]);
        (one.name.clone(), [vec![first, bytes(one.points.last())], then.to_vec()].concat())
    });
    (picture, figures(rows, &["first", "last", "at least then", "at most then"]))
}

fn one(series: &Series, title: &str) -> Markup {
    let forecast = series.forecast.iter().flatten();
    let all: Vec<&Moment> = series.points.iter().chain(forecast).collect();
    let Some((first, last)) = all.first().zip(series.points.last()) else { return html! {} };
    let until = all.iter().map(|it| it.second).fold(first.second + 1.0, f64::max);
    let most = all.iter().map(|it| it.bytes).fold(1.0, f64::max) * 1.05;
    let x = |it: &Moment| LEFT + (it.second - first.second) / (until - first.second) * (WIDTH - LEFT - RIGHT);
    let y = |it: &Moment| HEIGHT - BOTTOM - it.bytes.max(0.0) / most * (HEIGHT - BOTTOM - TOP);
    let path = |points: &[&Moment]| {
        points.iter().map(|it| format!("{},{}", at(x(it)), at(y(it)))).collect::<Vec<String>>().join(" ")
    };
    let line: Vec<&Moment> = series.points.iter().collect();
    let day = |second: f64| {
        Timestamp::from_second(second as i64).map_or(String::new(), |it| it.strftime("%Y-%m-%d").to_string())
    };
    let (ground, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    let size = |it: &Moment| human::bytes(it.bytes.max(0.0) as u64);
    // Where it lies on the ground, or near an end, one label is enough.
    let has_zero = ground - y(last) > 14.0;
    let between = x(last) > LEFT + 1.5 * DATE && x(last) < right - 1.5 * DATE;
    html! {
        div.one {
            b { (visible(&series.name)) }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label={ (title) ": " (visible(&series.name)) } {
                line.axis x1=(at(LEFT)) x2=(at(right)) y1=(at(ground)) y2=(at(ground)) {}
                line.guide x1=(at(LEFT)) x2=(at(x(last))) y1=(at(y(last))) y2=(at(y(last))) {}
                text.small x=(at(LEFT - 6.0)) y=(at(y(last) + 4.0)) text-anchor="end" { (size(last)) }
                @if has_zero { text.small.faint x=(at(LEFT - 6.0)) y=(at(ground)) text-anchor="end" { "0" } }
                @if let Some([low, likely, high]) = &series.forecast {
                    polygon points=(path(&[last, high, low])) style="fill:var(--heap);fill-opacity:.22" {}
                    polyline points=(path(&[last, likely])) fill="none" style="stroke:var(--heap);stroke-dasharray:5 4" {}
                    text.small.faint x=(at(right)) y=(at((y(likely).min(y(high)) - 5.0).max(10.0))) text-anchor="end" { "~" (size(likely)) }
                }
                polyline points=(path(&line)) fill="none" style="stroke:var(--heap);stroke-width:2" {}
                circle cx=(at(x(last))) cy=(at(y(last))) r="3" style="fill:var(--heap)" {}
                text.small.faint x=(at(LEFT)) y=(at(HEIGHT - 8.0)) { (day(first.second)) }
                @if between { text.small.faint x=(at(x(last))) y=(at(HEIGHT - 8.0)) text-anchor="middle" { (day(last.second)) } }
                text.small.faint x=(at(right)) y=(at(HEIGHT - 8.0)) text-anchor="end" { (day(until)) }
            }
        }
    }
}
