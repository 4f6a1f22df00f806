//! Values of the history: samples of a cluster over time, and the actions of pgtend.

mod change;
mod check_state;
mod counters;
mod first_seen;
mod growth;
mod history_view;
mod index_history;
mod journal_entry;
mod peak;
mod prediction;
mod sample;
mod scans;
mod slot_history;
mod trend;

pub use change::{Change, ChangeKind, KnownFinding, detect_changes};
pub use check_state::{CheckState, NotifiedFinding};
pub use counters::Counters;
pub use first_seen::RelationFirstSeen;
pub use growth::{Growth, Subject, SubjectKind};
pub use history_view::{HistorySource, HistoryView};
pub use index_history::{DatabaseIndexHistory, IndexHistory, IndexObservation};
pub use journal_entry::{Intent, JournalEntry, JournalOutcome, JournalOutcomeKind, MeasuredQuantity};
pub use peak::{WalInterval, WalPeak, wal_peak};
pub use prediction::{MeasuredSize, PredictedQuantity, Prediction, TrackedPrediction, compare_predictions};
pub use sample::{ClusterBranch, Sample};
pub use scans::IndexScans;
pub use slot_history::{SlotHistory, SlotRecord, SlotSample, SlotState};
pub use trend::{SizePoint, Trend, compute_trend};
