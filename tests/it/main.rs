//! The integration tests: one binary, its modules mirror `src`.

mod clusters;
mod connection;
mod house;
mod inspect;
mod proxy;
mod sandbox;
