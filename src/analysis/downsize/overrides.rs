//! What a user said the audit may take for given: by flags, for the target, for all audits.

use super::{Assumptions, MoveMethod, StorageType};
use crate::facts::Provider;

/// A value, and the flag or key that says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Sourced<T> {
    pub value: T,
    pub source: String,
}

/// Everything that may be said, each or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    pub allocated_bytes: Option<Sourced<u64>>,
    pub used_fs_bytes: Option<Sourced<u64>>,
    pub horizon_seconds: Option<Sourced<u64>>,
    pub outage_seconds: Option<Sourced<u64>>,
    pub margin_percent: Option<Sourced<u8>>,
    pub wal_bytes_per_hour: Option<Sourced<u64>>,
    pub growth_bytes_per_day: Option<Sourced<u64>>,
    pub provider: Option<Sourced<Provider>>,
    pub method: Option<Sourced<MoveMethod>>,
    pub multi_az: Option<Sourced<bool>>,
    pub storage_type: Option<Sourced<StorageType>>,
    pub price: Option<Sourced<f64>>,
}

impl Overrides {
    /// What this one says, and where it says nothing the other.
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

    /// Why it cannot all be true, naming who said so.
    pub fn contradiction(&self) -> Option<String> {
        if let (Some(used), Some(allocated)) = (&self.used_fs_bytes, &self.allocated_bytes)
            && used.value > allocated.value
        {
            return Some(format!(
                "{} is larger than {}: more cannot be used than there is",
                used.source, allocated.source
            ));
        }
        if let (Some(disk), Some(provider)) = (&self.storage_type, &self.provider)
            && disk.value != StorageType::Other
            && provider.value != Provider::Rds
        {
            return Some(format!(
                "{} names a volume of Amazon RDS, and {} somebody else",
                disk.source, provider.source
            ));
        }
        if let Some(allocated) = self.allocated_bytes.as_ref().filter(|sourced| sourced.value == 0) {
            return Some(format!("{} is 0: a volume has a size", allocated.source));
        }
        None
    }

    /// What is said, each with the flag or key that says so; times in seconds, sizes in bytes.
    pub fn sourced_values(&self) -> Vec<(&str, String)> {
        fn entry<T>(sourced: &Option<Sourced<T>>, format: impl Fn(&T) -> String) -> Option<(&str, String)> {
            sourced.as_ref().map(|it| (it.source.as_str(), format(&it.value)))
        }
        let number = |it: &u64| it.to_string();
        [
            entry(&self.allocated_bytes, number),
            entry(&self.used_fs_bytes, number),
            entry(&self.horizon_seconds, |it| format!("{it} s")),
            entry(&self.outage_seconds, |it| format!("{it} s")),
            entry(&self.margin_percent, |it| format!("{it} %")),
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

    /// With the usual where nothing is said; `recognised` is who the server seems to be run by.
    pub fn assumptions(&self, detected: Provider, target_bytes: Option<u64>) -> Assumptions {
        let defaults = Assumptions::default();
        let provider = value_of(&self.provider).unwrap_or(detected);
        let horizon_days = value_of(&self.horizon_seconds).map(|it| u32::try_from(it / 86_400).unwrap_or(u32::MAX));
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
            margin: value_of(&self.margin_percent).map_or(defaults.margin, |it| f64::from(it) / 100.0),
            wal_bytes_per_hour: value_of(&self.wal_bytes_per_hour),
            growth_bytes_per_day: value_of(&self.growth_bytes_per_day),
            target_bytes,
        }
    }
}

fn value_of<T: Copy>(said: &Option<Sourced<T>>) -> Option<T> {
    said.as_ref().map(|sourced| sourced.value)
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
            "--used-fs is larger than disk_size of target \"prod\": more cannot be used than there is"
        );
        let of_aws = sourced("[audit] storage_type", StorageType::Gp3);
        let elsewhere = sourced("--provider", Provider::Azure);
        let combined = Overrides { storage_type: of_aws, provider: elsewhere, ..Overrides::default() };
        assert!(
            contradiction_of(combined).starts_with("[audit] storage_type names a volume of Amazon RDS, and --provider")
        );
        let nothing = Overrides { allocated_bytes: sourced("--allocated", 0), ..Overrides::default() };
        assert_eq!(contradiction_of(nothing), "--allocated is 0: a volume has a size");
        assert_eq!(Overrides::default().contradiction(), None);
    }
}
