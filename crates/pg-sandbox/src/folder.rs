//! Private folders with unique names.

use std::collections::hash_map::RandomState;
use std::fs::{self, DirBuilder};
use std::hash::{BuildHasher, Hasher};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Result;
use super::error::IoContext;

/// Creates the folder `parent/prefix-XXXXXXXX`, which only its owner can enter.
pub(super) fn create_private_folder(parent: &Path, prefix: &str) -> Result<PathBuf> {
    loop {
        let path = parent.join(format!("{prefix}-{:08x}", random() as u32));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(taken) if taken.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).while_doing(|| format!("create a folder in {}", parent.display())),
        }
    }
}

/// Returns a random number. The keys of hash maps are the standard library's only source of randomness.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A folder in which content is prepared before it is moved to its final place; removed on drop.
#[derive(Debug)]
pub(super) struct Staging(PathBuf);

/// Longer than any download: an older folder belongs to a process that was killed.
const ABANDONED_AFTER: Duration = Duration::from_secs(3600);

impl Staging {
    /// Creates the folder on the same file system as `target`, so that its content can be renamed to it.
    pub(super) fn next_to(target: &Path) -> Result<Self> {
        let parent = target.parent().unwrap_or(Path::new("/"));
        remove_abandoned(parent);
        create_private_folder(parent, ".staging").map(Self)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // An error is ignored; `remove_abandoned` tries again later.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn remove_abandoned(parent: &Path) {
    let is_abandoned = |path: &Path| {
        let modified = fs::metadata(path).and_then(|about| about.modified());
        modified.is_ok_and(|then| SystemTime::now().duration_since(then).is_ok_and(|age| age > ABANDONED_AFTER))
    };
    let is_staging = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".staging-"));
    for path in super::account::list_folder(parent).unwrap_or_default() {
        if is_staging(&path) && is_abandoned(&path) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}
