//! Computation on snapshots: pure functions of facts. No thresholds of checks, no formatting, no I/O.

pub mod bloat;
pub mod copy_size;
pub mod downsize;
pub mod index;
mod index_trees;
pub mod pages;
pub mod slot;
pub mod wal;
mod window;

pub use index_trees::IndexTrees;
pub use window::{Window, WindowSource};
