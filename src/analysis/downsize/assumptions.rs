//! What the audit takes for given: the user's flags, and what history tells.

use super::{MoveMethod, StorageType};
use crate::facts::Provider;
use serde::Serialize;

/// What SQL cannot see, and what a user may want otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assumptions {
    pub provider: Provider,
    pub method: MoveMethod,
    /// The size of the present volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocated_bytes: Option<u64>,
    /// What the file system says is used of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_fs_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_type: Option<StorageType>,
    pub multi_az: bool,
    /// A month's price of a GiB, in whatever currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
    pub horizon_days: u32,
    /// The longest time a reader of WAL may be away without anybody doing something.
    pub outage_seconds: u64,
    /// The share of the new volume that stays free: 0.2 for a fifth.
    pub margin: f64,
    /// Where the user knows better than the server's statistics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wal_bytes_per_hour: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth_bytes_per_day: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_bytes: Option<u64>,
}

impl Default for Assumptions {
    fn default() -> Self {
        Assumptions {
            provider: Provider::Unknown,
            method: MoveMethod::Dump,
            allocated_bytes: None,
            used_fs_bytes: None,
            storage_type: None,
            multi_az: false,
            price: None,
            horizon_days: 180,
            outage_seconds: 6 * 3_600,
            margin: 0.2,
            wal_bytes_per_hour: None,
            growth_bytes_per_day: None,
            target_bytes: None,
        }
    }
}
