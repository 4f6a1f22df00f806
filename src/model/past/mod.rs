//! What several looks at a cluster know together, and what pgtend itself did to it.

mod change;
mod counters;
mod deed;
mod growth;
mod indexes_past;
mod memory;
mod night;
mod one_off;
mod peak;
mod prediction;
mod sample;
mod scans;
mod sighting;
mod slot_past;
mod trend;

pub use change::{Change, ChangeKind, KnownFinding, changes};
pub use counters::Counters;
pub use deed::{Deed, Gauge, Intent, Outcome, OutcomeKind};
pub use growth::{Growth, Point, Subject, SubjectKind};
pub use indexes_past::{IndexPast, IndexesPast, Watched};
pub use memory::{Memory, Origin};
pub use night::{Night, Told};
pub use peak::{WalInterval, WalPeak, wal_peak};
pub use prediction::{KeptPrediction, Measure, Measured, Prediction, hold_against};
pub use sample::{Lineage, Sample};
pub use scans::IndexScans;
pub use sighting::Sighting;
pub use slot_past::{SeenSlot, SlotLook, SlotPast, SlotRecord};
pub use trend::{Trend, trend};
