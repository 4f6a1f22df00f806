//! What a user said the audit may take for given: by flags, for the target, for all audits.

use super::{Assumptions, Disk, Way};
use crate::model::Provider;

/// A value, and the flag or key that says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Said<T> {
    pub value: T,
    pub by: String,
}

/// Everything that may be said, each or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    pub allocated_bytes: Option<Said<u64>>,
    pub used_fs_bytes: Option<Said<u64>>,
    pub horizon_seconds: Option<Said<u64>>,
    pub outage_seconds: Option<Said<u64>>,
    pub margin_percent: Option<Said<u8>>,
    pub wal_bytes_per_hour: Option<Said<u64>>,
    pub growth_bytes_per_day: Option<Said<u64>>,
    pub provider: Option<Said<Provider>>,
    pub way: Option<Said<Way>>,
    pub multi_az: Option<Said<bool>>,
    pub storage_type: Option<Said<Disk>>,
    pub price: Option<Said<f64>>,
}

impl Given {
    /// What this one says, and where it says nothing the other.
    #[must_use]
    pub fn or(self, other: Given) -> Given {
        Given {
            allocated_bytes: self.allocated_bytes.or(other.allocated_bytes),
            used_fs_bytes: self.used_fs_bytes.or(other.used_fs_bytes),
            horizon_seconds: self.horizon_seconds.or(other.horizon_seconds),
            outage_seconds: self.outage_seconds.or(other.outage_seconds),
            margin_percent: self.margin_percent.or(other.margin_percent),
            wal_bytes_per_hour: self.wal_bytes_per_hour.or(other.wal_bytes_per_hour),
            growth_bytes_per_day: self.growth_bytes_per_day.or(other.growth_bytes_per_day),
            provider: self.provider.or(other.provider),
            way: self.way.or(other.way),
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
            return Some(format!("{} is larger than {}: more cannot be used than there is", used.by, allocated.by));
        }
        if let (Some(disk), Some(provider)) = (&self.storage_type, &self.provider)
            && disk.value != Disk::Other
            && provider.value != Provider::Rds
        {
            return Some(format!("{} names a volume of Amazon RDS, and {} somebody else", disk.by, provider.by));
        }
        if let Some(allocated) = self.allocated_bytes.as_ref().filter(|it| it.value == 0) {
            return Some(format!("{} is 0: a volume has a size", allocated.by));
        }
        None
    }

    /// What is said, each with the flag or key that says so; times in seconds, sizes in bytes.
    pub fn told(&self) -> Vec<(&str, String)> {
        fn one<T>(said: &Option<Said<T>>, tell: impl Fn(&T) -> String) -> Option<(&str, String)> {
            said.as_ref().map(|it| (it.by.as_str(), tell(&it.value)))
        }
        let number = |it: &u64| it.to_string();
        [
            one(&self.allocated_bytes, number),
            one(&self.used_fs_bytes, number),
            one(&self.horizon_seconds, |it| format!("{it} s")),
            one(&self.outage_seconds, |it| format!("{it} s")),
            one(&self.margin_percent, |it| format!("{it} %")),
            one(&self.wal_bytes_per_hour, number),
            one(&self.growth_bytes_per_day, number),
            one(&self.provider, |it| it.name().to_owned()),
            one(&self.way, |it| it.id().to_owned()),
            one(&self.multi_az, bool::to_string),
            one(&self.storage_type, |it| it.name().to_owned()),
            one(&self.price, f64::to_string),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// With the usual where nothing is said; `recognised` is who the server seems to be run by.
    pub fn assumptions(&self, recognised: Provider, target_bytes: Option<u64>) -> Assumptions {
        let usual = Assumptions::default();
        let provider = said(&self.provider).unwrap_or(recognised);
        let horizon_days = said(&self.horizon_seconds).map(|it| u32::try_from(it / 86_400).unwrap_or(u32::MAX));
        Assumptions {
            provider,
            way: said(&self.way).unwrap_or_else(|| Way::usual_for(provider)),
            allocated_bytes: said(&self.allocated_bytes),
            used_fs_bytes: said(&self.used_fs_bytes),
            storage_type: said(&self.storage_type),
            multi_az: said(&self.multi_az).unwrap_or(usual.multi_az),
            price: said(&self.price),
            horizon_days: horizon_days.unwrap_or(usual.horizon_days),
            outage_seconds: said(&self.outage_seconds).unwrap_or(usual.outage_seconds),
            margin: said(&self.margin_percent).map_or(usual.margin, |it| f64::from(it) / 100.0),
            wal_bytes_per_hour: said(&self.wal_bytes_per_hour),
            growth_bytes_per_day: said(&self.growth_bytes_per_day),
            target_bytes,
        }
    }
}

fn said<T: Copy>(said: &Option<Said<T>>) -> Option<T> {
    said.as_ref().map(|it| it.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by<T>(by: &str, value: T) -> Option<Said<T>> {
        Some(Said { value, by: by.into() })
    }

    #[test]
    fn the_nearest_word_counts() {
        let flags = Given { price: by("--price", 0.2), ..Given::default() };
        let file =
            Given { price: by("[audit] price", 0.1), margin_percent: by("[audit] margin", 30), ..Given::default() };
        let both = flags.or(file).assumptions(Provider::Rds, None);
        assert_eq!((both.price, both.margin, both.way), (Some(0.2), 0.3, Way::BlueGreen));
    }

    #[test]
    fn contradictions_name_both_who_said_so() {
        let told = |given: Given| given.contradiction().unwrap_or_default();
        let used_fs_bytes = by("--used-fs", 3);
        let sizes = Given { used_fs_bytes, allocated_bytes: by("disk_size of target \"prod\"", 2), ..Given::default() };
        assert_eq!(
            told(sizes),
            "--used-fs is larger than disk_size of target \"prod\": more cannot be used than there is"
        );
        let of_aws = by("[audit] storage_type", Disk::Gp3);
        let elsewhere = by("--provider", Provider::Azure);
        let both = Given { storage_type: of_aws, provider: elsewhere, ..Given::default() };
        assert!(told(both).starts_with("[audit] storage_type names a volume of Amazon RDS, and --provider"));
        let nothing = Given { allocated_bytes: by("--allocated", 0), ..Given::default() };
        assert_eq!(told(nothing), "--allocated is 0: a volume has a size");
        assert_eq!(Given::default().contradiction(), None);
    }
}
