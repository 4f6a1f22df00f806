//! `pgtend history …`: what several looks know together.

mod deeds;
mod growth;
mod predictions;
mod recorded;
mod samples;

pub use deeds::DeedsReport;
pub use growth::GrowthReport;
pub use recorded::RecordedReport;
pub use samples::SamplesReport;
