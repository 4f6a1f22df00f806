//! The journal's other half: what audits predicted, and what came of it.

use crate::{
    model::past::{KeptPrediction, Measured},
    render::{Cell, Column, Document, Table, Tone, Value, human_bytes},
    report::View,
};
use serde::Serialize;

/// Newest first.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Predictions {
    lines: Vec<KeptPrediction>,
    #[serde(skip)]
    left_out: usize,
    /// Of all moves that were measured: how many, and how many of them within their interval.
    #[serde(skip)]
    moves: (usize, usize),
}

impl Predictions {
    pub(super) fn of(mut lines: Vec<KeptPrediction>, view: &View) -> Predictions {
        let moves = lines.iter().filter(|it| it.off().is_some());
        let within = moves.clone().filter(|it| is_within(it)).count();
        let moves = (moves.count(), within);
        lines.reverse();
        let left_out = view.cut(&mut lines);
        Predictions { lines, left_out, moves }
    }

    pub(super) fn add_to(&self, document: &mut Document) {
        if self.lines.is_empty() {
            return;
        }
        document.gap().heading("What audits predicted");
        let columns = vec![
            Column::words("made_at", "audited", 1),
            Column::words("server", "server", 0),
            Column::words("of", "of", 0),
            Column::words("way", "after", 0),
            Column::numbers("now_bytes", "then", 2),
            Column::numbers("bytes", "predicted", 0),
            Column::words("range", "between", 3),
            Column::numbers("measured_bytes", "measured", 0),
            Column::words("off", "off", 0),
            Column::words("measured_at", "on", 4),
            Column::words("system_identifier", "system identifier", 5),
        ];
        let rows = self.lines.iter().map(cells).collect();
        document.table(Table { columns, rows, left_out: self.left_out });
        if let (moves @ 1.., within) = self.moves {
            document.gap().line(format!(
                "Of {moves} sizes that were measured after a move, {within} lay within what was predicted."
            ));
        }
        if self.lines.iter().any(|it| it.prediction.way.is_some() && it.measured_bytes.is_none()) {
            let text = "A move is measured by an audit of the copy: `pgtend audit --moved-from IDENTIFIER`, or by \
                        itself where the copy takes the address.";
            document.toned_line(text, Tone::Faint);
        }
    }
}

fn is_within(it: &KeptPrediction) -> bool {
    it.measured_bytes.is_some_and(|bytes| (it.prediction.low_bytes..=it.prediction.high_bytes).contains(&bytes))
}

fn cells(line: &KeptPrediction) -> Vec<Cell> {
    let one = &line.prediction;
    let of = match &one.of {
        Measured::Everything => Cell::text("everything"),
        Measured::WalDirectory => Cell::text("pg_wal"),
        Measured::Database(name) => Cell::name(name),
    };
    let tone = if is_within(line) { Tone::Good } else { Tone::Warning };
    let off = line.off().map(|off| Cell::text(format!("{:+.1} %", off * 100.0)).toned(tone));
    let (low, high) = (human_bytes(one.low_bytes), human_bytes(one.high_bytes));
    vec![
        Cell::new(Value::Time(one.made_at)),
        Cell::name(&one.server),
        of,
        Cell::text(one.way.as_deref().unwrap_or("clean-up")),
        Cell::new(Value::Bytes(one.now_bytes)),
        Cell::new(Value::Bytes(one.bytes)),
        Cell::text(if low == high { String::new() } else { format!("{low} to {high}") }),
        Cell::or_none(line.measured_bytes, Value::Bytes),
        off.unwrap_or_else(|| Cell::new(Value::None)),
        Cell::or_none(line.measured_at, Value::Time),
        Cell::text(&one.system_identifier),
    ]
}
