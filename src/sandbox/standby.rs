//! A streaming standby.

use std::fs;

use super::account::entries;
use super::error::Doing;
use super::options::{ClusterOptions, StandbyOptions};
use super::template::{PARTS, copy};
use super::{Cluster, Result, StopMode};

impl Cluster {
    /// Makes a standby that streams from this cluster, which is stopped for the copy and started again:
    /// its clients are disconnected. A cold copy needs neither SQL nor pg_basebackup (the packages have
    /// none, and an older one refuses newer servers) and is right by construction.
    pub fn standby(&mut self, options: &StandbyOptions) -> Result<Self> {
        self.stop(StopMode::Fast)?;
        let copied = self.cold_copy(options);
        self.start_again()?;
        let mut standby = copied?;
        standby.launch()?;
        Ok(standby)
    }

    fn cold_copy(&self, options: &StandbyOptions) -> Result<Self> {
        let standby = Self::prepare(&self.installation, self.standby_options(options))?;
        for part in PARTS {
            copy(&self.home.join(part), &standby.home.join(part))?;
        }
        // Slots belong to the primary; pg_basebackup leaves them behind, too.
        for slot in entries(&standby.data_directory().join("pg_replslot"))? {
            fs::remove_dir_all(&slot).doing(|| format!("remove {}", slot.display()))?;
        }
        standby.write_file("standby.signal", "")?;
        if let Some(account) = &standby.account {
            account.takes_over(&standby.home)?;
        }
        Ok(standby)
    }

    fn standby_options(&self, options: &StandbyOptions) -> ClusterOptions {
        let feedback = if options.hot_standby_feedback { "on" } else { "off" };
        let mut standby = self.options.clone();
        standby.settings.extend(options.settings.iter().cloned());
        standby = standby.set("primary_conninfo", &self.conninfo()).set("hot_standby_feedback", feedback);
        match &options.primary_slot_name {
            Some(slot) => standby.set("primary_slot_name", slot),
            None => standby,
        }
    }
}
