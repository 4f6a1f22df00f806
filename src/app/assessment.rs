//! Evaluation of checks with the limits and silences of the configuration.

use super::Context;
use crate::app::error::Failure;
use crate::checks::summary::SummaryOptions;
use crate::checks::{Assessment, Check, Evidence, ReportName, assess};
use crate::config::Config;
use crate::facts::Snapshot;
use crate::facts::history::HistoryView;

/// Evaluates checks over a snapshot, with the limits of the configuration.
pub fn assess_snapshot(
    config: &Config,
    snapshot: &Snapshot,
    history: HistoryView,
    is_selected: impl Fn(&Check) -> bool,
    options: &SummaryOptions<'_>,
) -> Assessment {
    let evidence = Evidence::new(snapshot, history).with_limits(config.slot_limits(), config.index_limits());
    assess(&config.checks, &evidence, is_selected, options)
}

impl Context {
    /// Returns a snapshot and its history as evidence for checks, with the limits of the configuration.
    ///
    /// # Errors
    ///
    /// The configuration cannot be read.
    pub fn evidence<'a>(&self, snapshot: &'a Snapshot, history: HistoryView) -> Result<Evidence<'a>, Failure> {
        let config = self.config()?;
        Ok(Evidence::new(snapshot, history).with_limits(config.slot_limits(), config.index_limits()))
    }

    /// Evaluates the checks whose findings a report shows.
    ///
    /// # Errors
    ///
    /// The configuration cannot be read.
    pub fn assess(&self, evidence: &Evidence<'_>, report: ReportName) -> Result<Assessment, Failure> {
        let config = self.config()?;
        let options = SummaryOptions { silences: &config.silences, target: self.target(), ..SummaryOptions::default() };
        Ok(assess(&config.checks, evidence, |check| check.concerns(report), &options))
    }
}
