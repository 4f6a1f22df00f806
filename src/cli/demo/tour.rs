//! A tour: commands with an explanation. Each command runs exactly as it is printed.

use crate::app::Context;
use crate::app::error::Failure;
use crate::cli::{Cli, Command};
use crate::quote::quote_shell;
use anyhow::Context as _;
use clap::Parser as _;
use std::cell::Cell;
use std::pin::Pin;

/// A tour on a throwaway cluster.
pub struct Tour<'a> {
    context: &'a Context,
    /// Whether the tour waits for Enter between its parts.
    pauses: bool,
    part_count: Cell<u32>,
}

impl<'a> Tour<'a> {
    /// Starts a tour that runs its commands in this context. On a terminal it pauses between the parts.
    pub fn new(context: &'a Context) -> Tour<'a> {
        let pauses = context.ui.is_interactive() && context.ui.is_stdout_terminal();
        Tour { context, pauses, part_count: Cell::new(0) }
    }

    /// Prints the heading of a part and its command, and runs the command.
    ///
    /// # Errors
    ///
    /// The command is invalid, or it fails.
    pub async fn run_part(&self, title: &str, words: &[&str]) -> Result<(), Failure> {
        let command = parse_command(words)?;
        self.print_heading(title, &command_line(words)).await?;
        self.run_command(command).await
    }

    /// Prints a further command of a part and runs it.
    ///
    /// # Errors
    ///
    /// The command is invalid, or it fails.
    pub async fn run_further(&self, words: &[&str]) -> Result<(), Failure> {
        let command = parse_command(words)?;
        self.context.ui.print_text(&format!("\n$ {}\n\n", command_line(words)))?;
        self.run_command(command).await
    }

    /// Prints the heading of a part and its command, after a pause on a terminal.
    ///
    /// # Errors
    ///
    /// Stdout cannot be written.
    pub async fn print_heading(&self, title: &str, command: &str) -> Result<(), Failure> {
        let ui = &self.context.ui;
        if self.pauses && self.part_count.get() > 0 {
            ui.print_text("\n")?;
            ui.read_answer("Press Enter to continue, Ctrl-C to end the tour: ").await;
        }
        self.part_count.set(self.part_count.get() + 1);
        ui.print_text(&format!("\n── {}. {title} ──\n$ {command}\n\n", self.part_count.get()))
    }

    async fn run_command(&self, command: Command) -> Result<(), Failure> {
        // Boxed: the demo is itself such a command.
        let run: Pin<Box<dyn Future<Output = Result<_, Failure>> + '_>> = Box::pin(command.dispatch(self.context));
        run.await.map(drop)
    }
}

/// Parses a command line that begins with `pgtend`.
///
/// # Errors
///
/// The arguments are invalid.
pub fn parse_command(words: &[&str]) -> Result<Command, Failure> {
    Ok(Cli::try_parse_from(words).context("invalid command of the demo")?.command)
}

/// Returns the command line as it is typed into a shell.
fn command_line(words: &[&str]) -> String {
    words.iter().map(|word| quote_shell(word)).collect::<Vec<_>>().join(" ")
}
