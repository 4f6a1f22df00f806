//! The nightly check: through the program, with the test's own clock and recipients on loopback.

mod aged_snapshots;
mod bad_input;
mod char_indexes;
mod check_report;
mod connections;
mod corruption;
mod coverage;
mod declared_facts;
mod fleet;
mod maintenance;
pub mod nightly_runs;
mod notify;
mod outputs;
mod pages;
mod post_update;
mod servers;
mod sizes;
mod standbys;
pub mod webhook_receiver;
