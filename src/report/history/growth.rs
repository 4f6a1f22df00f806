//! `pgtend history growth`: growth rates, and when a size is reached.

use crate::facts::Unavailable;
use crate::facts::history::{Growth, SizePoint, Subject, SubjectKind, Trend, WalInterval, WalPeak, wal_peak};
use crate::render::{
    Cell, Chart, ChartPoint, Column, Document, Picture, Series, Table, Tone, Value, format_counted, human_bytes,
    human_bytes_per_day, sparkline,
};
use crate::report::{Gaps, Report, View};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

const SPARKLINE: usize = 24;
const SECONDS_A_DAY: f64 = 86_400.0;
/// Minimum span of a rate in days.
const MIN_DAYS: f64 = 1.0 / 24.0;
/// Windows of WAL volume, in hours.
const WINDOWS: [i64; 3] = [1, 6, 24];

/// Report of `pgtend history growth`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GrowthReport {
    growth: Vec<Row>,
    /// Size that `days_until` refers to.
    target_bytes: Option<u64>,
    wal: Wal,
    #[serde(skip)]
    left_out: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    #[serde(flatten)]
    subject: Subject,
    bytes: u64,
    bytes_per_day: Option<f64>,
    /// Bounds of Sen's 95 % interval.
    bytes_per_day_low: Option<f64>,
    bytes_per_day_high: Option<f64>,
    /// Growth or shrinkage in a single step, which is not part of the rate.
    one_off_bytes: Option<f64>,
    /// Days until the target size at this rate; null when it is never reached.
    days_until: Option<f64>,
    /// Days at the upper bound of the rate.
    min_days_until: Option<f64>,
    since: Timestamp,
    until: Timestamp,
    samples: usize,
    #[serde(skip)]
    sizes: Vec<u64>,
    #[serde(skip)]
    points: Vec<SizePoint>,
}

/// WAL written, which is not the content of `pg_wal`.
#[derive(Debug, Serialize, JsonSchema)]
struct Wal {
    /// Null with fewer than two samples that have the position.
    written_bytes: Option<u64>,
    bytes_per_day: Option<f64>,
    /// Largest volumes between samples no further apart than the window. They are lower bounds. A window without such
    /// samples is missing.
    peaks: Vec<WalPeak>,
}

impl GrowthReport {
    /// Computes the rates, and sorts the rows: the whole cluster first, then the fastest growth.
    pub fn new(
        growths: Vec<Growth>,
        wal: &[WalInterval],
        target_bytes: Option<u64>,
        view: &View,
        gaps: &mut Gaps,
    ) -> GrowthReport {
        let filtered = view.schema.is_some() || view.table.is_some();
        let mut rows: Vec<Row> = growths
            .into_iter()
            .filter(|growth| match (&growth.subject.schema, &growth.subject.name) {
                (Some(schema), Some(name)) => view.matches(schema, name),
                _ => !filtered,
            })
            .filter_map(|growth| growth_row(growth, target_bytes))
            .filter(|row| row.bytes >= view.min_size)
            .collect();
        let unknown_rates = rows.iter().filter(|row| row.bytes_per_day.is_none()).count();
        if unknown_rates > 0 {
            let rows = format_counted(unknown_rates as u64, "row");
            let reason = format!("not enough history for {rows}: needs at least 4 samples over one hour");
            let why = Unavailable::new("growth rate", reason).with_hint(Some("run `pgtend history record` daily"));
            let fields = ["bytes_per_day", "bytes_per_day_low", "bytes_per_day_high", "one_off_bytes"];
            gaps.note(
                &why,
                &fields.map(|field| format!("growth[].{field}")).each_ref().map(String::as_str),
                Vec::new(),
            );
        }
        // The cluster first, then the fastest growth.
        let is_part = |row: &Row| matches!(row.subject.kind, SubjectKind::Table | SubjectKind::Index);
        let rate = |row: &Row| row.bytes_per_day.unwrap_or(0.0);
        rows.sort_by(|a, b| {
            is_part(a)
                .cmp(&is_part(b))
                .then_with(
                    || if is_part(a) { rate(b).total_cmp(&rate(a)) } else { a.subject.kind.cmp(&b.subject.kind) },
                )
                .then_with(|| a.subject.cmp(&b.subject))
        });
        let left_out = view.cut(&mut rows);
        let wal = wal_written(wal);
        let missing = match (wal.written_bytes, wal.bytes_per_day) {
            (None, _) => Some((
                "not enough history: needs at least 2 samples with a WAL position",
                &["written_bytes", "bytes_per_day"][..],
            )),
            (Some(_), None) => {
                Some(("not enough history: the samples span less than one hour", &["bytes_per_day"][..]))
            }
            (Some(_), Some(_)) => None,
        };
        if let Some((reason, fields)) = missing {
            let why = Unavailable::new("WAL written", reason).not_set_up();
            let fields: Vec<String> = fields.iter().map(|field| format!("wal.{field}")).collect();
            gaps.note(&why, &fields.iter().map(String::as_str).collect::<Vec<_>>(), Vec::new());
        }
        GrowthReport { growth: rows, target_bytes, wal, left_out }
    }
}

