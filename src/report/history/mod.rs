//! `pgtend history …`: reports on several samples.

mod growth;
mod journal;
mod predictions;
mod prune;
mod record;
mod samples;

pub use growth::GrowthReport;
pub use journal::JournalReport;
pub use prune::PruneReport;
pub use record::RecordReport;
pub use samples::SamplesReport;
