//! Dropping slots on real servers: refusals, races, faults.

pub mod faults;
mod pooled;
mod postgres_store;
mod program;
mod race;
mod statement;
mod stream;
