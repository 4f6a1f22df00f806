//! Which indexes may go: held against servers, where each verdict has consequences.

mod corpus;
mod drop_invariants;
mod evidence;
pub mod script;
