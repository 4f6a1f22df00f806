//! Snapshot files: `--from` and `--since`.

use super::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::facts::Snapshot;
use anyhow::Context as _;
use std::{
    fs::File,
    io::{Error, ErrorKind, Read},
    path::{Path, PathBuf},
};

/// The size of the part that is read to detect whether a file contains JSON, in bytes.
const PROBE_BYTES: u64 = 4 << 10;

impl Context {
    /// Returns the snapshots of `--since`, which must be earlier ones of the same server.
    pub fn load_earlier_snapshots(&self, now: &Snapshot) -> Result<Vec<Snapshot>, Failure> {
        let read = |path: &PathBuf| {
            let earlier = self.read_snapshot(path)?;
            match find_incompatibility(&earlier, now) {
                Some(why) => Err(Failure::new(ExitCode::Failed, format!("cannot use {}: {why}", path.display()))),
                None => Ok(earlier),
            }
        };
        self.global.reading.since.iter().map(read).collect()
    }

    /// Reads a snapshot file of at most `[limits] snapshot_size`.
    pub(super) fn read_snapshot(&self, path: &Path) -> Result<Snapshot, Failure> {
        let limit = self.read_limits()?.snapshot_bytes;
        let text = read_text(path, limit).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Snapshot::from_json(&text).with_context(|| format!("cannot use {}", path.display()))?)
    }
}

/// Reads a file that should contain a JSON object. Reads only the start of any other file.
fn read_text(path: &Path, limit: u64) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    file.by_ref().take(PROBE_BYTES).read_to_end(&mut bytes)?;
    if bytes.trim_ascii_start().first() == Some(&b'{') {
        file.take(limit.saturating_add(1).saturating_sub(bytes.len() as u64)).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > limit {
        let message = format!("it is larger than {limit} bytes, the snapshot_size in [limits] of the configuration");
        return Err(Error::new(ErrorKind::FileTooLarge, message));
    }
    String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::InvalidData, "stream did not contain valid UTF-8"))
}

/// Returns why a snapshot cannot serve as an earlier one of another; `None` if it can.
fn find_incompatibility(earlier: &Snapshot, now: &Snapshot) -> Option<String> {
    let cluster = |snapshot: &Snapshot| snapshot.control.known().map(|control| control.system_identifier.clone());
    let role = |snapshot: &Snapshot| if snapshot.server.in_recovery { "a standby" } else { "a primary" };
    match (cluster(earlier), cluster(now)) {
        (Some(theirs), Some(ours)) if theirs != ours => {
            return Some(format!("it is from another cluster (system identifier {theirs}, expected {ours})"));
        }
        (Some(_), Some(_)) => {}
        _ => {
            return Some(
                "a system identifier is missing, so it is unknown whether it is from the same cluster".to_owned(),
            );
        }
    }
    // A standby has its own slots.
    if earlier.server.in_recovery != now.server.in_recovery {
        return Some(format!(
            "it is from {}, but this server is {}; their slots are different",
            role(earlier),
            role(now)
        ));
    }
    (earlier.collected_at >= now.collected_at)
        .then(|| format!("it was collected at {}, not earlier than the other snapshot", earlier.collected_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshot_file_respects_size_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let write = |text: &str| std::fs::write(file.path(), text).unwrap();
        write(&format!("{{{}", " ".repeat(10_000)));
        let error = read_text(file.path(), 9_999).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        assert!(error.to_string().contains("snapshot_size"), "{error}");
        assert_eq!(read_text(file.path(), 10_001).unwrap().len(), 10_001);
        // Only the start of a file without a JSON object is read.
        assert_eq!(read_text(Path::new("/dev/zero"), 1 << 40).unwrap().len(), 4_096);
        write(&format!("[{}", " ".repeat(10_000)));
        assert_eq!(read_text(file.path(), 1 << 40).unwrap().len(), 4_096);
    }
}
