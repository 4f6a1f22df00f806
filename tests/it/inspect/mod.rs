//! Looking at real servers: truthfully, quickly, and without anybody noticing.

mod bloat;
mod data_sets;
mod edges;
mod faults;
mod harmless;
mod locks;
pub mod looks;
mod names;
mod pgbouncer;
pub mod round_trips;
mod several_hosts;
mod sizes;
mod truth;
