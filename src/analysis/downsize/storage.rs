//! Sizes of a provider's volumes (docs/reference/providers.md#volume-sizes).

use super::MoveMethod;
use crate::facts::Provider;
use schemars::JsonSchema;
use serde::Serialize;

/// Bytes per GiB.
pub const GIB: u64 = 1 << 30;

/// Volume types with rules of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum StorageType {
    /// Amazon EBS gp2: 3 IOPS per GiB
    Gp2,
    /// Amazon EBS gp3: striped from 400 GiB
    Gp3,
    /// Amazon EBS io1: provisioned IOPS
    Io1,
    /// Amazon EBS io2: provisioned IOPS
    Io2,
    /// Any other volume
    Other,
}

impl StorageType {
    /// All types, in the order of the help.
    pub const ALL: [StorageType; 5] =
        [StorageType::Gp2, StorageType::Gp3, StorageType::Io1, StorageType::Io2, StorageType::Other];

    /// Returns the name in options, configuration and JSON.
    pub fn name(self) -> &'static str {
        match self {
            StorageType::Gp2 => "gp2",
            StorageType::Gp3 => "gp3",
            StorageType::Io1 => "io1",
            StorageType::Io2 => "io2",
            StorageType::Other => "other",
        }
    }
}

/// Volume sizes that a provider offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VolumeSizes {
    /// Smallest size in bytes.
    pub floor_bytes: u64,
    /// Increment in bytes.
    pub step_bytes: u64,
    /// Whether sizes double from the smallest one on. `step_bytes` does not apply then.
    pub doubles: bool,
}

impl VolumeSizes {
    /// Returns the sizes of a provider; RDS has a larger minimum for io1 and io2.
    pub fn new(provider: Provider, disk: Option<StorageType>) -> VolumeSizes {
        let steps_of_one = |floor: u64| VolumeSizes { floor_bytes: floor * GIB, step_bytes: GIB, doubles: false };
        match provider {
            Provider::Rds if matches!(disk, Some(StorageType::Io1 | StorageType::Io2)) => steps_of_one(100),
            Provider::Rds => steps_of_one(20),
            Provider::Cloudsql => steps_of_one(10),
            Provider::Azure => VolumeSizes { floor_bytes: 32 * GIB, step_bytes: GIB, doubles: true },
            _ => steps_of_one(0),
        }
    }

    /// Returns the smallest offered size, in bytes, that holds `bytes`.
    pub fn round_up(self, bytes: u64) -> u64 {
        if self.doubles {
            let mut size = self.floor_bytes;
            while size < bytes && size < u64::MAX / 2 {
                size *= 2;
            }
            return size;
        }
        bytes.div_ceil(self.step_bytes).saturating_mul(self.step_bytes).max(self.floor_bytes)
    }
}

/// Free space that Blue/Green requires of the target, as a share of the used space.
pub const BLUE_GREEN_HEADROOM: f64 = 0.2;

/// Returns the volume size that a method requires for data of this size, in bytes.
pub fn required_size(method: MoveMethod, size_after: u64) -> u64 {
    match method {
        MoveMethod::BlueGreen | MoveMethod::BlueGreenUpgrade => {
            (size_after as f64 * (1.0 + BLUE_GREEN_HEADROOM)).ceil() as u64
        }
        _ => size_after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volume_size_respects_content_and_floor() {
        let rds = VolumeSizes::new(Provider::Rds, Some(StorageType::Gp3));
        assert_eq!([0, GIB, 20 * GIB, 20 * GIB + 1].map(|bytes| rds.round_up(bytes) / GIB), [20, 20, 20, 21]);
        let azure = VolumeSizes::new(Provider::Azure, None);
        assert_eq!([1, 33 * GIB, 200 * GIB].map(|bytes| azure.round_up(bytes) / GIB), [32, 64, 256]);
        assert_eq!(VolumeSizes::new(Provider::Unknown, None).round_up(1), GIB);
    }
}
