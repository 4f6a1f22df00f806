//! The parts of a documentation page that can be run.
//!
//! HTML comments on the lines before a fence specify how its block is run: `exit: 1` (exit code of the last command, or
//! one code per command), `types: yes` (run on a terminal with this answer), `not run: why`, `file: PATH` (path of a
//! configuration). `world: NAME`, once per page, selects its servers.

use std::path::{Path, PathBuf};

#[derive(Debug)]
pub struct Page {
    pub path: PathBuf,
    pub environment: Option<String>,
    pub blocks: Vec<Block>,
}

/// A fenced block.
#[derive(Debug)]
pub struct Block {
    pub line: usize,
    pub kind: BlockKind,
    /// Why the block is not run.
    pub not_run: Option<String>,
}

#[derive(Debug)]
pub enum BlockKind {
    Commands(Vec<Command>),
    Sql(String),
    Configuration {
        file: Option<String>,
        text: String,
    },
    /// Of a language that is not run.
    Other(String),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    pub line: usize,
    pub text: String,
    /// The output on the page, and its lines; if there is none, nothing is compared.
    pub shown: Vec<String>,
    pub exit: i32,
    pub typed_answer: Option<String>,
}

/// Returns the lines of a page outside of fences.
pub fn outside_fences(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        inside ^= is_fence;
        !is_fence && !inside
    })
}

impl Page {
    pub fn read(path: &Path) -> Page {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Page::parse(path, &text)
    }

    pub fn parse(path: &Path, text: &str) -> Page {
        let mut page = Page { path: path.to_owned(), environment: None, blocks: Vec::new() };
        let mut directives: Vec<(&str, &str)> = Vec::new();
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            if let Some(comment) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) {
                match comment.split_once(": ") {
                    Some(("world", name)) => page.environment = Some(name.to_owned()),
                    Some((key @ ("exit" | "types" | "not run" | "file"), value)) => directives.push((key, value)),
                    _ => {}
                }
                continue;
            }
            let Some(language) = line.strip_prefix("```") else {
                assert!(
                    line.is_empty() || directives.is_empty(),
                    "{}:{}: {directives:?} does not belong to a block",
                    path.display(),
                    number + 1
                );
                continue;
            };
            let body: Vec<(usize, &str)> = lines.by_ref().take_while(|(_, line)| *line != "```").collect();
            let directive =
                |key| directives.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned());
            let joined_text = || body.iter().map(|(_, line)| format!("{line}\n")).collect::<String>();
            let kind = match language {
                "console" | "sh" => {
                    let mut commands =
                        if language == "sh" { parse_commands(&body) } else { parse_commands_with_output(&body) };
                    assert!(!commands.is_empty(), "{}:{}: a block without a command", path.display(), number + 1);
                    set_expectations(&mut commands, directive("exit").as_deref(), directive("types"));
                    BlockKind::Commands(commands)
                }
                "sql" => BlockKind::Sql(joined_text()),
                "toml" => BlockKind::Configuration { file: directive("file"), text: joined_text() },
                other => BlockKind::Other(other.to_owned()),
            };
            page.blocks.push(Block { line: number + 1, kind, not_run: directive("not run") });
            directives.clear();
        }
        page
    }
}

/// Returns one command per line, with its continuation lines.
fn parse_commands(body: &[(usize, &str)]) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut goes_on = false;
    for (line_number, line) in body.iter().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        match commands.last_mut() {
            Some(last) if goes_on => last.text += &format!("\n{line}"),
            _ => commands.push(Command::new(*line_number, line)),
        }
        goes_on = line.ends_with('\\');
    }
    commands
}

/// Returns the commands after `$ `, with their continuation lines after `> `, and their output.
fn parse_commands_with_output(body: &[(usize, &str)]) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for (line_number, line) in body {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push(Command::new(*line_number, command)),
            (None, Some(last)) if last.shown.is_empty() && line.starts_with("> ") => {
                last.text += &format!("\n{}", &line[2..]);
            }
            (None, Some(last)) => last.shown.push((*line).to_owned()),
            (None, None) => panic!("line {}: output without a command", line_number + 1),
        }
    }
    commands
}

fn set_expectations(commands: &mut [Command], exit: Option<&str>, types: Option<String>) {
    let codes: Vec<i32> =
        exit.into_iter().flat_map(str::split_whitespace).map(|code| code.parse().expect("an exit code")).collect();
    if codes.len() == commands.len() {
        for (command, code) in commands.iter_mut().zip(codes) {
            command.exit = code;
        }
    } else if let Some(last) = commands.last_mut() {
        assert!(codes.len() < 2, "line {}: {} exit codes", last.line, codes.len());
        last.exit = codes.first().copied().unwrap_or(0);
    }
    if let Some(last) = commands.last_mut() {
        last.typed_answer = types;
    }
}

impl Command {
    fn new(line_number: usize, text: &str) -> Command {
        Command { line: line_number + 1, text: text.to_owned(), shown: Vec::new(), exit: 0, typed_answer: None }
    }
}
