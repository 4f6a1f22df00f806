//! Index verdicts, compared with the effects of drops on real servers.

mod corpus;
mod drop_invariants;
mod evidence;
pub mod script;
