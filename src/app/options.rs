//! The options of all commands.

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

/// Connection options, as of psql.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Connection (as psql connects)")]
pub struct ConnectionArgs {
    /// Server host, or directory of its Unix-domain socket
    #[arg(long, short = 'h', global = true, value_name = "HOST")]
    pub host: Option<String>,
    /// Server port
    #[arg(long, short = 'p', global = true, value_name = "PORT")]
    pub port: Option<String>,
    /// Role to connect as
    #[arg(long, short = 'U', global = true, value_name = "ROLE")]
    pub username: Option<String>,
    /// Database name, "key=value" conninfo or postgresql:// URI; with --target, the name of a database of that target
    #[arg(long, short = 'd', global = true, value_name = "DBNAME")]
    pub dbname: Option<String>,
    /// Never prompt for a password
    #[arg(long, short = 'w', global = true)]
    pub no_password: bool,
    /// Prompt for a password before connecting
    #[arg(long, short = 'W', global = true, conflicts_with = "no_password")]
    pub password: bool,
    /// Target of the configuration
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
    /// A single file with charts, for a browser
    Html,
    /// Output of a monitoring plugin (only for `check`)
    Nagios,
    /// Input of node_exporter's textfile collector (only for `check`)
    Prometheus,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    #[default]
    Auto,
    Always,
    Never,
}

/// Destination and format of the report.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Output format
    #[arg(long, global = true, value_enum, default_value_t)]
    pub format: OutputFormat,
    /// Write the report to a file, - for stdout; an existing file keeps its mode, owner and links [default: -]
    #[arg(long, global = true, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// When to use colors; auto disables them if NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: ColorWhen,
    /// Trace to stderr: each fact with its duration; -vv traces more
    #[arg(long, short = 'v', global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Print only the report, warnings and errors
    #[arg(long, short = 'q', global = true)]
    pub quiet: bool,
    /// Exit with 3 if a fact of the report could not be read
    #[arg(long, global = true)]
    pub strict: bool,
}

/// Input of reports.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Input")]
pub struct ReadingArgs {
    /// Read a file of `pgtend snapshot` instead of a server
    #[arg(long, global = true, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Earlier snapshot of the same server, as evidence for verdicts; repeatable
    #[arg(long, global = true, value_name = "FILE")]
    pub since: Vec<PathBuf>,
    /// Measure the size of every relation; by default, those of small and unchanged ones are estimates
    #[arg(long, global = true)]
    pub exact: bool,
    /// Read all databases that the role can connect to
    #[arg(long, global = true)]
    pub all_databases: bool,
    /// History store of samples and actions: a file, postgresql://…, a key=value conninfo, or none; with --from, a store is
    /// read only if this option is given [default: $PGTEND_HISTORY, else history.url of the configuration, else
    /// $XDG_STATE_HOME/pgtend/history.db]
    #[arg(long, global = true, value_name = "URL")]
    pub history: Option<String>,
    /// Number of connections, 1 to 32, for --all-databases and --exact
    #[arg(long, global = true, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub jobs: u8,
}
