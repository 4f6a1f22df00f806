//! The integration tests: one binary, its modules mirror `src`.

mod clusters;
mod command_line;
mod compose;
mod connection;
mod docs_cli;
mod house;
mod indexes;
mod proxy;
mod reports;
mod sandbox;
