//! Assumptions of the audit that a user can set: by options, per target, or for all audits.

use super::{Assumptions, MoveMethod, StorageType};
use crate::facts::Provider;

/// A value, and the option or configuration key that set it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Option or configuration key, as an error message names it.
    pub source: String,
}

/// All values that can be set; `None` when not set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// Size of the present volume in bytes.
    pub allocated_bytes: Option<Sourced<u64>>,
    /// Used space of the present volume in bytes.
    pub used_fs_bytes: Option<Sourced<u64>>,
    /// Horizon of growth in seconds.
    pub horizon_seconds: Option<Sourced<u64>>,
    /// Longest consumer outage in seconds.
    pub outage_seconds: Option<Sourced<u64>>,
    /// Share of the new volume that stays free, in percent.
    pub margin_percent: Option<Sourced<u8>>,
    /// WAL volume in bytes per hour.
    pub wal_bytes_per_hour: Option<Sourced<u64>>,
    /// Growth in bytes per day.
    pub growth_bytes_per_day: Option<Sourced<u64>>,
    /// Provider that runs the server.
    pub provider: Option<Sourced<Provider>>,
    /// Method of moving.
    pub method: Option<Sourced<MoveMethod>>,
    /// Whether there is a second copy in another availability zone.
    pub multi_az: Option<Sourced<bool>>,
    /// Volume type.
    pub storage_type: Option<Sourced<StorageType>>,
    /// Price per GiB and month.
    pub price: Option<Sourced<f64>>,
}

impl Overrides {
    /// Fills values that are not set from `other`.
    #[must_use]
    pub fn or(self, other: Overrides) -> Overrides {
        Overrides {
            allocated_bytes: self.allocated_bytes.or(other.allocated_bytes),
            used_fs_bytes: self.used_fs_bytes.or(other.used_fs_bytes),
            horizon_seconds: self.horizon_seconds.or(other.horizon_seconds),
            outage_seconds: self.outage_seconds.or(other.outage_seconds),
            margin_percent: self.margin_percent.or(other.margin_percent),
            wal_bytes_per_hour: self.wal_bytes_per_hour.or(other.wal_bytes_per_hour),
            growth_bytes_per_day: self.growth_bytes_per_day.or(other.growth_bytes_per_day),
            provider: self.provider.or(other.provider),
            method: self.method.or(other.method),
            multi_az: self.multi_az.or(other.multi_az),
            storage_type: self.storage_type.or(other.storage_type),
            price: self.price.or(other.price),
        }
    }

    /// Returns why the values contradict each other, with their sources; `None` when they do not.
    pub fn contradiction(&self) -> Option<String> {
        if let (Some(used), Some(allocated)) = (&self.used_fs_bytes, &self.allocated_bytes)
            && used.value > allocated.value
        {
            return Some(format!(
                "{} is larger than {}: the used space cannot exceed the volume",
                used.source, allocated.source
            ));
        }
        if let (Some(disk), Some(provider)) = (&self.storage_type, &self.provider)
            && disk.value != StorageType::Other
            && provider.value != Provider::Rds
        {
            return Some(format!(
                "{} is a volume type of Amazon RDS, but {} names another provider",
                disk.source, provider.source
            ));
        }
        if let Some(allocated) = self.allocated_bytes.as_ref().filter(|sourced| sourced.value == 0) {
            return Some(format!("{} is 0: the volume size must be positive", allocated.source));
        }
        None
    }

