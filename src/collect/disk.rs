//! The file system of the server, if pgtend runs on the same host.

use super::{cluster::DataDirectory, queries};
use crate::facts::{ControlFile, Disk, DiskSource, Fact, Server, Unavailable, Volume};
use crate::postgres::Session;
use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
};

/// Maximum difference in seconds between the start times in the lock file and of the server.
const SAME_START_SECONDS: i64 = 60;

/// Reads the file system of the data directory. First, it verifies that the directory is the server's: a socket or a
/// loopback address may lead to a container or through a tunnel, and the path may be another server's on this host.
pub fn read_host_disk(
    session: &Session,
    server: &Server,
    control: Option<&ControlFile>,
    data_directory: Fact<DataDirectory>,
) -> Fact<Disk> {
    let unknown = |reason: String| {
        Fact::Unavailable(Unavailable::new("disk", reason).with_hint(Some("pass --disk-size or --disk-free")))
    };
    if !session.endpoint().is_local() {
        return unknown("the server runs on another host, and PostgreSQL does not report the disk size".to_owned());
    }
    let folder = match data_directory {
        Fact::Known(found) => found.data_directory,
        Fact::Unavailable(why) if why.fact == queries::DATA_DIRECTORY.fact => return unknown(why.reason),
        Fact::Unavailable(why) => return Fact::Unavailable(why.for_fact("disk")),
    };
    match is_data_directory_of(&folder, server, control) {
        Ok(true) => {}
        Ok(false) => {
            return unknown(
                "the data directory on this host is not the server's: it may run in a container".to_owned(),
            );
        }
        Err(error) => return unknown(format!("cannot determine whether the server runs on this host: {error}")),
    }
    match volumes(&folder) {
        Ok((data, wal)) => Fact::Known(Disk { source: DiskSource::Host, data, wal }),
        Err(error) => unknown(format!("cannot read the file system: {error}")),
    }
}

/// Returns whether the folder is the server's data directory: pg_control starts with the system identifier, and the third
/// line of postmaster.pid is the start time (PostgreSQL source, pg_control.h and pidfile.h).
fn is_data_directory_of(folder: &Path, server: &Server, control: Option<&ControlFile>) -> io::Result<bool> {
    let Some(control) = control else { return Ok(false) };
    if !folder.is_dir() {
        return Ok(false);
    }
    let mut identifier = [0; 8];
    File::open(folder.join("global/pg_control"))?.read_exact(&mut identifier)?;
    let lock = fs::read_to_string(folder.join("postmaster.pid"))?;
    let started = lock.lines().nth(2).and_then(|line| line.trim().parse::<i64>().ok());
    let same_start = started
        .is_some_and(|second| (server.started_at.as_second().saturating_sub(second)).abs() <= SAME_START_SECONDS);
    Ok(same_start && u64::from_ne_bytes(identifier).to_string() == control.system_identifier)
}

/// Returns the volume of the data directory, and that of pg_wal if it is a different one.
fn volumes(folder: &Path) -> io::Result<(Volume, Option<Volume>)> {
    let wal = folder.join("pg_wal");
    let has_own_volume = fs::metadata(folder)?.dev() != fs::metadata(&wal)?.dev();
    Ok((volume(folder)?, if has_own_volume { Some(volume(&wal)?) } else { None }))
}

#[allow(clippy::useless_conversion, reason = "block counts are narrower on other platforms")]
fn volume(folder: &Path) -> io::Result<Volume> {
    let found = nix::sys::statvfs::statvfs(folder)?;
    let bytes = |blocks: u64| Some(blocks.saturating_mul(found.fragment_size()));
    Ok(Volume { size_bytes: bytes(found.blocks().into()), free_bytes: bytes(found.blocks_available().into()) })
}
