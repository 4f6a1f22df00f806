//! Dropping slots on real servers: refusals, races, faults.

mod race;
mod stream;
