//! Snapshots out of files: that of `--from`, and the earlier ones of `--since`.

use super::Context;
use crate::{error::Failure, exit_code::ExitCode, model::Snapshot};
use anyhow::Context as _;
use std::path::{Path, PathBuf};

impl Context {
    /// The snapshots of `--since`: earlier looks at the same server.
    pub fn earlier(&self, now: &Snapshot) -> Result<Vec<Snapshot>, Failure> {
        let read = |path: &PathBuf| {
            let earlier = read_snapshot(path)?;
            match unfit(&earlier, now) {
                Some(why) => Err(Failure::new(ExitCode::Failed, format!("cannot use {}: {why}", path.display()))),
                None => Ok(earlier),
            }
        };
        self.global.reading.since.iter().map(read).collect()
    }
}

pub(super) fn read_snapshot(path: &Path) -> Result<Snapshot, Failure> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Snapshot::from_json(&text).with_context(|| format!("cannot use {} as a snapshot", path.display()))?)
}

/// Why a snapshot says nothing about the past of another.
fn unfit(earlier: &Snapshot, now: &Snapshot) -> Option<String> {
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
