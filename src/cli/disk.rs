//! `--disk-size` and `--disk-free`: what no server tells of the disk that pg_wal lies on.

use crate::app::Context;
use crate::app::error::Failure;
use crate::facts::{Disk, DiskSource, Fact, FactGroup, FactGroups, Snapshot, Volume};
use crate::units::parse_bytes;

/// The groups of facts that say how much of a disk is in use. The sizes of databases are slow to read.
pub const DISK_USE: FactGroups = FactGroups::new(&[FactGroup::Databases, FactGroup::Storage]);

#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct DiskArgs {
    /// Size of the volume that pg_wal lies on, for forecasts [default: disk_size of the target, else the file system
    /// below a server on this host]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub disk_size: Option<u64>,
    /// What is free on it
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub disk_free: Option<u64>,
}

impl DiskArgs {
    /// Returns the groups of facts from which the free space is computed: [`DISK_USE`] where only the size of the disk
    /// is known, else none.
    pub fn facts(&self, context: &Context) -> Result<FactGroups, Failure> {
        let size = self.disk_size.or(context.target_disk_size()?);
        Ok(if size.is_some() && self.disk_free.is_none() { DISK_USE } else { FactGroups::NONE })
    }

    /// Puts what the user told above what the host tells.
    pub fn apply(&self, snapshot: &mut Snapshot, context: &Context) -> Result<(), Failure> {
        self.apply_with_configured_size(snapshot, context.target_disk_size()?);
        Ok(())
    }

    /// The same, where the configuration's word on the target is at hand.
    pub fn apply_with_configured_size(&self, snapshot: &mut Snapshot, configured: Option<u64>) {
        let disk = |source, size_bytes, free_bytes| {
            Fact::Known(Disk { source, data: Volume { size_bytes, free_bytes }, wal: None })
        };
        if self.disk_size.is_some() || self.disk_free.is_some() {
            snapshot.disk = disk(DiskSource::Flag, self.disk_size, self.disk_free);
        } else if let Some(size) = configured {
            // What the file system says is better than what once was written down.
            if snapshot.disk.known().is_none() {
                snapshot.disk = disk(DiskSource::Config, Some(size), None);
            }
        }
    }
}
