//! pgtend: the Postgres maintenance toolkit.
//!
//! The layers, starting at the lowest; none imports a layer above it: [`units`], [`quote`], [`redact`], `output_file`,
//! [`message`], [`facts`], [`analysis`], [`postgres`], [`collect`], [`history`], [`checks`], [`actions`], [`render`],
//! [`report`], [`monitor`], [`config`], `app`, `cli`. `docs/architecture.md` describes their contents and imports.

#![warn(missing_docs)]

pub mod actions;
pub mod analysis;
mod app;
pub mod checks;
mod cli;
pub mod collect;
pub mod config;
pub mod facts;
pub mod history;
pub mod message;
pub mod monitor;
mod output_file;
pub mod postgres;
pub mod quote;
pub mod redact;
pub mod render;
pub mod report;
pub mod units;

use app::exit_code::ExitCode;
use app::{error, interrupt, ui};
use clap::Parser as _;
use postgres::conninfo::Environment;
use redact::process_list;

/// Runs the program: reads the arguments and the environment, runs the command, and returns the exit code.
pub fn run_program() -> std::process::ExitCode {
    ui::install_panic_hook();
    // The hook has printed the message. The payload of a panic is not shown, because it may contain secrets.
    let exit = std::panic::catch_unwind(run_command).unwrap_or(ExitCode::Bug);
    // Only for codes that `check` changes, because it parses the arguments again.
    let exit = match exit {
        ExitCode::Success | ExitCode::Checked(_) => exit,
        _ if cli::is_check_command(process_list::restored_arguments()) => exit.under_check(),
        _ => exit,
    };
    exit.into()
}

fn run_command() -> ExitCode {
    let still_visible = process_list::hide_passwords(std::env::args_os());
    redact::register_arguments(
        process_list::restored_arguments().map(|argument| argument.to_string_lossy().into_owned()),
    );
    let cli = match cli::Cli::try_parse_from(process_list::restored_arguments()) {
        Ok(cli) => cli,
        Err(answer) => {
            let answer = cli::with_hints(answer);
            return match ui::print_clap_message(&answer) {
                Err(failure) => {
                    ui::print_early_failure(&failure);
                    failure.exit
                }
                Ok(()) if answer.use_stderr() => ExitCode::Usage,
                Ok(()) => ExitCode::Success,
            };
        }
    };
    init_tracing(cli.global.output.verbose);
    let context = app::Context::new(cli.global, read_environment());
    if let Some(error) = still_visible {
        context
            .ui
            .warn(&format!("the password on the command line is visible in the process list ({error}); use ~/.pgpass"));
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = error::Failure::new(ExitCode::Failed, format!("cannot start: {error}"));
            context.ui.print_failure(&failure);
            return failure.exit;
        }
    };
    let (ui, exit) = (context.ui.clone(), cli.command.exit_if_interrupted());
    let end = move || {
        ui.print_failure(&error::Failure::new(exit, "interrupted"));
        std::process::exit(i32::from(exit.number()));
    };
    if let Err(error) = interrupt::spawn_signal_listener(end) {
        context.ui.warn(&format!("cannot listen for signals: {error}"));
    }
    let exit = match runtime.block_on(cli.command.dispatch(&context)) {
        Ok(exit) => exit,
        Err(failure) => {
            context.ui.print_failure(&failure);
            failure.exit
        }
    };
    // A name lookup cannot be cancelled, and its result is not needed any more.
    runtime.shutdown_background();
    exit
}

/// Reads the process environment; other layers get it as a parameter.
fn read_environment() -> Environment {
    let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(Into::into);
    Environment {
        vars: std::env::vars_os()
            .map(|(name, value)| (lossy(name), lossy(value)))
            .filter(|(name, _)| !name.starts_with(process_list::VARIABLE_PREFIX))
            .collect(),
        home: home.or_else(|| user.as_ref().map(|user| user.dir.clone())),
        os_user: user.map(|user| user.name),
    }
}

/// Enables traces of pgtend only: those of a driver could contain secrets.
fn init_tracing(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => "pgtend=info",
        _ => "pgtend=debug",
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(level))
        .with_writer(ui::RedactedStderr::default)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .without_time()
        .finish();
    // The error means that a subscriber is already set, which this process does nowhere else.
    tracing::subscriber::set_global_default(subscriber).ok();
}
