//! Snapshots out of files: that of `--from`, and the earlier ones of `--since`.

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

/// What is read to see whether a file holds JSON at all, in bytes.
const PROBE_BYTES: u64 = 4 << 10;

impl Context {
    /// The snapshots of `--since`: earlier looks at the same server.
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

    /// The snapshot in a file of at most `[limits] snapshot_size`.
    pub(super) fn read_snapshot(&self, path: &Path) -> Result<Snapshot, Failure> {
        let limit = self.read_limits()?.snapshot_bytes;
        let text = read_text(path, limit).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Snapshot::from_json(&text).with_context(|| format!("cannot use {} as a snapshot", path.display()))?)
    }
}

/// Reads a file that should hold a JSON object. Of anything else only the start is read, which is enough to refuse it.
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

/// Why a snapshot says nothing about the past of another.
fn find_incompatibility(earlier: &Snapshot, now: &Snapshot) -> Option<String> {
    let cluster = |snapshot: &Snapshot| snapshot.control.known().map(|control| control.system_identifier.clone());
    let role = |snapshot: &Snapshot| if snapshot.server.in_recovery { "a standby" } else { "a primary" };
    match (cluster(earlier), cluster(now)) {
        (Some(theirs), Some(ours)) if theirs != ours => {
            return Some(format!("it is of another cluster (system identifier {theirs}, here {ours})"));
        }
        (Some(_), Some(_)) => {}
        _ => return Some("nothing says that it is of the same cluster: a system identifier is missing".to_owned()),
    }
    // Slots are each server's own.
    if earlier.server.in_recovery != now.server.in_recovery {
        return Some(format!(
            "it was taken of {}, and this is {}: their slots are different ones",
            role(earlier),
            role(now)
        ));
    }
    (earlier.collected_at >= now.collected_at)
        .then(|| format!("it was taken at {}, no earlier than the look it should explain", earlier.collected_at))
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
        // Only the start of what is no object is read.
        assert_eq!(read_text(Path::new("/dev/zero"), 1 << 40).unwrap().len(), 4_096);
        write(&format!("[{}", " ".repeat(10_000)));
        assert_eq!(read_text(file.path(), 1 << 40).unwrap().len(), 4_096);
    }
}
