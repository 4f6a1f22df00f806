//! A cold copy of a cluster that was costly to fill.

use std::fs;
use std::path::Path;

use super::error::Doing;
use super::folder::Staging;
use super::template::{PARTS, copy};
use super::{Cluster, Result, StopMode};

impl Cluster {
    /// Keeps a copy in `folder`, which must not exist yet, for later clusters to start from
    /// ([`super::ClusterOptions::origin`]). The server is stopped for it and started again.
    pub fn keep_in(&mut self, folder: &Path) -> Result<()> {
        self.stop(StopMode::Fast)?;
        let kept = self.copy_beside(folder);
        self.start_again()?;
        kept
    }

    fn copy_beside(&self, folder: &Path) -> Result<()> {
        let staging = Staging::beside(folder)?;
        let whole = staging.path().join("kept");
        fs::create_dir(&whole).doing(|| format!("make {}", whole.display()))?;
        for part in PARTS {
            copy(&self.home.join(part), &whole.join(part))?;
        }
        fs::rename(&whole, folder).doing(|| format!("move it to {}", folder.display()))
    }
}