    /// Returns the values that are set, each with its source. Durations are in seconds, sizes in bytes.
    pub fn sourced_values(&self) -> Vec<(&str, String)> {
        fn entry<T>(sourced: &Option<Sourced<T>>, format: impl Fn(&T) -> String) -> Option<(&str, String)> {
            sourced.as_ref().map(|sourced| (sourced.source.as_str(), format(&sourced.value)))
        }
        let number = |number: &u64| number.to_string();
        [
            entry(&self.allocated_bytes, number),
            entry(&self.used_fs_bytes, number),
            entry(&self.horizon_seconds, |seconds| format!("{seconds} s")),
            entry(&self.outage_seconds, |seconds| format!("{seconds} s")),
            entry(&self.margin_percent, |percent| format!("{percent} %")),
            entry(&self.wal_bytes_per_hour, number),
            entry(&self.growth_bytes_per_day, number),
            entry(&self.provider, |provider| provider.name().to_owned()),
            entry(&self.method, |method| method.id().to_owned()),
            entry(&self.multi_az, bool::to_string),
            entry(&self.storage_type, |storage_type| storage_type.name().to_owned()),
            entry(&self.price, f64::to_string),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Returns the assumptions with defaults for values that are not set. `detected` is the provider that the snapshot
    /// suggests.
    pub fn assumptions(&self, detected: Provider, target_bytes: Option<u64>) -> Assumptions {
        let defaults = Assumptions::default();
        let provider = value_of(&self.provider).unwrap_or(detected);
        let horizon_days =
            value_of(&self.horizon_seconds).map(|seconds| u32::try_from(seconds / 86_400).unwrap_or(u32::MAX));
        Assumptions {
            provider,
            method: value_of(&self.method).unwrap_or_else(|| MoveMethod::default_for(provider)),
            allocated_bytes: value_of(&self.allocated_bytes),
            used_fs_bytes: value_of(&self.used_fs_bytes),
            storage_type: value_of(&self.storage_type),
            multi_az: value_of(&self.multi_az).unwrap_or(defaults.multi_az),
            price: value_of(&self.price),
            horizon_days: horizon_days.unwrap_or(defaults.horizon_days),
            outage_seconds: value_of(&self.outage_seconds).unwrap_or(defaults.outage_seconds),
            margin: value_of(&self.margin_percent).map_or(defaults.margin, |percent| f64::from(percent) / 100.0),
            wal_bytes_per_hour: value_of(&self.wal_bytes_per_hour),
            growth_bytes_per_day: value_of(&self.growth_bytes_per_day),
            target_bytes,
        }
    }
}

fn value_of<T: Copy>(sourced: &Option<Sourced<T>>) -> Option<T> {
    sourced.as_ref().map(|sourced| sourced.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sourced<T>(by: &str, value: T) -> Option<Sourced<T>> {
        Some(Sourced { value, source: by.into() })
    }

    #[test]
    fn overrides_prefer_flags_over_file() {
        let flags = Overrides { price: sourced("--price", 0.2), ..Overrides::default() };
        let file = Overrides {
            price: sourced("[audit] price", 0.1),
            margin_percent: sourced("[audit] margin", 30),
            ..Overrides::default()
        };
        let merged = flags.or(file).assumptions(Provider::Rds, None);
        assert_eq!((merged.price, merged.margin, merged.method), (Some(0.2), 0.3, MoveMethod::BlueGreen));
    }

    #[test]
    fn overrides_contradiction_names_both_sources() {
        let contradiction_of = |given: Overrides| given.contradiction().unwrap_or_default();
        let used_fs_bytes = sourced("--used-fs", 3);
        let sizes = Overrides {
            used_fs_bytes,
            allocated_bytes: sourced("disk_size of target \"prod\"", 2),
            ..Overrides::default()
        };
        assert_eq!(
            contradiction_of(sizes),
            "--used-fs is larger than disk_size of target \"prod\": the used space cannot exceed the volume"
        );
        let of_aws = sourced("[audit] storage_type", StorageType::Gp3);
        let elsewhere = sourced("--provider", Provider::Azure);
        let combined = Overrides { storage_type: of_aws, provider: elsewhere, ..Overrides::default() };
        assert_eq!(
            contradiction_of(combined),
            "[audit] storage_type is a volume type of Amazon RDS, but --provider names another provider"
        );
        let nothing = Overrides { allocated_bytes: sourced("--allocated", 0), ..Overrides::default() };
        assert_eq!(contradiction_of(nothing), "--allocated is 0: the volume size must be positive");
        assert_eq!(Overrides::default().contradiction(), None);
    }
}