fn growth_row(growth: Growth, target_bytes: Option<u64>) -> Option<Row> {
    let (first, last) = (growth.points.first()?, growth.points.last()?);
    let trend = growth.trend();
    let days = |until: fn(&Trend, u64) -> Option<f64>| until(trend.as_ref()?, target_bytes?);
    Some(Row {
        bytes: last.bytes,
        bytes_per_day: trend.map(|trend| trend.bytes_per_day),
        bytes_per_day_low: trend.map(|trend| trend.bytes_per_day_low),
        bytes_per_day_high: trend.map(|trend| trend.bytes_per_day_high),
        one_off_bytes: trend.map(|trend| trend.one_off_bytes),
        days_until: days(Trend::days_until),
        min_days_until: days(Trend::min_days_until),
        since: first.at,
        until: last.at,
        samples: growth.points.len(),
        sizes: growth.points.iter().map(|point| point.bytes).collect(),
        points: growth.points,
        subject: growth.subject,
    })
}

fn wal_written(intervals: &[WalInterval]) -> Wal {
    let span = intervals.first().zip(intervals.last());
    let written_bytes = span.map(|_| intervals.iter().fold(0_u64, |sum, interval| sum.saturating_add(interval.bytes)));
    let days = span.map(|(first, last)| last.to.duration_since(first.from).as_secs_f64() / SECONDS_A_DAY);
    Wal {
        written_bytes,
        bytes_per_day: days
            .filter(|days| *days >= MIN_DAYS)
            .zip(written_bytes)
            .map(|(days, bytes)| bytes as f64 / days),
        peaks: WINDOWS.iter().filter_map(|hours| wal_peak(intervals, SignedDuration::from_hours(*hours))).collect(),
    }
}

impl Report for GrowthReport {
    const COMMAND: &'static str = "history growth";

