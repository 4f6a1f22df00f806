//! The nightly check: through the program, with a clock of the test's own and recipients on loopback.

mod ask;
mod bad_input;
mod connections;
mod fleet;
pub mod inbox;
mod later;
pub mod nights;
mod notify;
mod outputs;
mod pages;
mod ruined;
mod servers;
mod shown;
mod sizes;
mod standbys;
