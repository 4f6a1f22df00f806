//! The nightly check: through the program, with a clock of the test's own and recipients on loopback.

mod bad_input;
mod fleet;
pub mod inbox;
pub mod nights;
mod notify;
mod outputs;
mod servers;
