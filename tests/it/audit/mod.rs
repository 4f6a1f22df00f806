//! The storage audit: predictions compared with real copies, and a complete downsizing.

mod browser;
mod copies;
mod downsize_scenario;
mod exact;
mod prediction;
mod report;
mod stored_predictions;
