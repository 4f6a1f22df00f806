//! Formats values as text: typed cells in, one format per file out. It reads neither terminal nor clock.

mod cell;
mod chart;
mod csv;
mod document;
mod escape;
mod html;
mod human;
mod json;
mod markdown;
mod message;
mod terminal;

pub use cell::{Cell, Tone, Value};
pub use chart::sparkline;
pub use chart::{Chart, ChartPoint, Node, NodeKind, Picture, Series, Share, Step, StepKind};
pub use csv::write_csv;
pub use document::{Align, Block, Column, Document, Language, Table, TableBuilder, Tile};
pub use escape::escape_unprintable;
pub use html::html;
pub use human::{
    bytes as human_bytes, bytes_per_day as human_bytes_per_day, count as human_count, duration as human_duration,
    format_counted, format_ratio, percent as human_percent,
};
pub use json::{write_json, write_json_pretty};
pub use markdown::render_markdown;
pub use message::format_message;
pub use terminal::{Style, render_terminal};
