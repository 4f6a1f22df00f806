//! Migrations that take indexes away and bring them back.

mod fingerprint;
pub mod program;
mod schemas;
mod sqlx_runner;
mod terminal;
mod up_and_down;
