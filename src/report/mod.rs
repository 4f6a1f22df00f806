//! From a snapshot to a report: what machines read (Serialize) and what people read (a document). Pure.

mod accounting;
mod audit;
mod bloat;
mod check;
mod cleanup;
mod databases;
mod envelope;
mod gaps;
mod history;
mod indexes;
mod observation;
mod overview;
mod pictures;
mod slots;
mod tables;
#[cfg(test)]
mod tests;
mod view;
mod wal;

pub use accounting::Accounting;
pub use audit::AuditReport;
pub use check::{CheckReport, FleetReport, NotifiedLine, TargetNight};
pub use cleanup::{
    CleanupReport, Destination, MaintenanceReport, Recreation, VerifyReport, Written, chore_words, header,
    maintenance_header,
};
pub use databases::{DatabaseSort, DatabasesReport};
pub use envelope::{Envelope, Report};
pub use gaps::{Gap, Gaps};
pub use history::{DeedsReport, GrowthReport, RecordedReport, SamplesReport};
pub use indexes::words::words;
pub use indexes::{IndexSort, IndexesReport};
pub use observation::Observation;
pub use overview::OverviewReport;
pub use slots::{SlotDropReport, SlotPage, SlotSort, SlotsReport};
pub use tables::{TableSort, TablesReport};
pub use view::View;
pub use wal::WalReport;
