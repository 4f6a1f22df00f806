//! The filters that lists share.

use crate::app::error::{Failure, server_required};
use crate::collect::{BloatFilter, MAX_FULL_SCANS};
use crate::report::View;
use crate::units::parse_bytes;
use clap::Args;

/// The default length of a list in formats for people; JSON and CSV contain all elements.
const DEFAULT_LIST_LENGTH: usize = 50;

/// Which relations are shown. Global, so that the flags are accepted before and after `list`.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Filters (applied after evaluation)")]
pub struct RelationFilter {
    /// Show only schemas that match, e.g. 'shop_*'
    #[arg(long, global = true, value_name = "GLOB", value_parser = parse_pattern)]
    pub schema: Option<glob::Pattern>,
    /// Show only tables that match
    #[arg(long, global = true, value_name = "GLOB", value_parser = parse_pattern)]
    pub table: Option<glob::Pattern>,
    #[command(flatten)]
    pub size: SizeFilter,
}

/// Minimum size and list length.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Filters (applied after evaluation)")]
pub struct SizeFilter {
    /// Show only objects of at least this size, e.g. 10MB
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_bytes)]
    pub min_size: Option<u64>,
    #[command(flatten)]
    pub length: ListLength,
}

/// List length.
#[derive(Debug, Default, Args)]
pub struct ListLength {
    /// Show at most N rows, 0 for all [default: 50; all in JSON and CSV]
    #[arg(long, global = true, value_name = "N")]
    pub limit: Option<usize>,
}

/// Whether bloat is measured.
#[derive(Debug, Default, Args)]
pub struct BloatArgs {
    /// Measure bloat with the extension pgstattuple, which reads every page of the relations shown
    ///
    /// Reads at most the 100 largest relations, each for at most ten minutes. The lock conflicts only with DDL, but the
    /// reads cause disk I/O: run it on large tables outside peak hours. Requires CREATE EXTENSION pgstattuple in the
    /// database and membership in pg_stat_scan_tables.
    #[arg(long, global = true)]
    pub exact_bloat: bool,
}

impl BloatArgs {
    /// Returns the relations whose bloat is measured or estimated: those in the view.
    pub fn filter(&self, view: &View, reads_a_file: bool) -> Result<BloatFilter, Failure> {
        if self.exact_bloat && reads_a_file {
            return Err(server_required("--exact-bloat"));
        }
        let most = view.limit.unwrap_or(MAX_FULL_SCANS).min(MAX_FULL_SCANS);
        Ok(BloatFilter {
            schema: view.schema.clone(),
            table: view.table.clone(),
            min_size: view.min_size,
            full_scans: if self.exact_bloat { most } else { 0 },
        })
    }
}

impl RelationFilter {
    pub fn view(&self, for_people: bool) -> View {
        View { schema: self.schema.clone(), table: self.table.clone(), ..self.size.view(for_people) }
    }
}

impl SizeFilter {
    pub fn view(&self, for_people: bool) -> View {
        View { min_size: self.min_size.unwrap_or(0), ..self.length.view(for_people) }
    }
}

impl ListLength {
    pub fn view(&self, for_people: bool) -> View {
        let limit = match self.limit {
            Some(0) => None,
            Some(most) => Some(most),
            None => for_people.then_some(DEFAULT_LIST_LENGTH),
        };
        View { limit, ..View::default() }
    }
}

fn parse_pattern(text: &str) -> Result<glob::Pattern, String> {
    glob::Pattern::new(text).map_err(|error| format!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pattern_parser_never_panics(text: String) {
            let _ = parse_pattern(&text);
        }
    }
}
