//! Assumptions of the audit: options, configuration and defaults.

use super::{MoveMethod, StorageType};
use crate::facts::Provider;
use schemars::JsonSchema;
use serde::Serialize;

/// Values that SQL cannot provide, or that a user overrides.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Assumptions {
    /// Provider that runs the server: as given, otherwise as detected. It decides volume sizes and available methods.
    pub provider: Provider,
    /// Method of moving that is listed and assessed first.
    pub method: MoveMethod,
    /// Size of the present volume in bytes; `None` when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocated_bytes: Option<u64>,
    /// Used space of the present volume in bytes, as the file system reports it; `None` when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_fs_bytes: Option<u64>,
    /// Volume type; `None` when not given. Only Amazon RDS has rules that depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_type: Option<StorageType>,
    /// Whether a second copy in another availability zone doubles the cost.
    pub multi_az: bool,
    /// Price per GiB and month, in the user's currency; `None` when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
    /// Days of growth that the new volume must hold.
    pub horizon_days: u32,
    /// Longest consumer outage to reserve WAL space for, in seconds.
    pub outage_seconds: u64,
    /// Share of the new volume that stays free, 0 to 1.
    pub margin: f64,
    /// WAL volume in bytes per hour that replaces the server's statistics; `None` when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wal_bytes_per_hour: Option<u64>,
    /// Growth in bytes per day that replaces history and statistics; `None` when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth_bytes_per_day: Option<u64>,
    /// Size in bytes of the volume that `--target-size` tests; `None` without the option.
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
