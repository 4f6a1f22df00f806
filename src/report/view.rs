//! Which part of a report is shown: filters, applied after everything is computed.

use glob::Pattern;

/// The filters of a list.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub schema: Option<Pattern>,
    pub table: Option<Pattern>,
    /// Bytes; smaller elements are not shown.
    pub min_size: u64,
    /// At most so many elements.
    pub limit: Option<usize>,
}

impl View {
    /// Whether a relation of that schema and table is shown.
    pub fn matches(&self, schema: &str, table: &str) -> bool {
        self.schema.as_ref().is_none_or(|glob| glob.matches(schema))
            && self.table.as_ref().is_none_or(|glob| glob.matches(table))
    }

    /// Cuts a sorted list to the limit; answers how many were left out.
    pub fn cut<T>(&self, elements: &mut Vec<T>) -> usize {
        let total = elements.len();
        elements.truncate(self.limit.unwrap_or(total));
        total - elements.len()
    }
}
