//! Chooses the columns that fit the width, and their widths.

use crate::render::{Align, Column};
use std::collections::HashMap;
use unicode_width::UnicodeWidthStr;

/// Names are not shortened below this number of columns.
const MIN_NAME_WIDTH: usize = 16;
/// Excerpts are not shortened below this number of columns while optional columns are shown.
const MIN_EXCERPT_WIDTH: usize = 32;
/// Text is not wrapped into narrower columns.
const MIN_TEXT_WIDTH: usize = 14;
/// Text is wrapped into columns of this width before names move to lines of their own.
const READABLE_TEXT_WIDTH: usize = 30;
pub(super) const BETWEEN_COLUMNS: usize = 2;
/// Of so many rows, one may have its name on a line of its own in favour of an optional column.
const ROWS_PER_OUTLIER: usize = 10;

/// How the text of a column may be made narrower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    /// The first column of names: a name that does not fit gets a line of its own.
    Label,
    /// Other names: shortened when nothing else helps, and different ones stay different.
    Name,
    /// Text whose middle may be left out.
    Excerpt,
    /// Text that may wrap.
    Text,
    /// Neither.
    Fixed,
}

impl ColumnKind {
    /// Returns the kind of a column without names.
    pub fn without_names(column: &Column) -> ColumnKind {
        if column.align == Align::Left && !column.is_picture { ColumnKind::Text } else { ColumnKind::Fixed }
    }
}

/// A column of a table and its texts, one per row.
pub(super) struct ColumnTexts<'a> {
    pub column: &'a Column,
    pub kind: ColumnKind,
    pub texts: Vec<&'a str>,
}

impl ColumnTexts<'_> {
    fn title_width(&self) -> usize {
        self.column.title.width()
    }

    fn full_width(&self) -> usize {
        self.texts.iter().map(|text| text.width()).max().unwrap_or(0).max(self.title_width())
    }

    /// Returns the width for all names except a few very long ones.
    fn common_width(&self) -> usize {
        let mut widths: Vec<usize> = self.texts.iter().map(|text| text.width()).collect();
        widths.sort_unstable();
        let outliers = widths.len() / ROWS_PER_OUTLIER;
        let common = widths.len().checked_sub(outliers + 1).map_or(0, |position| widths[position]);
        common.max(self.title_width())
    }

    /// Returns the width of the names that fit into `limit`.
    fn width_of_fitting(&self, limit: usize) -> usize {
        let fitting = self.texts.iter().map(|text| text.width()).filter(|width| *width <= limit);
        fitting.max().unwrap_or(0).max(self.title_width())
    }

    /// Returns whether different names are still different when shortened.
    fn stay_unique(&self, width: usize) -> bool {
        let mut full_of: HashMap<String, &str> = HashMap::new();
        self.texts.iter().all(|text| *full_of.entry(shorten(text, width)).or_insert(text) == *text)
    }

    /// Returns the smallest width at which different names stay different.
    fn least_unique_width(&self) -> usize {
        (MIN_NAME_WIDTH..self.full_width()).find(|width| self.stay_unique(*width)).unwrap_or(self.full_width())
    }
}

/// Columns that are shown, and the maximum width of each of the table's columns.
pub(super) struct ColumnFit {
    pub shown: Vec<usize>,
    pub limits: Vec<usize>,
}

