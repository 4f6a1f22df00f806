//! `--disk-size` and `--disk-free`: the volume of pg_wal, which SQL cannot read.

use crate::app::Context;
use crate::app::error::Failure;
use crate::facts::{Disk, DiskSource, Fact, FactGroup, FactGroups, Snapshot, Volume};
use crate::units::parse_bytes;

/// The groups of facts from which the used space of a disk is computed. The sizes of databases are slow to read.
pub const DISK_USE: FactGroups = FactGroups::new(&[FactGroup::Databases, FactGroup::Storage]);

#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct DiskArgs {
    /// Size of the volume of pg_wal, for forecasts [default: disk_size of the target, else the file system if the server
    /// runs on this host]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub disk_size: Option<u64>,
    /// Free space on the volume of pg_wal
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

    /// Sets the disk of a snapshot: the flags override the host's file system, which overrides the configuration.
    pub fn apply(&self, snapshot: &mut Snapshot, context: &Context) -> Result<(), Failure> {
        self.apply_with_configured_size(snapshot, context.target_disk_size()?);
        Ok(())
    }

    /// The same, with the target's configured disk size.
    pub fn apply_with_configured_size(&self, snapshot: &mut Snapshot, configured: Option<u64>) {
        let disk = |source, size_bytes, free_bytes| {
            Fact::Known(Disk { source, data: Volume { size_bytes, free_bytes }, wal: None })
        };
        if self.disk_size.is_some() || self.disk_free.is_some() {
            snapshot.disk = disk(DiskSource::Flag, self.disk_size, self.disk_free);
        } else if let Some(size) = configured {
            // The file system is more current than a configured value.
            if snapshot.disk.known().is_none() {
                snapshot.disk = disk(DiskSource::Config, Some(size), None);
            }
        }
    }
}
