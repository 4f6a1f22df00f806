//! The storage audit: predictions held against real copies, and the story from the first look to the smaller disk.

mod browser;
mod copies;
mod downsize_scenario;
mod exact;
mod prediction;
mod report;
mod stored_predictions;
