//! Collecting from real servers: correct values, few round trips, and no effect on the server.

mod bloat;
mod data_sets;
mod edge_cases;
mod faults;
mod locks;
mod names;
mod pgbouncer;
pub mod program_runs;
mod read_only;
pub mod round_trips;
mod server_sizes;
mod several_hosts;
mod sizes;
