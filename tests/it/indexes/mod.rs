//! Which indexes may go: held against servers, where each verdict has consequences.

mod corpus;
mod evidence;
mod laws;
pub mod script;
