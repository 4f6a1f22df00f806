//! `pgtend history journal`: what pgtend did, and what it promised.

use super::predictions::Predictions;
use crate::{
    model::past::{Deed, KeptPrediction, Outcome, OutcomeKind},
    render::{Cell, Column, Document, Table, Tone, Value, human_bytes},
    report::{Report, View},
};
use serde::Serialize;
use std::collections::HashSet;

#[derive(Debug, Serialize)]
pub struct DeedsReport {
    /// Newest first.
    deeds: Vec<Deed>,
    /// What audits predicted, newest first.
    predictions: Predictions,
    #[serde(skip)]
    left_out: usize,
    #[serde(skip)]
    ledger: Ledger,
    /// Of all, shown or not.
    #[serde(skip)]
    open: usize,
}

/// Promised against measured, of the deeds that were measured.
#[derive(Debug, Default)]
struct Ledger {
    deeds: u64,
    promised: u64,
    measured: i64,
}

impl DeedsReport {
    pub fn of(mut deeds: Vec<Deed>, predictions: Vec<KeptPrediction>, view: &View) -> DeedsReport {
        let mut ledger = Ledger::default();
        let mut measured_already = HashSet::new();
        for deed in &deeds {
            if let (Some(promised), Some(measured)) = (deed.intent.promised_bytes, deed.measured_bytes) {
                ledger.deeds += 1;
                ledger.promised = ledger.promised.saturating_add(promised);
                // Deeds of one run share what lay there before and what is left after: that is measured once.
                let same = (&deed.intent.system_identifier, deed.intent.before_bytes, deed.measured_at);
                if measured_already.insert(same) {
                    ledger.measured = ledger.measured.saturating_add(measured);
                }
            }
        }
        let open = deeds.iter().filter(|deed| deed.outcome.is_none()).count();
        deeds.reverse();
        let left_out = view.cut(&mut deeds);
        DeedsReport { deeds, predictions: Predictions::of(predictions, view), left_out, ledger, open }
    }
}

fn outcome(deed: &Deed) -> Cell {
    let Some(Outcome { outcome, .. }) = &deed.outcome else { return Cell::text("open").toned(Tone::Bad) };
    let tone = match outcome {
        OutcomeKind::Done => Tone::Good,
        OutcomeKind::Refused => Tone::Plain,
        OutcomeKind::Failed => Tone::Warning,
        OutcomeKind::Unknown => Tone::Bad,
    };
    Cell::text(outcome.name()).toned(tone)
}

fn signed(bytes: i64) -> String {
    format!("{}{}", if bytes < 0 { "-" } else { "" }, human_bytes(bytes.unsigned_abs()))
}

impl Report for DeedsReport {
    const COMMAND: &'static str = "history journal";

    fn document(&self) -> Document {
        let mut document = Document::default();
        if self.deeds.is_empty() {
            document.line("The journal is empty: pgtend has changed nothing.");
            self.predictions.add_to(&mut document);
            return document;
        }
        document.table(
            Table::of(&self.deeds)
                .column(Column::words("begun_at", "begun", 0), |deed| Cell::new(Value::Time(deed.intent.begun_at)))
                .column(Column::words("kind", "deed", 0), |deed| Cell::text(&*deed.intent.kind))
                .column(Column::words("subject", "of", 0), |deed| Cell::name(&*deed.intent.subject))
                .column(Column::words("outcome", "outcome", 0), |deed| outcome(deed))
                .column(Column::numbers("promised_bytes", "promised", 1), |deed| {
                    Cell::or_none(deed.intent.promised_bytes, Value::Bytes)
                })
                .column(Column::numbers("measured", "measured", 1), |deed| {
                    Cell::or_none(deed.measured_bytes, |bytes| Value::Text(signed(bytes)))
                })
                .column(Column::words("server", "server", 2), |deed| Cell::name(&*deed.intent.server))
                .column(Column::words("database", "database", 3), |deed| Cell::name(&*deed.intent.database))
                .column(Column::words("role", "role", 4), |deed| Cell::name(&*deed.intent.role))
                .column(Column::words("statement", "statement", 6), |deed| Cell::text(&*deed.intent.statement))
                .column(Column::words("detail", "answer", 5), |deed| {
                    Cell::or_none(deed.outcome.as_ref().and_then(|outcome| outcome.detail.clone()), Value::Text)
                })
                .leaving_out(self.left_out),
        );
        if self.open > 0 {
            let text =
                format!("{} without an outcome: pgtend ended in the middle of it. Look at the server.", self.open);
            document.gap().toned_line(text, Tone::Bad);
        }
        if self.ledger.deeds > 0 {
            let Ledger { deeds, promised, measured } = &self.ledger;
            let (promised, measured) = (human_bytes(*promised), signed(*measured));
            document.gap().line(format!("Of {deeds} deeds: {promised} promised, {measured} measured since."));
        }
        self.predictions.add_to(&mut document);
        document
    }
}
