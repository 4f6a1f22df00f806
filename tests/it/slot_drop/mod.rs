//! Dropping slots on real servers: refusals, races, faults.

mod another_server;
pub mod faults;
mod last_logical;
mod pooled;
mod postgres_store;
mod program;
mod race;
mod statement;
mod stream;
