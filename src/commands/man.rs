//! `pgtend man`.

use crate::{context::Context, error::Failure, exit_code::ExitCode};
use anyhow::Context as _;
use std::path::PathBuf;

/// The manual pages: the main one to stdout, or all of them into a folder
///
/// Read it now: pgtend man | man -l -
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write a page for every command into this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub fn run(args: &Args, program: clap::Command, context: &Context) -> Result<ExitCode, Failure> {
    match &args.dir {
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            clap_mangen::generate_to(program, folder)
                .with_context(|| format!("cannot write manual pages into {}", folder.display()))?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(program).render(&mut page).context("cannot make the manual page")?;
            context.ui.text(&String::from_utf8_lossy(&page))?;
        }
    }
    Ok(ExitCode::Done)
}
