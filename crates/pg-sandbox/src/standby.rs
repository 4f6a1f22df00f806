//! A streaming standby.

use std::fs;

use super::account::list_folder;
use super::error::IoContext;
use super::options::{ClusterOptions, StandbyOptions};
use super::template::{CLUSTER_FILES, copy_recursive};
use super::{Cluster, Result, StopMode};

impl Cluster {
    /// Creates a standby that streams from this cluster, which is stopped for the copy and started again:
    /// its clients are disconnected. A cold copy needs neither SQL nor pg_basebackup, which the packages do
    /// not contain and which refuses newer servers.
    pub fn create_standby(&mut self, options: &StandbyOptions) -> Result<Self> {
        self.stop(StopMode::Fast)?;
        let copied = self.cold_copy(options);
        self.start_server()?;
        let mut standby = copied?;
        standby.start_on_free_port()?;
        Ok(standby)
    }

    fn cold_copy(&self, options: &StandbyOptions) -> Result<Self> {
        let standby = Self::prepare(&self.installation, self.standby_options(options))?;
        for part in CLUSTER_FILES {
            copy_recursive(&self.home.join(part), &standby.home.join(part))?;
        }
        // A standby has no slots of its primary; pg_basebackup does not copy them either.
        for slot in list_folder(&standby.data_directory().join("pg_replslot"))? {
            fs::remove_dir_all(&slot).while_doing(|| format!("remove {}", slot.display()))?;
        }
        standby.write_file("standby.signal", "")?;
        if let Some(account) = &standby.account {
            account.chown_recursive(&standby.home)?;
        }
        Ok(standby)
    }

    fn standby_options(&self, options: &StandbyOptions) -> ClusterOptions {
        let feedback = if options.hot_standby_feedback { "on" } else { "off" };
        let mut standby = self.options.clone();
        standby.settings.extend(options.settings.iter().cloned());
        standby =
            standby.with_setting("primary_conninfo", &self.conninfo()).with_setting("hot_standby_feedback", feedback);
        match &options.primary_slot_name {
            Some(slot) => standby.with_setting("primary_slot_name", slot),
            None => standby,
        }
    }
}
