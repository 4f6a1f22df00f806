//! Write-ahead log: its rate and holders, settings that limit it, and how to write less.

mod growth;
mod retention;
mod share;

pub use growth::{ObservedRate, RateSource, TimeLeft, WalGrowth, wal_between_snapshots};
pub use retention::{Cause, Holder, PartialRetention, Retention};
pub use share::{BindingHolder, SharedBy, WalShare, wal_shares};

mod full_page_images;
mod prevention;

pub use full_page_images::{FullPageStats, WalRecommendation};
pub use prevention::{Prevention, PreventionInput, PreventionStep};
pub use retention::{WalAccumulation, find_wal_accumulation};
