//! From a snapshot to a judgement: pure functions.

pub mod slot;
