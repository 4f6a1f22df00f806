//! Index clean-up migrations: the plan and the files of each migration tool.

pub mod plan;
pub mod tools;
