//! The file system below the server, where pgtend runs on the server's own host.

use super::{cluster::DataDirectory, queries};
use crate::facts::{ControlFile, Disk, DiskSource, Fact, Server, Unavailable, Volume};
use crate::postgres::Session;
use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
};

/// Seconds between what the lock file and the server call its start.
const SAME_START_SECONDS: i64 = 60;

/// What the file system says, once the files there prove to be the ones the server runs on: a socket or a loopback
/// address may lead into a container or a tunnel, and the path be another server's here.
pub fn read_host_disk(
    session: &Session,
    server: &Server,
    control: Option<&ControlFile>,
    data_directory: Fact<DataDirectory>,
) -> Fact<Disk> {
    let unknown = |reason: String| {
        Fact::Unavailable(Unavailable::new("disk", reason).with_hint(Some("--disk-size, --disk-free")))
    };
    if !session.endpoint().is_local() {
        return unknown("the server runs elsewhere, and no server tells of its disk".to_owned());
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
                "the data directory here is not the server's: it runs in a container or elsewhere".to_owned(),
            );
        }
        Err(error) => return unknown(format!("whether this is the server's own host cannot be told: {error}")),
    }
    match volumes(&folder) {
        Ok((data, wal)) => Fact::Known(Disk { source: DiskSource::Host, data, wal }),
        Err(error) => unknown(format!("the file system does not answer: {error}")),
    }
}

/// Whether the server runs on the files in this folder: pg_control begins with the system identifier, and the third line
/// of postmaster.pid is when the server was started (PostgreSQL source, pg_control.h and pidfile.h).
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

/// The volume of the data directory, and that of pg_wal, when it is another.
fn volumes(folder: &Path) -> io::Result<(Volume, Option<Volume>)> {
    let wal = folder.join("pg_wal");
    let has_own_volume = fs::metadata(folder)?.dev() != fs::metadata(&wal)?.dev();
    Ok((volume(folder)?, if has_own_volume { Some(volume(&wal)?) } else { None }))
}

#[allow(clippy::useless_conversion, reason = "block counts are narrower elsewhere")]
fn volume(folder: &Path) -> io::Result<Volume> {
    let found = nix::sys::statvfs::statvfs(folder)?;
    let bytes = |blocks: u64| Some(blocks.saturating_mul(found.fragment_size()));
    Ok(Volume { size_bytes: bytes(found.blocks().into()), free_bytes: bytes(found.blocks_available().into()) })
}
