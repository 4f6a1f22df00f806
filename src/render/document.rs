//! A report as people read it: headings, sentences, tables, commands.

use super::{Cell, Chart, Tone};
use crate::quote::PrintedConnection;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The field's name in CSV and JSON.
    pub key: &'static str,
    pub title: &'static str,
    pub align: Align,
    /// Where space is short, the column with the highest rank is left out first; 0 is never left out.
    pub rank: u8,
    /// Drawn for people; machines have the numbers it is drawn from.
    pub is_picture: bool,
}

impl Column {
    /// A column of names or words.
    pub const fn text(key: &'static str, title: &'static str, rank: u8) -> Column {
        Column { key, title, align: Align::Left, rank, is_picture: false }
    }

    /// A column that draws what others say.
    pub const fn picture(key: &'static str, rank: u8) -> Column {
        Column { key, title: "", align: Align::Left, rank, is_picture: true }
    }

    /// A column of numbers.
    pub const fn numbers(key: &'static str, title: &'static str, rank: u8) -> Column {
        Column { key, title, align: Align::Right, rank, is_picture: false }
    }
}

#[derive(Clone, Debug)]
pub struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
    /// Rows that a limit left out.
    pub left_out: usize,
}

/// A figure with what it is, and a few words more.
#[derive(Clone, Debug)]
pub struct Tile {
    pub label: String,
    pub value: Cell,
    pub note: String,
}

impl Table {
    /// Of these rows, still without a column.
    pub fn with_rows<R>(rows: impl IntoIterator<Item = R>) -> TableBuilder<R> {
        let rows: Vec<R> = rows.into_iter().collect();
        let cells = rows.iter().map(|_| Vec::new()).collect();
        TableBuilder { rows, table: Table { columns: Vec::new(), rows: cells, left_out: 0 } }
    }
}

/// A table that gets its columns one by one, each with what stands in it.
#[must_use]
pub struct TableBuilder<R> {
    rows: Vec<R>,
    table: Table,
}

impl<R> TableBuilder<R> {
    /// One more column, on the right.
    pub fn column(mut self, column: Column, cell: impl Fn(&R) -> Cell) -> TableBuilder<R> {
        self.table.columns.push(column);
        for (row, cells) in self.rows.iter().zip(&mut self.table.rows) {
            cells.push(cell(row));
        }
        self
    }

    /// The same, where there is something to tell.
    pub fn column_if(self, is_shown: bool, column: Column, cell: impl Fn(&R) -> Cell) -> TableBuilder<R> {
        if is_shown { self.column(column, cell) } else { self }
    }

    /// A limit left out so many rows.
    pub fn with_left_out(mut self, left_out: usize) -> TableBuilder<R> {
        self.table.left_out = left_out;
        self
    }
}

impl<R> From<TableBuilder<R>> for Table {
    fn from(tabulated: TableBuilder<R>) -> Table {
        tabulated.table
    }
}

/// What reads the lines of a block of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Shell,
    Sql,
}

impl Language {
    /// Its name in the fence of a Markdown block.
    pub fn fence(self) -> &'static str {
        match self {
            Language::Shell => "sh",
            Language::Sql => "sql",
        }
    }
}

#[derive(Clone, Debug)]
pub enum Block {
    Heading(String),
    /// A sentence.
    Line(String, Tone),
    Table(Table),
    /// Commands to type, each with what it answers.
    Commands(Vec<(String, String)>),
    /// Commands or statements of one step, a line each: never wrapped, and fit to paste.
    Code(Language, Vec<String>),
    /// Drawn where the format can draw.
    Chart(Chart),
    /// What people came for, in large figures where the format can set them; else the lines say it.
    Tiles(Vec<Tile>),
    Gap,
}

/// A report as people read it. Its first table is the one that CSV writes.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// Of the whole, where a format has a place for it.
    pub title: String,
    pub blocks: Vec<Block>,
}

impl Document {
    pub fn heading(&mut self, text: impl Into<String>) -> &mut Self {
        self.push(Block::Heading(text.into()))
    }

    pub fn line(&mut self, text: impl Into<String>) -> &mut Self {
        self.push(Block::Line(text.into(), Tone::Plain))
    }

    pub fn toned_line(&mut self, text: impl Into<String>, tone: Tone) -> &mut Self {
        self.push(Block::Line(text.into(), tone))
    }

    pub fn table(&mut self, table: impl Into<Table>) -> &mut Self {
        self.push(Block::Table(table.into()))
    }

    pub fn commands(&mut self, commands: Vec<(String, String)>) -> &mut Self {
        self.push(Block::Commands(commands))
    }

    pub fn code(&mut self, language: Language, lines: Vec<String>) -> &mut Self {
        self.push(Block::Code(language, lines))
    }

    pub fn chart(&mut self, chart: Chart) -> &mut Self {
        self.push(Block::Chart(chart))
    }

    pub fn tiles(&mut self, tiles: Vec<Tile>) -> &mut Self {
        self.push(Block::Tiles(tiles))
    }

    pub fn gap(&mut self) -> &mut Self {
        self.push(Block::Gap)
    }

    fn push(&mut self, block: Block) -> &mut Self {
        self.blocks.push(block);
        self
    }

    /// Adds the connection to its commands.
    pub fn reached_by(&mut self, connection: &PrintedConnection) {
        for block in &mut self.blocks {
            match block {
                Block::Line(text, _) => *text = connection.sentence(text),
                Block::Commands(commands) => {
                    for (command, answers) in commands {
                        *command = connection.command(command);
                        *answers = connection.sentence(answers);
                    }
                }
                Block::Code(_, commands) => {
                    for command in commands {
                        *command = connection.command(command);
                    }
                }
                Block::Heading(_) | Block::Table(_) | Block::Chart(_) | Block::Tiles(_) | Block::Gap => {}
            }
        }
    }

    /// The table a spreadsheet wants.
    pub fn first_table(&self) -> Option<&Table> {
        self.blocks.iter().find_map(|block| match block {
            Block::Table(table) => Some(table),
            _ => None,
        })
    }
}
