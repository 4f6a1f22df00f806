//! The filters that lists share.

use crate::app::error::{Failure, server_required};
use crate::collect::{BloatScope, MAX_FULL_SCANS};
use crate::report::View;
use crate::units::parse_bytes;
use clap::Args;

/// How many elements people see unless they say otherwise; machines get all.
const DEFAULT_LIST_LENGTH: usize = 50;

/// Which relations are shown. Global, so that they may stand on either side of a `list`.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Filters (of what is shown)")]
pub struct RelationFilter {
    /// Only schemas that match, as in `shop_*`
    #[arg(long, global = true, value_name = "GLOB", value_parser = parse_pattern)]
    pub schema: Option<glob::Pattern>,
    /// Only tables that match
    #[arg(long, global = true, value_name = "GLOB", value_parser = parse_pattern)]
    pub table: Option<glob::Pattern>,
    #[command(flatten)]
    pub size: SizeFilter,
}

/// How large and how many.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Filters (of what is shown)")]
pub struct SizeFilter {
    /// Only what is at least so large, as in 10MB
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_bytes)]
    pub min_size: Option<u64>,
    #[command(flatten)]
    pub length: ListLength,
}

/// How many.
#[derive(Debug, Default, Args)]
pub struct ListLength {
    /// At most N; 0 for all [default: 50 for people, all in JSON and CSV]
    #[arg(long, global = true, value_name = "N")]
    pub limit: Option<usize>,
}

/// Whether bloat is measured.
#[derive(Debug, Default, Args)]
pub struct BloatArgs {
    /// Measure bloat with the extension pgstattuple: it reads every page of what is shown
    ///
    /// At most the 100 largest relations are read, ten minutes each at most. It takes no lock that anybody but DDL
    /// feels, but all of what it reads comes from the disk: on large tables think of the hour. Needs
    /// CREATE EXTENSION pgstattuple in the database and membership in pg_stat_scan_tables.
    #[arg(long, global = true)]
    pub exact_bloat: bool,
}

impl BloatArgs {
    /// Returns the relations whose bloat is estimated: those in the view.
    pub fn scope(&self, view: &View, reads_a_file: bool) -> Result<BloatScope, Failure> {
        if self.exact_bloat && reads_a_file {
            return Err(server_required("--exact-bloat"));
        }
        let most = view.limit.unwrap_or(MAX_FULL_SCANS).min(MAX_FULL_SCANS);
        Ok(BloatScope {
            schema: view.schema.clone(),
            table: view.table.clone(),
            min_size: view.min_size,
            full_scans: if self.exact_bloat { most } else { 0 },
            ..BloatScope::default()
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

/// A duration such as `10s`, `2min`, `1h`, or plain seconds.
pub fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || format!("{text:?} is not a duration; write 10s, 2min or 1h");
    let span: jiff::SignedDuration = match text.parse::<i64>() {
        Ok(seconds) => jiff::SignedDuration::from_secs(seconds),
        Err(_) => text.parse().map_err(|_| wrong())?,
    };
    std::time::Duration::try_from(span).map_err(|_| wrong())
}

/// An observation window: days and weeks as well, as in `95d` or `6w`.
pub fn parse_window(text: &str) -> Result<u64, String> {
    let days = |text: &str, each: u64| text.trim().parse::<u64>().ok().and_then(|count| count.checked_mul(each));
    let unit =
        [("days", 86_400), ("day", 86_400), ("d", 86_400), ("weeks", 604_800), ("week", 604_800), ("w", 604_800)];
    match unit.iter().find_map(|(unit, each)| days(text.strip_suffix(unit)?, *each)) {
        Some(seconds) => Ok(seconds),
        None => parse_duration(text)
            .map(|window| window.as_secs())
            .map_err(|_| format!("{text:?} is not a duration; write 95d, 6w, 12h or 0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn window_accepts_days_and_weeks() {
        assert_eq!(
            ["0", "95d", "95 days", "6w", "12h", "90"].map(|text| parse_window(text).unwrap()),
            [0, 95 * 86_400, 95 * 86_400, 6 * 604_800, 43_200, 90]
        );
        for wrong in ["", "d", "days", "-1d", "1.5d", "99999999999999999999d", "soon"] {
            assert!(parse_window(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn duration_parsers_never_panic(text: String, digits in "[-+.0-9eE]{1,40}( ?[a-z]{0,8})") {
            for text in [&text, &digits] {
                let _ = (parse_duration(text), parse_window(text), parse_pattern(text));
            }
        }
    }
}
