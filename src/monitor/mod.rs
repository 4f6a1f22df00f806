//! Monitoring runs: notifications of what changed.

pub mod notify;
