//! Looking at real servers: truthfully, quickly, and without anybody noticing.

mod bloat;
mod looks;
mod round_trips;
mod sizes;
mod truth;
