//! Plain data: one file a Postgres noun. Imports nothing of this crate.
