//! From values to text: typed cells in, one format a file out. Pure: no terminal, no clock.

mod cell;
mod chart;
mod csv;
mod document;
mod escape;
mod html;
mod human;
mod json;
mod markdown;
mod sentence;
mod sparkline;
mod terminal;

pub use cell::{Cell, Tone, Value};
pub use chart::{Chart, Moment, Node, NodeKind, Picture, Series, Share, Step, StepKind};
pub use csv::csv;
pub use document::{Align, Block, Column, Document, Language, Table, Tabulated, Tile};
pub use escape::visible;
pub use html::html;
pub use human::{
    bytes as human_bytes, bytes_per_day as human_bytes_per_day, count as human_count, counted,
    duration as human_duration, percent as human_percent, times,
};
pub use json::{json, json_pretty};
pub use markdown::markdown;
pub use sentence::sentence;
pub use sparkline::sparkline;
pub use terminal::{Style, terminal};
