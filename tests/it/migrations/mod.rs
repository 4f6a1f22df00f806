//! Migrations that take indexes away and bring them back.

mod faithful;
mod fingerprint;
pub mod program;
mod schemas;
mod sqlx_runner;
mod terminal;
