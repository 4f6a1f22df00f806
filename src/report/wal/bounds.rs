//! The settings that bound pg_wal.

use crate::facts::Settings;
use serde::Serialize;

/// Null: not set, or not known to this version.
#[derive(Debug, Serialize)]
pub struct Bounds {
    wal_level: Option<String>,
    pub min_wal_size_bytes: Option<u64>,
    pub max_wal_size_bytes: Option<u64>,
    pub wal_keep_size_bytes: Option<u64>,
    /// Null: slots may keep WAL without limit.
    pub max_slot_wal_keep_size_bytes: Option<u64>,
    /// Seconds; null before 18.
    idle_replication_slot_timeout: Option<u64>,
    checkpoint_timeout_seconds: Option<u64>,
    wal_segment_bytes: u64,
    wal_compression: Option<String>,
    wal_recycle: Option<bool>,
    summarize_wal: Option<bool>,
}

impl Bounds {
    pub fn new(settings: &Settings, wal_segment_bytes: u64) -> Bounds {
        let text = |name| settings.text(name).map(str::to_owned);
        let number = |name| settings.text(name).and_then(|text| text.parse().ok());
        Bounds {
            wal_level: text("wal_level"),
            min_wal_size_bytes: settings.bytes("min_wal_size"),
            max_wal_size_bytes: settings.bytes("max_wal_size"),
            wal_keep_size_bytes: settings.bytes("wal_keep_size"),
            max_slot_wal_keep_size_bytes: settings.bytes("max_slot_wal_keep_size"),
            idle_replication_slot_timeout: number("idle_replication_slot_timeout"),
            checkpoint_timeout_seconds: number("checkpoint_timeout"),
            wal_segment_bytes,
            wal_compression: text("wal_compression"),
            wal_recycle: settings.is_on("wal_recycle"),
            summarize_wal: settings.is_on("summarize_wal"),
        }
    }
}
