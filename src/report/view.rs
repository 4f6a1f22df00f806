//! Filters of a list, applied after everything is computed.

use glob::Pattern;

/// Filters of a list.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Pattern of schemas; `None` for all.
    pub schema: Option<Pattern>,
    /// Pattern of tables; `None` for all.
    pub table: Option<Pattern>,
    /// Size in bytes below which elements are not shown.
    pub min_size: u64,
    /// Whether only indexes to drop, to review or to rebuild are shown, and others counted.
    pub only_candidates: bool,
    /// Maximum number of elements; `None` without a limit.
    pub limit: Option<usize>,
}

impl View {
    /// Returns whether a relation of this schema and table is shown.
    pub fn matches(&self, schema: &str, table: &str) -> bool {
        self.schema.as_ref().is_none_or(|glob| glob.matches(schema))
            && self.table.as_ref().is_none_or(|glob| glob.matches(table))
    }

    /// Cuts a sorted list to the limit. Returns how many elements were left out.
    pub fn cut<T>(&self, elements: &mut Vec<T>) -> usize {
        let total = elements.len();
        elements.truncate(self.limit.unwrap_or(total));
        total - elements.len()
    }
}