/// Fits the columns `present` into the width. An optional column never makes a name shorter, and moves it to a line of
/// its own only if few names are so long.
pub(super) fn fit_columns(columns: &[ColumnTexts<'_>], present: Vec<usize>, width: usize) -> ColumnFit {
    let widths: Vec<usize> = columns.iter().map(ColumnTexts::full_width).collect();
    let label = present.iter().copied().find(|c| columns[*c].kind == ColumnKind::Label);
    let mut shown = present.clone();
    let mut limits = widths.clone();
    loop {
        limits.copy_from_slice(&widths);
        if let Some(label) = label {
            limits[label] = columns[label].common_width();
        }
        shrink_columns(columns, &shown, &mut limits, width, |c| {
            (columns[c].kind == ColumnKind::Excerpt).then_some(MIN_EXCERPT_WIDTH)
        });
        let total = total_width(&shown, &limits);
        if total <= width {
            if let Some(label) = label {
                limits[label] = widths[label].min(limits[label] + width - total);
            }
            return ColumnFit { shown, limits };
        }
        let optional = shown.iter().copied().filter(|c| columns[*c].column.rank > 0);
        match optional.max_by_key(|c| (columns[*c].column.rank, *c)) {
            Some(c) => shown.retain(|k| *k != c),
            None => break,
        }
    }
    narrow_required_columns(columns, &shown, &mut limits, label, width);
    // Names on lines of their own may leave room.
    let mut hidden: Vec<usize> = present.iter().copied().filter(|c| !shown.contains(c)).collect();
    hidden.sort_by_key(|c| (columns[*c].column.rank, *c));
    for c in hidden {
        let with_column: Vec<usize> = present.iter().copied().filter(|k| *k == c || shown.contains(k)).collect();
        if total_width(&with_column, &limits) > width {
            break;
        }
        shown = with_column;
    }
    ColumnFit { shown, limits }
}

/// Narrows the columns when no column can be left out any more: text wraps, then names get lines of their own, then
/// other names are shortened.
fn narrow_required_columns(
    columns: &[ColumnTexts<'_>],
    shown: &[usize],
    limits: &mut [usize],
    label: Option<usize>,
    width: usize,
) {
    let is_text = |c: usize| columns[c].kind == ColumnKind::Text;
    shrink_columns(columns, shown, limits, width, |c| is_text(c).then_some(READABLE_TEXT_WIDTH));
    if let Some(label) = label {
        let excess = total_width(shown, limits).saturating_sub(width);
        let least = MIN_NAME_WIDTH.max(columns[label].title_width());
        let limit = limits[label].saturating_sub(excess).max(least.min(limits[label]));
        limits[label] = if excess == 0 { limits[label] } else { columns[label].width_of_fitting(limit) };
    }
    let least_widths: Vec<Option<usize>> = columns
        .iter()
        .map(|column| match column.kind {
            ColumnKind::Name if total_width(shown, limits) > width => Some(column.least_unique_width()),
            ColumnKind::Excerpt => Some(MIN_NAME_WIDTH),
            _ => None,
        })
        .collect();
    shrink_columns(columns, shown, limits, width, |c| least_widths[c]);
    for c in shown.iter().copied().filter(|c| columns[*c].kind == ColumnKind::Name) {
        if let Some(least) = least_widths[c]
            && limits[c] < columns[c].full_width()
        {
            limits[c] = (least..=limits[c]).rev().find(|width| columns[c].stay_unique(*width)).unwrap_or(least);
        }
    }
    shrink_columns(columns, shown, limits, width, |c| is_text(c).then_some(MIN_TEXT_WIDTH));
}

/// Narrows the widest columns, down to their minimum widths, until all of them fit.
fn shrink_columns(
    columns: &[ColumnTexts<'_>],
    shown: &[usize],
    limits: &mut [usize],
    width: usize,
    least: impl Fn(usize) -> Option<usize>,
) {
    let floor = |c: usize| least(c).map(|least| least.max(columns[c].title_width()));
    while total_width(shown, limits) > width {
        let wide = shown.iter().copied().filter(|c| floor(*c).is_some_and(|floor| limits[*c] > floor));
        match wide.max_by_key(|c| limits[*c]) {
            Some(c) => limits[c] -= 1,
            None => break,
        }
    }
}

fn total_width(shown: &[usize], limits: &[usize]) -> usize {
    shown.iter().map(|c| limits[*c]).sum::<usize>() + BETWEEN_COLUMNS * shown.len().saturating_sub(1)
}

/// Leaves out the middle of a text, since names differ at both ends.
pub(super) fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let available = width.saturating_sub(1);
    let take = |chars: &mut dyn Iterator<Item = char>, room: usize| {
        let mut used = 0;
        let mut taken = Vec::new();
        for c in chars {
            used += c.to_string().width();
            if used > room {
                break;
            }
            taken.push(c);
        }
        taken
    };
    let head: String = take(&mut text.chars(), available - available / 2).into_iter().collect();
    let tail: String = take(&mut text.chars().rev(), available / 2).into_iter().rev().collect();
    format!("{head}…{tail}")
}
