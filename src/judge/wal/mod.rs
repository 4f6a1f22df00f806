//! The write-ahead log: whether it piles up, what would bound it, and how much of it could be spared.

mod full_pages;
mod pile_up;
mod prevention;

pub use full_pages::{FullPages, Lever};
pub use pile_up::{PileUp, pile_up};
pub use prevention::{Circumstances, Prevention, Step};
