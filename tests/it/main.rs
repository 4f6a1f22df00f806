//! The integration tests: one binary, its modules mirror `src`.

mod audit;
mod check;
mod clusters;
mod command_line;
mod compose;
mod config;
mod connection;
mod docs_cli;
mod docs_tasks;
mod history;
mod hostile_server;
mod hostile_wire;
mod house;
mod indexes;
mod inspect;
mod migrations;
mod network;
mod packaging;
mod proxy;
mod relation_files;
mod reports;
mod rights;
mod sandbox;
mod slot_drop;
mod terminal;
mod trial;
