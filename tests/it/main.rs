//! The integration tests: one binary, its modules mirror `src`.

mod clusters;
mod compose;
mod connection;
mod docs_cli;
mod house;
mod network;
mod proxy;
mod relation_files;
mod sandbox;
