//! Looking at real servers: truthfully, quickly, and without anybody noticing.

mod bloat;
mod faults;
mod harmless;
mod locks;
mod looks;
mod names;
mod pgbouncer;
mod round_trips;
mod sizes;
mod truth;
