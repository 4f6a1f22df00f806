//! Pictures of numbers: what is drawn, not how. Each format that draws has its tables behind it, too.

/// A rectangle of a treemap; its children fill it.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub name: String,
    pub bytes: u64,
    /// The part of it that a rewrite would give back, shaded.
    pub bloat_bytes: u64,
    /// Which kind of thing it is, for its colour.
    pub kind: NodeKind,
    pub children: Vec<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    Database,
    Table,
    Heap,
    Index,
    Toast,
    Other,
}

impl NodeKind {
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

/// A bar of a waterfall.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub name: String,
    pub kind: StepKind,
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Stands on the ground: a sum so far.
    Total,
    Less,
    More,
}

/// A part of a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    pub name: String,
    pub bytes: u64,
    pub marked: bool,
}

/// A point in time, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChartPoint {
    pub second: f64,
    pub bytes: f64,
}

/// A line with where it may go.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub name: String,
    pub points: Vec<ChartPoint>,
    /// From the last point on: low, likely, high.
    pub forecast: Option<[ChartPoint; 3]>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Picture {
    Treemap(Vec<Node>),
    Waterfall(Vec<Step>),
    Shares(Vec<Share>),
    Growth(Vec<Series>),
}

/// A picture with a title and a sentence that says what it shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    pub title: String,
    pub about: String,
    pub picture: Picture,
}
