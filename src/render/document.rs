//! The document of a report: headings, sentences, tables and commands.

use super::{Cell, Chart, Tone};
use crate::quote::PrintedConnection;

/// Alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// To the left, for text.
    Left,
    /// To the right, for numbers.
    Right,
}

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Name of the field in CSV and JSON.
    pub key: &'static str,
    /// Title in the table.
    pub title: &'static str,
    /// Alignment.
    pub align: Align,
    /// Where space is short, a terminal leaves out the column with the highest rank first, and a column that is 0 or
    /// empty in all rows always. A column of rank 0 is never left out.
    pub rank: u8,
    /// Whether it draws values of other columns. CSV leaves it out.
    pub is_picture: bool,
    /// Whether a terminal leaves it out, because it repeats other columns or is too wide.
    pub is_for_files: bool,
    /// Whether a terminal leaves it out when it is 0 or empty in all rows, even with rank 0.
    pub is_left_out_when_empty: bool,
}

impl Column {
    const PLAIN: Column = Column {
        key: "",
        title: "",
        align: Align::Left,
        rank: 0,
        is_picture: false,
        is_for_files: false,
        is_left_out_when_empty: false,
    };

    /// Returns a column of names or text.
    pub const fn text(key: &'static str, title: &'static str, rank: u8) -> Column {
        Column { key, title, align: Align::Left, rank, ..Column::PLAIN }
    }

    /// Returns a column that draws values of other columns.
    pub const fn picture(key: &'static str, rank: u8) -> Column {
        Column { key, align: Align::Left, rank, is_picture: true, ..Column::PLAIN }
    }

    /// Returns a column of numbers.
    pub const fn numbers(key: &'static str, title: &'static str, rank: u8) -> Column {
        Column { key, title, align: Align::Right, rank, ..Column::PLAIN }
    }

    /// Leaves the column out in a terminal.
    #[must_use]
    pub const fn for_files(self) -> Column {
        Column { is_for_files: true, ..self }
    }

    /// Leaves the column out in a terminal when it is 0 or empty in all rows.
    #[must_use]
    pub const fn unless_empty(self) -> Column {
        Column { is_left_out_when_empty: true, ..self }
    }
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Columns from left to right.
    pub columns: Vec<Column>,
    /// Rows, each with one cell per column.
    pub rows: Vec<Vec<Cell>>,
    /// Number of rows that a limit leaves out.
    pub left_out: usize,
}

/// A figure with a label and a note.
#[derive(Clone, Debug)]
pub struct Tile {
    /// What the figure is.
    pub label: String,
    /// The figure.
    pub value: Cell,
    /// Further details.
    pub note: String,
}

impl Table {
    /// Starts a table of these rows, without columns.
    pub fn with_rows<R>(rows: impl IntoIterator<Item = R>) -> TableBuilder<R> {
        let rows: Vec<R> = rows.into_iter().collect();
        let cells = rows.iter().map(|_| Vec::new()).collect();
        TableBuilder { rows, table: Table { columns: Vec::new(), rows: cells, left_out: 0 } }
    }
}

/// Builds a table column by column.
#[must_use]
pub struct TableBuilder<R> {
    rows: Vec<R>,
    table: Table,
}

impl<R> TableBuilder<R> {
    /// Adds a column on the right.
    pub fn column(mut self, column: Column, cell: impl Fn(&R) -> Cell) -> TableBuilder<R> {
        self.table.columns.push(column);
        for (row, cells) in self.rows.iter().zip(&mut self.table.rows) {
            cells.push(cell(row));
        }
        self
    }

    /// Adds a column on the right if `is_shown`.
    pub fn column_if(self, is_shown: bool, column: Column, cell: impl Fn(&R) -> Cell) -> TableBuilder<R> {
        if is_shown { self.column(column, cell) } else { self }
    }

    /// Sets the number of rows that a limit leaves out.
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

/// Language of a code block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// A POSIX shell.
    Shell,
    /// SQL.
    Sql,
}

impl Language {
    /// Returns the name for the fence of a Markdown code block.
    pub fn fence(self) -> &'static str {
        match self {
            Language::Shell => "sh",
            Language::Sql => "sql",
        }
    }
}

/// A block of a document.
#[derive(Clone, Debug)]
pub enum Block {
    /// A heading.
    Heading(String),
    /// A sentence with its meaning.
    Line(String, Tone),
    /// A table.
    Table(Table),
    /// Commands to run next, each with a description.
    Commands(Vec<(String, String)>),
    /// Commands or statements of one step, one per line. They are never wrapped, so that they can be pasted.
    Code(Language, Vec<String>),
    /// A chart, for formats that can draw.
    Chart(Chart),
    /// Main figures. Formats without large figures rely on the lines instead.
    Tiles(Vec<Tile>),
    /// Vertical space.
    Gap,
}

/// A report for people. CSV writes its first table.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// Title of the whole, for formats that have one; empty otherwise.
    pub title: String,
    /// Blocks in order.
    pub blocks: Vec<Block>,
}

impl Document {
    /// Appends a heading.
    pub fn heading(&mut self, text: impl Into<String>) -> &mut Self {
        self.push(Block::Heading(text.into()))
    }

    /// Appends a sentence without a particular meaning.
    pub fn line(&mut self, text: impl Into<String>) -> &mut Self {
        self.push(Block::Line(text.into(), Tone::Plain))
    }

    /// Appends a sentence with a meaning.
    pub fn toned_line(&mut self, text: impl Into<String>, tone: Tone) -> &mut Self {
        self.push(Block::Line(text.into(), tone))
    }

    /// Appends a table.
    pub fn table(&mut self, table: impl Into<Table>) -> &mut Self {
        self.push(Block::Table(table.into()))
    }

    /// Appends commands to run next, each with a description.
    pub fn commands(&mut self, commands: Vec<(String, String)>) -> &mut Self {
        self.push(Block::Commands(commands))
    }

    /// Appends a code block, one command or statement per line.
    pub fn code(&mut self, language: Language, lines: Vec<String>) -> &mut Self {
        self.push(Block::Code(language, lines))
    }

    /// Appends a chart.
    pub fn chart(&mut self, chart: Chart) -> &mut Self {
        self.push(Block::Chart(chart))
    }

    /// Appends main figures.
    pub fn tiles(&mut self, tiles: Vec<Tile>) -> &mut Self {
        self.push(Block::Tiles(tiles))
    }

    /// Appends vertical space.
    pub fn gap(&mut self) -> &mut Self {
        self.push(Block::Gap)
    }

    fn push(&mut self, block: Block) -> &mut Self {
        self.blocks.push(block);
        self
    }

    /// Adds the connection to the commands of the document.
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

    /// Returns the first table, which is the one for spreadsheets.
    pub fn first_table(&self) -> Option<&Table> {
        self.blocks.iter().find_map(|block| match block {
            Block::Table(table) => Some(table),
            _ => None,
        })
    }
}