    fn document(&self) -> Document {
        let mut document = Document::default();
        if let Some(chart) = self.chart() {
            document.chart(chart);
        }
        let seconds = |days: f64| Value::Duration((days * SECONDS_A_DAY) as u64);
        let per_day = |rate: Option<f64>| Cell::or_unknown(rate, Value::BytesPerDay);
        document.table(
            Table::with_rows(&self.growth)
                .column(Column::text("kind", "kind", 1), |row| Cell::text(row.subject.kind.name()))
                .column(Column::text("name", "name", 0), |row| Cell::name(row.name()))
                .column(Column::numbers("bytes", "size", 0), |row| Cell::bytes(row.bytes))
                .column(Column::picture("sizes", 3), |row| Cell::text(sparkline(&row.sizes, SPARKLINE)))
                .column(Column::numbers("bytes_per_day", "rate", 0), |row| per_day(row.bytes_per_day))
                .column(Column::numbers("bytes_per_day_low", "low", 4), |row| per_day(row.bytes_per_day_low))
                .column(Column::numbers("bytes_per_day_high", "high", 4), |row| per_day(row.bytes_per_day_high))
                .column(Column::numbers("seconds_until", "reached in", 1), |row| Cell::or_none(row.days_until, seconds))
                .column(Column::numbers("min_seconds_until", "earliest", 2), |row| {
                    Cell::or_none(row.min_days_until, seconds)
                })
                .column(Column::numbers("one_off", "one-off", 5), |row| {
                    Cell::or_none(row.one_off_bytes.filter(|bytes| *bytes != 0.0), |bytes| {
                        Value::Text(format!(
                            "{}{}",
                            if bytes < 0.0 { "-" } else { "+" },
                            human_bytes(bytes.abs() as u64)
                        ))
                    })
                })
                .column(Column::numbers("samples", "samples", 6), |row| Cell::count(row.samples as u64))
                .with_left_out(self.left_out),
        );
        document.gap();
        if let Some(target) = self.target_bytes {
            document.line(format!(
                "Reached in: time until the size is {} at the rate. Earliest: at the high rate.",
                human_bytes(target)
            ));
        }
        if let Some(rate) = self.wal.bytes_per_day {
            let peaks: Vec<String> = self.wal.peaks.iter().map(format_peak).collect();
            let most = if peaks.is_empty() { String::new() } else { format!("; at most {}", peaks.join(", ")) };
            document.line(format!("WAL written: {}{most}.", human_bytes_per_day(rate)));
        }
        document.toned_line(
            "The rate excludes one-off changes. Low and high are the bounds of its 95 % confidence interval.",
            Tone::Faint,
        );
        document
    }
}

/// Maximum number of series in the chart: the cluster, `pg_wal`, databases and the fastest growth.
const MAX_SERIES: usize = 12;
/// Days of the forecast in the chart.
const FORECAST_DAYS: f64 = 90.0;

impl GrowthReport {
    fn chart(&self) -> Option<Chart> {
        let rows = self.growth.iter().filter(|row| row.points.len() > 1).take(MAX_SERIES);
        let series: Vec<Series> = rows.map(Row::series).collect();
        let about = format!(
            "Lines: sizes from the first to the last sample. Bands: forecast for {FORECAST_DAYS} days (95 % confidence)."
        );
        (!series.is_empty()).then(|| Chart { title: "Growth".to_owned(), about, picture: Picture::Growth(series) })
    }
}

impl Row {
    fn series(&self) -> Series {
        let chart_point =
            |point: &SizePoint| ChartPoint { second: point.at.as_second() as f64, bytes: point.bytes as f64 };
        let last = ChartPoint { second: self.until.as_second() as f64, bytes: self.bytes as f64 };
        let then = |rate: f64| ChartPoint {
            second: last.second + FORECAST_DAYS * SECONDS_A_DAY,
            bytes: last.bytes + rate * FORECAST_DAYS,
        };
        let rates = self.bytes_per_day_low.zip(self.bytes_per_day).zip(self.bytes_per_day_high);
        // A chart cannot show more points.
        let every = self.points.len().div_ceil(1_000);
        let mut points: Vec<ChartPoint> = self.points.iter().step_by(every).map(chart_point).collect();
        points.push(last);
        Series {
            name: self.name(),
            points,
            forecast: rates.map(|((low, likely), high)| [then(low), then(likely), then(high)]),
        }
    }

    fn name(&self) -> String {
        let subject = &self.subject;
        let parts: Vec<&str> =
            [&subject.database, &subject.schema, &subject.name].into_iter().flatten().map(String::as_str).collect();
        if parts.is_empty() { subject.kind.name().to_owned() } else { parts.join(".") }
    }
}

fn format_peak(peak: &WalPeak) -> String {
    let until = peak.to.strftime("%Y-%m-%d %H:%MZ");
    format!("{} in {} h (until {until})", human_bytes(peak.bytes), peak.window_seconds / 3_600)
}
