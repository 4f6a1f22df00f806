//! Sizes over time, with the band in which they may go on; one small picture each.

use super::{svg::at, table::figures};
use crate::render::{Moment, Series, human};
use jiff::Timestamp;
use maud::{Markup, html};

const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 80.0;
const BOTTOM: f64 = 26.0;

pub fn growth(series: &[Series], title: &str) -> (Markup, Markup) {
    let picture = html! { @for one in series { (self::one(one, title)) } };
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
    let x = |it: &Moment| LEFT + (it.second - first.second) / (until - first.second) * (WIDTH - LEFT - 10.0);
    let y = |it: &Moment| HEIGHT - BOTTOM - it.bytes.max(0.0) / most * (HEIGHT - BOTTOM - 12.0);
    let path = |points: &[&Moment]| {
        points.iter().map(|it| format!("{},{}", at(x(it)), at(y(it)))).collect::<Vec<String>>().join(" ")
    };
    let line: Vec<&Moment> = series.points.iter().collect();
    let day = |second: f64| {
        Timestamp::from_second(second as i64).map_or(String::new(), |it| it.strftime("%Y-%m-%d").to_string())
    };
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label={ (title) ": " (crate::render::visible(&series.name)) } {
            text x=(at(LEFT)) y="12" { (crate::render::visible(&series.name)) }
            line.axis x1=(at(LEFT)) x2=(at(WIDTH - 10.0)) y1=(at(HEIGHT - BOTTOM)) y2=(at(HEIGHT - BOTTOM)) {}
            text.small.faint x=(at(LEFT - 6.0)) y=(at(y(last) + 4.0)) text-anchor="end" { (human::bytes(last.bytes.max(0.0) as u64)) }
            text.small.faint x=(at(LEFT - 6.0)) y=(at(HEIGHT - BOTTOM)) text-anchor="end" { "0" }
            @if let Some([low, likely, high]) = &series.forecast {
                polygon points=(path(&[last, high, low])) style="fill:var(--heap);fill-opacity:.22" {}
                polyline points=(path(&[last, likely])) fill="none" style="stroke:var(--heap);stroke-dasharray:5 4" {}
                text.small.faint x=(at(WIDTH - 10.0)) y=(at(y(likely) - 5.0)) text-anchor="end" { (human::bytes(likely.bytes.max(0.0) as u64)) }
            }
            polyline points=(path(&line)) fill="none" style="stroke:var(--heap);stroke-width:2" {}
            text.small.faint x=(at(LEFT)) y=(at(HEIGHT - 8.0)) { (day(first.second)) }
            text.small.faint x=(at(x(last))) y=(at(HEIGHT - 8.0)) text-anchor="middle" { (day(last.second)) }
            @if series.forecast.is_some() {
                text.small.faint x=(at(WIDTH - 10.0)) y=(at(HEIGHT - 8.0)) text-anchor="end" { (day(until)) }
            }
        }
    }
}
