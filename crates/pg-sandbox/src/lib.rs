//! Throwaway PostgreSQL clusters for tests and demonstrations.
//!
//! [`installation`] finds server binaries, [`package`] downloads them, [`cluster`] runs a private server,
//! and [`disaster`] contains the SQL of an example incident.
//!
//! All functions block: they wait for processes, not for sockets. They print nothing and do not read the
//! environment; the caller passes in what they need.

#![warn(missing_docs)]

pub mod account;
pub mod cluster;
pub mod disaster;
mod error;
mod folder;
pub mod installation;
pub mod options;
pub mod package;
pub mod platform;
mod process;
mod saved_copy;
mod server;
mod standby;
mod template;
mod watchdog;

pub use account::Account;
pub use cluster::Cluster;
pub use error::Error;
pub use installation::{Installation, InstallationSearch};
pub use options::{ClusterOptions, StandbyOptions};
pub use package::{FetchPlan, Package, PackageCache};
pub use platform::Platform;
pub use server::StopMode;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
