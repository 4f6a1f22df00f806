//! The sizes a provider's volumes come in (fact sheet on slots and storage, E1, E2, E5).

use super::Way;
use crate::model::Provider;
use serde::Serialize;

pub const GIB: u64 = 1 << 30;

/// Kinds of volumes with rules of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Disk {
    Gp2,
    Gp3,
    Io1,
    Io2,
    Other,
}

impl Disk {
    pub const ALL: [Disk; 5] = [Disk::Gp2, Disk::Gp3, Disk::Io1, Disk::Io2, Disk::Other];

    pub fn name(self) -> &'static str {
        match self {
            Disk::Gp2 => "gp2",
            Disk::Gp3 => "gp3",
            Disk::Io1 => "io1",
            Disk::Io2 => "io2",
            Disk::Other => "other",
        }
    }
}

/// The smallest volume, and in which steps they grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sizes {
    pub floor_bytes: u64,
    pub step_bytes: u64,
    /// Only powers of two from the floor on.
    pub doubles: bool,
}

impl Sizes {
    pub fn of(provider: Provider, disk: Option<Disk>) -> Sizes {
        let steps_of_one = |floor: u64| Sizes { floor_bytes: floor * GIB, step_bytes: GIB, doubles: false };
        match provider {
            Provider::Rds if matches!(disk, Some(Disk::Io1 | Disk::Io2)) => steps_of_one(100),
            Provider::Rds => steps_of_one(20),
            Provider::Cloudsql => steps_of_one(10),
            Provider::Azure => Sizes { floor_bytes: 32 * GIB, step_bytes: GIB, doubles: true },
            _ => steps_of_one(0),
        }
    }

    /// The smallest volume that holds so much.
    pub fn holding(self, bytes: u64) -> u64 {
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

/// What a way demands beyond the floor, of a volume onto which so much arrives.
pub fn demanded(way: Way, arrives: u64) -> u64 {
    match way {
        Way::BlueGreen | Way::BlueGreenUpgrade => (arrives as f64 * (1.0 + BLUE_GREEN_HEADROOM)).ceil() as u64,
        _ => arrives,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_never_smaller_than_what_it_holds_nor_than_the_floor() {
        let rds = Sizes::of(Provider::Rds, Some(Disk::Gp3));
        assert_eq!([0, GIB, 20 * GIB, 20 * GIB + 1].map(|bytes| rds.holding(bytes) / GIB), [20, 20, 20, 21]);
        let azure = Sizes::of(Provider::Azure, None);
        assert_eq!([1, 33 * GIB, 200 * GIB].map(|bytes| azure.holding(bytes) / GIB), [32, 64, 256]);
        assert_eq!(Sizes::of(Provider::Unknown, None).holding(1), GIB);
    }
}
