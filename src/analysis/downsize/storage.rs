//! The sizes a provider's volumes come in (fact sheet on slots and storage, E1, E2, E5).

use super::MoveMethod;
use crate::facts::Provider;
use serde::Serialize;

pub const GIB: u64 = 1 << 30;

/// Kinds of volumes with rules of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum StorageType {
    Gp2,
    Gp3,
    Io1,
    Io2,
    Other,
}

impl StorageType {
    pub const ALL: [StorageType; 5] =
        [StorageType::Gp2, StorageType::Gp3, StorageType::Io1, StorageType::Io2, StorageType::Other];

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

/// The smallest volume, and in which steps they grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct VolumeSizes {
    pub floor_bytes: u64,
    pub step_bytes: u64,
    /// Only powers of two from the floor on.
    pub doubles: bool,
}

impl VolumeSizes {
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

    /// The smallest volume that holds so much.
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

/// Blue/Green accepts a target only when it is larger than what is used by that share.
pub const BLUE_GREEN_HEADROOM: f64 = 0.2;

/// Returns the volume size that a method requires for data of this size.
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
