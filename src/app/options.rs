//! The options that every command takes.

use clap::{ArgAction, Args, ValueEnum};
use std::path::PathBuf;

#[derive(Clone, Debug, Args)]
pub struct GlobalArgs {
    #[command(flatten)]
    pub connection: ConnectionArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Print help
    #[arg(long, short = '?', action = ArgAction::Help, global = true)]
    help: Option<bool>,
}

/// Where to connect: as psql does.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Connection (as psql connects)")]
pub struct ConnectionArgs {
    /// Server host, or folder of its Unix socket
    #[arg(long, short = 'h', global = true, value_name = "HOST")]
    pub host: Option<String>,
    /// Server port
    #[arg(long, short = 'p', global = true, value_name = "PORT")]
    pub port: Option<String>,
    /// Role to connect as
    #[arg(long, short = 'U', global = true, value_name = "ROLE")]
    pub username: Option<String>,
    /// Database: a name, a "key=value" conninfo or a postgresql:// URI; beside --target, another database of it, by its name
    #[arg(long, short = 'd', global = true, value_name = "DBNAME")]
    pub dbname: Option<String>,
    /// Never ask for a password
    #[arg(long, short = 'w', global = true)]
    pub no_password: bool,
    /// Ask for a password before connecting
    #[arg(long, short = 'W', global = true, conflicts_with = "no_password")]
    pub password: bool,
    /// A target of the configuration file
    #[arg(long, global = true, value_name = "NAME", conflicts_with_all = ["host", "port", "username"])]
    pub target: Option<String>,
    /// Configuration file [default: ./pgtend.toml, else $XDG_CONFIG_HOME/pgtend/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    #[default]
    Table,
    Json,
    Csv,
    Markdown,
    /// One file with pictures, for a browser
    Html,
    /// `check` alone: as a monitoring plugin writes
    Nagios,
    /// `check` alone: for node_exporter's textfile collector
    Prometheus,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    #[default]
    Auto,
    Always,
    Never,
}

/// Where the report goes and how it looks.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// How the report is written
    #[arg(long, global = true, value_enum, default_value_t)]
    pub format: OutputFormat,
    /// Write the report to a file instead of stdout (- for stdout); an existing file keeps its mode, owner and links
    #[arg(long, global = true, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// When to use colour (NO_COLOR is honoured)
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: ColorWhen,
    /// Trace on stderr: a line for each fact with its time; twice for more
    #[arg(long, short = 'v', global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Only the report, warnings and errors
    #[arg(long, short = 'q', global = true)]
    pub quiet: bool,
    /// Exit with 3 when something the report should show could not be read
    #[arg(long, global = true)]
    pub strict: bool,
}

/// What is read.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Reading")]
pub struct ReadingArgs {
    /// Report from a file of `pgtend snapshot`, without a server
    #[arg(long, global = true, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// An earlier snapshot of the same server, as evidence for verdicts; may be given several times
    #[arg(long, global = true, value_name = "FILE")]
    pub since: Vec<PathBuf>,
    /// Measure every relation instead of estimating the small and unchanged ones
    #[arg(long, global = true)]
    pub exact: bool,
    /// Every database of the cluster that the role may connect to
    #[arg(long, global = true)]
    pub all_databases: bool,
    /// Where samples and actions are kept, and read by reports: a file, postgresql://…, a key=value conninfo, or none; with
    /// --from it is read only when given here [default: $PGTEND_HISTORY, else history.url of the configuration, else
    /// $XDG_STATE_HOME/pgtend/history.db]
    #[arg(long, global = true, value_name = "URL")]
    pub history: Option<String>,
    /// How many connections read at once, with --all-databases or --exact
    #[arg(long, global = true, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub jobs: u8,
}
