//! A cold copy of a cluster.

use std::fs;
use std::path::Path;

use super::error::IoContext;
use super::folder::Staging;
use super::template::{CLUSTER_FILES, copy_recursive};
use super::{Cluster, Result, StopMode};

impl Cluster {
    /// Saves a copy in `folder`, which must not exist, as the origin of other clusters
    /// ([`super::ClusterOptions::origin`]). The server is stopped for the copy and started again.
    pub fn save_copy(&mut self, folder: &Path) -> Result<()> {
        self.stop(StopMode::Fast)?;
        let saved = self.copy_to_folder(folder);
        self.start_server()?;
        saved
    }

    fn copy_to_folder(&self, folder: &Path) -> Result<()> {
        let staging = Staging::next_to(folder)?;
        let complete_copy = staging.path().join("kept");
        fs::create_dir(&complete_copy).while_doing(|| format!("create {}", complete_copy.display()))?;
        for part in CLUSTER_FILES {
            copy_recursive(&self.home.join(part), &complete_copy.join(part))?;
        }
        fs::rename(&complete_copy, folder).while_doing(|| format!("move it to {}", folder.display()))
    }
}
