//! Charts as data. Every format that draws a chart also has its figures as a table.

/// A rectangle of a treemap. Its children fill it.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Label.
    pub name: String,
    /// Size in bytes, which is the area.
    pub bytes: u64,
    /// Bytes of it that a rewrite would release, drawn hatched.
    pub bloat_bytes: u64,
    /// Type of the object, which decides the colour.
    pub kind: NodeKind,
    /// Parts; empty for a leaf.
    pub children: Vec<Node>,
}

/// Type of an object in a treemap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A database.
    Database,
    /// A table with its indexes and TOAST.
    Table,
    /// The heap of a table.
    Heap,
    /// Indexes.
    Index,
    /// A TOAST relation.
    Toast,
    /// Anything else, such as catalogs.
    Other,
}

impl NodeKind {
    /// Returns the label in figures and legends.
    pub fn name(self) -> &'static str {
        match self {
            NodeKind::Database => "database",
            NodeKind::Table => "table",
            NodeKind::Heap => "heap",
            NodeKind::Index => "index",
            NodeKind::Toast => "TOAST",
            NodeKind::Other => "other",
        }
    }
}

/// One bar of a waterfall chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Label.
    pub name: String,
    /// How it continues the chart.
    pub kind: StepKind,
    /// Size in bytes; not negative.
    pub bytes: u64,
}

/// How a bar continues a waterfall chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// A sum, which starts at zero.
    Total,
    /// A decrease from the previous level.
    Less,
    /// An increase from the previous level.
    More,
}

/// One part of a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Label.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Whether it is highlighted.
    pub marked: bool,
}

/// A size at a point in time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChartPoint {
    /// Seconds since 1970.
    pub second: f64,
    /// Size in bytes.
    pub bytes: f64,
}

/// A size over time, with its forecast.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Label.
    pub name: String,
    /// Measured sizes, the oldest first.
    pub points: Vec<ChartPoint>,
    /// Forecast from the last point on: lower bound, expected value and upper bound; `None` without one.
    pub forecast: Option<[ChartPoint; 3]>,
}

/// A chart by its type.
#[derive(Clone, Debug, PartialEq)]
pub enum Picture {
    /// Sizes within sizes.
    Treemap(Vec<Node>),
    /// Steps from one sum to another.
    Waterfall(Vec<Step>),
    /// Parts of a whole.
    Shares(Vec<Share>),
    /// Sizes over time.
    Growth(Vec<Series>),
}

/// A chart with title and description.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Title.
    pub title: String,
    /// A sentence that says what it shows.
    pub about: String,
    /// The chart.
    pub picture: Picture,
}

const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws the values, the oldest first, in at most `width` characters. Each shows the last value of its part. The scale
/// runs from the minimum to the maximum; a constant series is a low line.
pub fn sparkline(values: &[u64], width: usize) -> String {
    let columns = width.min(values.len());
    let shown: Vec<u64> = (1..=columns).map(|column| values[column * values.len() / columns - 1]).collect();
    let least = shown.iter().copied().min().unwrap_or(0);
    let range = shown.iter().copied().max().unwrap_or(0) - least;
    let step = |value: u64| (u128::from(value - least) * 7 + u128::from(range) / 2).checked_div(u128::from(range));
    shown.into_iter().map(|value| STEPS[step(value).unwrap_or(0) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparkline_spans_min_to_max() {
        assert_eq!(sparkline(&[], 8), "");
        assert_eq!(sparkline(&[5, 5, 5], 8), "▁▁▁");
        assert_eq!(sparkline(&[0, 1, 2, 3, 4, 5, 6, 7], 8), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[u64::MAX, 0], 8), "█▁");
        let long: Vec<u64> = (0..1_000).collect();
        let line = sparkline(&long, 10);
        assert_eq!((line.chars().count(), line.chars().last()), (10, Some('█')));
    }
}
