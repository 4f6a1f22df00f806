//! The volumes of the data directory and of pg_wal.

use super::{Fact, Snapshot, Unavailable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Source of the sizes of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskSource {
    /// `--disk-size`, `--disk-free`.
    Flag,
    /// `[target.NAME] disk_size`.
    Config,
    /// The file system: pgtend runs on the host of the server.
    Host,
}

/// A volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Volume {
    /// Size in bytes; `None` if unknown.
    pub size_bytes: Option<u64>,
    /// Bytes that unprivileged users can still write; `None` if unknown.
    pub free_bytes: Option<u64>,
}

/// The volumes of the data directory and of pg_wal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Disk {
    /// Source of the sizes.
    pub source: DiskSource,
    /// The volume of the data directory.
    pub data: Volume,
    /// The volume of pg_wal; `None` if it is on the volume of the data directory.
    pub wal: Option<Volume>,
}

/// The disk space that WAL can grow into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalHeadroom {
    /// Source of the sizes.
    pub source: DiskSource,
    /// Size of the volume in bytes; `None` if unknown.
    pub size_bytes: Option<u64>,
    /// Free bytes that WAL can grow into.
    pub free_bytes: u64,
    /// Whether `free_bytes` is the size of the volume minus the known files, so that other files may reduce it.
    pub is_upper_bound: bool,
    /// Whether pg_wal has its own volume.
    pub wal_on_own_volume: bool,
}

impl Snapshot {
    /// Returns the headroom of WAL; `None` when the disk size is unknown.
    pub fn wal_headroom(&self) -> Option<Result<WalHeadroom, Unavailable>> {
        let disk = self.disk.known()?;
        let wal_on_own_volume = disk.wal.is_some();
        let volume = disk.wal.unwrap_or(disk.data);
        let headroom = |free_bytes, is_upper_bound| WalHeadroom {
            source: disk.source,
            size_bytes: volume.size_bytes,
            free_bytes,
            is_upper_bound,
            wal_on_own_volume,
        };
        match (volume.free_bytes, volume.size_bytes) {
            (Some(free), _) => Some(Ok(headroom(free, false))),
            (None, Some(size)) => Some(match self.used_bytes(wal_on_own_volume) {
                Ok(used) => Ok(headroom(size.saturating_sub(used), true)),
                Err(why) => Err(why.for_fact("free space")),
            }),
            (None, None) => None,
        }
    }

    /// Returns the known bytes on the volume of pg_wal: a lower bound, because there may be other files.
    fn used_bytes(&self, wal_on_own_volume: bool) -> Result<u64, Unavailable> {
        let wal = self.wal_directory.as_result().map_err(Clone::clone)?.directory_bytes;
        if wal_on_own_volume {
            return Ok(wal);
        }
        let databases = self.databases.as_result().map_err(Clone::clone)?;
        let databases: Option<u64> = databases.iter().map(|database| database.bytes).sum();
        let databases = databases.ok_or_else(|| {
            Unavailable::new("database sizes", "the size of a database is hidden from this role")
                .with_hint(Some(crate::quote::grant("pg_read_all_stats", &self.server.role)))
        })?;
        let files = |fact: &Fact<super::Files>| fact.known().map_or(0, |files| files.bytes);
        let logs = self.log_files.known().copied().flatten().map_or(0, |files| files.bytes);
        Ok(wal + databases + files(&self.temporary_files) + files(&self.slot_spill) + logs)
    }
}
