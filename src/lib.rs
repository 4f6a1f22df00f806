//! pgtend: the Postgres maintenance toolkit.
//!
//! The rooms, from the ground up: [`model`] (plain data), [`pg`] (the wire), [`sandbox`] (throwaway
//! clusters). Nothing imports upwards; `docs/architecture.md` holds the table.

pub mod model;
pub mod pg;
pub mod sandbox;
