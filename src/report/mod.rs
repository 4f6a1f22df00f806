//! Builds reports from snapshots: data for machines (`Serialize`) and a document for people. Pure computation.

mod accounting;
mod audit;
mod bloat;
mod charts;
mod check;
mod cleanup;
mod databases;
mod envelope;
mod finding;
mod gaps;
mod history;
mod indexes;
mod observation;
mod overview;
mod schema;
mod slots;
mod tables;
#[cfg(test)]
mod tests;
mod view;
mod wal;

pub use accounting::Accounting;
pub use audit::AuditReport;
pub use check::{CheckReport, FleetReport, NotifiedLine, TargetRun};
pub use cleanup::{
    CleanupReport, Destination, MaintenanceReport, Recreation, VerifyReport, WrittenIndex, describe_maintenance_task,
    maintenance_header, migration_header,
};
pub use databases::{DatabaseSort, DatabasesReport};
pub use envelope::{Envelope, Report};
pub use gaps::{Gap, Gaps};
pub use history::{GrowthReport, JournalReport, PruneReport, RecordReport, SamplesReport};
pub use indexes::describe::describe_index_reason;
pub use indexes::{IndexSort, IndexesReport};
pub use observation::Observation;
pub use overview::OverviewReport;
pub use schema::json_schemas;
pub use slots::{SlotDetailReport, SlotDropReport, SlotSort, SlotsReport};
pub use tables::{TableSort, TablesReport};
pub use view::View;
pub use wal::WalReport;

use crate::facts::{SizeSource, StoredBytes};
use crate::render::{Cell, Value};

/// Returns the cell of a size, marked where the size is an estimate.
fn stored_bytes_cell(stored: StoredBytes) -> Cell {
    Cell::new(match stored.source {
        SizeSource::Exact => Value::Bytes(stored.bytes),
        SizeSource::Estimated => Value::EstimatedBytes(stored.bytes),
    })
}
