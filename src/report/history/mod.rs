//! `pgtend history …`: reports on several samples.

mod growth;
mod journal;
mod predictions;
mod record;
mod samples;

pub use growth::GrowthReport;
pub use journal::JournalReport;
pub use record::RecordReport;
pub use samples::SamplesReport;
