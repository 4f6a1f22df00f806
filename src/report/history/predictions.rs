//! Predictions of audits in the journal, and their outcome.

use crate::facts::history::{PredictedQuantity, TrackedPrediction};
use crate::render::{Cell, Column, Document, Table, Tone, Value, format_counted, human_bytes};
use crate::report::View;
use schemars::JsonSchema;
use serde::Serialize;

/// Predictions, the newest first.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Predictions {
    lines: Vec<TrackedPrediction>,
    #[serde(skip)]
    left_out: usize,
    /// Number of measured moves, and of those within their interval.
    #[serde(skip)]
    moves: (usize, usize),
}

impl Predictions {
    pub(super) fn new(mut lines: Vec<TrackedPrediction>, view: &View) -> Predictions {
        let moves = lines.iter().filter(|prediction| prediction.relative_error().is_some());
        let within = moves.clone().filter(|prediction| is_within(prediction)).count();
        let moves = (moves.count(), within);
        lines.reverse();
        let left_out = view.cut(&mut lines);
        Predictions { lines, left_out, moves }
    }

    pub(super) fn add_to(&self, document: &mut Document) {
        if self.lines.is_empty() {
            return;
        }
        document.gap().heading("Audit predictions");
        let table = Table::with_rows(&self.lines)
            .column(Column::text("made_at", "audited", 1), |prediction| {
                Cell::new(Value::Time(prediction.prediction.made_at))
            })
            .column(Column::text("server", "server", 0), |prediction| Cell::name(&prediction.prediction.server))
            .column(Column::text("of", "part", 0), |prediction| quantity_cell(&prediction.prediction.of))
            .column(Column::text("method", "method", 0), |prediction| {
                Cell::text(prediction.prediction.method.as_deref().unwrap_or("clean-up"))
            })
            .column(Column::numbers("now_bytes", "size at audit", 2), |prediction| {
                Cell::bytes(prediction.prediction.now_bytes)
            })
            .column(Column::numbers("bytes", "predicted", 0), |prediction| Cell::bytes(prediction.prediction.bytes))
            .column(Column::text("range", "range", 3), |prediction| {
                let (low, high) =
                    (human_bytes(prediction.prediction.low_bytes), human_bytes(prediction.prediction.high_bytes));
                Cell::text(if low == high { String::new() } else { format!("{low} to {high}") })
            })
            .column(Column::numbers("measured_bytes", "measured", 0), |prediction| {
                Cell::or_none(prediction.measured_bytes, Value::Bytes)
            })
            .column(Column::text("off", "error", 0), |prediction| {
                let tone = if is_within(prediction) { Tone::Good } else { Tone::Warning };
                Cell::or_none(prediction.relative_error(), |off| Value::Text(format!("{:+.1} %", off * 100.0)))
                    .with_tone(tone)
            })
            .column(Column::text("measured_at", "measured at", 4), |prediction| {
                Cell::or_none(prediction.measured_at, Value::Time)
            })
            .column(Column::text("system_identifier", "system identifier", 5), |prediction| {
                Cell::text(&prediction.prediction.system_identifier)
            })
            .with_left_out(self.left_out);
        document.table(table);
        if let (moves @ 1.., within) = self.moves {
            document.gap().line(format!(
                "Within the predicted range: {within} of {} measured after a move.",
                format_counted(moves as u64, "size")
            ));
        }
        if self
            .lines
            .iter()
            .any(|prediction| prediction.prediction.method.is_some() && prediction.measured_bytes.is_none())
        {
            let text = "To measure a move, audit the copy with `pgtend audit --moved-from IDENTIFIER`. A copy at the \
                        same address needs no option.";
            document.toned_line(text, Tone::Faint);
        }
    }
}

fn is_within(prediction: &TrackedPrediction) -> bool {
    prediction
        .measured_bytes
        .is_some_and(|bytes| (prediction.prediction.low_bytes..=prediction.prediction.high_bytes).contains(&bytes))
}

fn quantity_cell(measured: &PredictedQuantity) -> Cell {
    match measured {
        PredictedQuantity::Everything => Cell::text("everything"),
        PredictedQuantity::WalDirectory => Cell::text("pg_wal"),
        PredictedQuantity::Database(name) => Cell::name(name),
    }
}
