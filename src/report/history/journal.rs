//! `pgtend history journal`: actions of pgtend, with expected and measured bytes.

use super::predictions::Predictions;
use crate::facts::history::{JournalEntry, JournalOutcome, JournalOutcomeKind, TrackedPrediction};
use crate::render::{Cell, Column, Document, Table, Tone, Value, format_counted, human_bytes};
use crate::report::{Report, View};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashSet;

/// Report of `pgtend history journal`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct JournalReport {
    /// Entries, the newest first.
    entries: Vec<JournalEntry>,
    /// Predictions of audits, the newest first.
    predictions: Predictions,
    #[serde(skip)]
    left_out: usize,
    #[serde(skip)]
    totals: JournalTotals,
    /// Number of open intents among all entries, shown or not.
    #[serde(skip)]
    open: usize,
}

/// Expected and measured bytes of the actions with a measurement.
#[derive(Debug, Default)]
struct JournalTotals {
    entries: u64,
    promised: u64,
    measured: i64,
}

impl JournalReport {
    /// Computes totals over all entries, and cuts the lists to the limit of `view`.
    pub fn new(mut entries: Vec<JournalEntry>, predictions: Vec<TrackedPrediction>, view: &View) -> JournalReport {
        let mut totals = JournalTotals::default();
        let mut measured_already = HashSet::new();
        for entry in &entries {
            if let (Some(promised), Some(measured)) = (entry.intent.promised_bytes, entry.measured_bytes) {
                totals.entries += 1;
                totals.promised = totals.promised.saturating_add(promised);
                // Actions of one run share one measurement before and after, which counts once.
                let same = (&entry.intent.system_identifier, entry.intent.before_bytes, entry.measured_at);
                if measured_already.insert(same) {
                    totals.measured = totals.measured.saturating_add(measured);
                }
            }
        }
        let open = entries.iter().filter(|entry| entry.outcome.is_none()).count();
        entries.reverse();
        let left_out = view.cut(&mut entries);
        JournalReport { entries, predictions: Predictions::new(predictions, view), left_out, totals, open }
    }
}

fn outcome_cell(entry: &JournalEntry) -> Cell {
    let Some(JournalOutcome { outcome, .. }) = &entry.outcome else { return Cell::text("open").with_tone(Tone::Bad) };
    let tone = match outcome {
        JournalOutcomeKind::Done => Tone::Good,
        JournalOutcomeKind::Refused => Tone::Plain,
        JournalOutcomeKind::Failed => Tone::Warning,
        JournalOutcomeKind::Unknown => Tone::Bad,
    };
    Cell::text(outcome.name()).with_tone(tone)
}

fn format_signed(bytes: i64) -> String {
    format!("{}{}", if bytes < 0 { "-" } else { "" }, human_bytes(bytes.unsigned_abs()))
}

impl Report for JournalReport {
    const COMMAND: &'static str = "history journal";

    fn document(&self) -> Document {
        let mut document = Document::default();
        if self.entries.is_empty() {
            document.line("The journal is empty: no action is recorded in this history.");
            self.predictions.add_to(&mut document);
            return document;
        }
        document.table(
            Table::with_rows(&self.entries)
                .column(Column::text("begun_at", "started", 0), |entry| Cell::new(Value::Time(entry.intent.begun_at)))
                .column(Column::text("kind", "action", 0), |entry| Cell::text(&*entry.intent.kind))
                .column(Column::text("subject", "object", 0), |entry| Cell::name(&*entry.intent.subject))
                .column(Column::text("outcome", "outcome", 0), |entry| outcome_cell(entry))
                .column(Column::numbers("promised_bytes", "expected", 1), |entry| {
                    Cell::or_none(entry.intent.promised_bytes, Value::Bytes)
                })
                .column(Column::numbers("measured", "measured", 1), |entry| {
                    Cell::or_none(entry.measured_bytes, |bytes| Value::Text(format_signed(bytes)))
                })
                .column(Column::text("server", "server", 2), |entry| Cell::name(&*entry.intent.server))
                .column(Column::text("database", "database", 3), |entry| Cell::name(&*entry.intent.database))
                .column(Column::text("role", "role", 4), |entry| Cell::name(&*entry.intent.role))
                .column(Column::text("statement", "statement", 6), |entry| Cell::text(&*entry.intent.statement))
                .column(Column::text("detail", "detail", 5), |entry| {
                    Cell::or_none(entry.outcome.as_ref().and_then(|outcome| outcome.detail.clone()), Value::Text)
                })
                .with_left_out(self.left_out),
        );
        if self.open > 0 {
            let text = format!(
                "{} without an outcome: pgtend was interrupted. Check the state of the server.",
                format_counted(self.open as u64, "action")
            );
            document.gap().toned_line(text, Tone::Bad);
        }
        if self.totals.entries > 0 {
            let JournalTotals { entries: measured_entries, promised, measured } = &self.totals;
            let (promised, measured) = (human_bytes(*promised), format_signed(*measured));
            let actions = format_counted(*measured_entries, "action");
            document.gap().line(format!("{actions} with a measurement: {promised} expected, {measured} measured."));
        }
        self.predictions.add_to(&mut document);
        document
    }
}
