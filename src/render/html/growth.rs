//! Sizes over time with their forecast, one small chart per series.

use super::{svg::coordinate, table::figures_table};
use crate::render::{ChartPoint, Series, escape_unprintable, human};
use jiff::Timestamp;
use maud::{Markup, html};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 18.0;
const BOTTOM: f64 = 26.0;
/// Width of a date.
const DATE_WIDTH: f64 = 78.0;

pub fn growth_markup(series: &[Series], title: &str) -> (Markup, Markup) {
    let picture = html! { div.multiples { @for chart in series { (self::series_markup(chart, title)) } } };
    let rows = series.iter().map(|chart| {
        let bytes = |moment: Option<&ChartPoint>| {
            moment.map_or(String::new(), |point| human::bytes(point.bytes.max(0.0) as u64))
        };
        let first = bytes(chart.points.first());
        let then = chart
            .forecast
            .map_or(["".to_owned(), "".to_owned()], |[low, _, high]| [bytes(Some(&low)), bytes(Some(&high))]);
        (chart.name.clone(), [vec![first, bytes(chart.points.last())], then.to_vec()].concat())
    });
    (picture, figures_table(rows, &["first", "last", "forecast, low", "forecast, high"]))
}

fn series_markup(series: &Series, title: &str) -> Markup {
    let forecast = series.forecast.iter().flatten();
    let all_points: Vec<&ChartPoint> = series.points.iter().chain(forecast).collect();
    let Some((first, last)) = all_points.first().zip(series.points.last()) else { return html! {} };
    let until = all_points.iter().map(|point| point.second).fold(first.second + 1.0, f64::max);
    let most = all_points.iter().map(|point| point.bytes).fold(1.0, f64::max) * 1.05;
    let x = |point: &ChartPoint| LEFT + (point.second - first.second) / (until - first.second) * (WIDTH - LEFT - RIGHT);
    let y = |point: &ChartPoint| HEIGHT - BOTTOM - point.bytes.max(0.0) / most * (HEIGHT - BOTTOM - TOP);
    let path = |points: &[&ChartPoint]| {
        points
            .iter()
            .map(|point| format!("{},{}", coordinate(x(point)), coordinate(y(point))))
            .collect::<Vec<String>>()
            .join(" ")
    };
    let line: Vec<&ChartPoint> = series.points.iter().collect();
    let day = |second: f64| {
        Timestamp::from_second(second as i64)
            .map_or(String::new(), |timestamp| timestamp.strftime("%Y-%m-%d").to_string())
    };
    let (ground, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    let size = |point: &ChartPoint| human::bytes(point.bytes.max(0.0) as u64);
    // One label is sufficient for a value near zero or near an end.
    let has_zero = ground - y(last) > 14.0;
    let between = x(last) > LEFT + 1.5 * DATE_WIDTH && x(last) < right - 1.5 * DATE_WIDTH;
    html! {
        div.one {
            b { (escape_unprintable(&series.name)) }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label={ (title) ": " (escape_unprintable(&series.name)) } {
                line.axis x1=(coordinate(LEFT)) x2=(coordinate(right)) y1=(coordinate(ground)) y2=(coordinate(ground)) {}
                line.guide x1=(coordinate(LEFT)) x2=(coordinate(x(last))) y1=(coordinate(y(last))) y2=(coordinate(y(last))) {}
                text.small x=(coordinate(LEFT - 6.0)) y=(coordinate(y(last) + 4.0)) text-anchor="end" { (size(last)) }
                @if has_zero { text.small.faint x=(coordinate(LEFT - 6.0)) y=(coordinate(ground)) text-anchor="end" { "0" } }
                @if let Some([low, likely, high]) = &series.forecast {
                    polygon points=(path(&[last, high, low])) style="fill:var(--heap);fill-opacity:.22" {}
                    polyline points=(path(&[last, likely])) fill="none" style="stroke:var(--heap);stroke-dasharray:5 4" {}
                    text.small.faint x=(coordinate(right)) y=(coordinate((y(likely).min(y(high)) - 5.0).max(10.0))) text-anchor="end" { "~" (size(likely)) }
                }
                polyline points=(path(&line)) fill="none" style="stroke:var(--heap);stroke-width:2" {}
                circle cx=(coordinate(x(last))) cy=(coordinate(y(last))) r="3" style="fill:var(--heap)" {}
                text.small.faint x=(coordinate(LEFT)) y=(coordinate(HEIGHT - 8.0)) { (day(first.second)) }
                @if between { text.small.faint x=(coordinate(x(last))) y=(coordinate(HEIGHT - 8.0)) text-anchor="middle" { (day(last.second)) } }
                text.small.faint x=(coordinate(right)) y=(coordinate(HEIGHT - 8.0)) text-anchor="end" { (day(until)) }
            }
        }
    }
}
