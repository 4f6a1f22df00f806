//! pgtend: the Postgres maintenance toolkit.

pub mod inspect;
pub mod model;
pub mod pg;
pub mod render;
pub mod report;
pub mod sandbox;
