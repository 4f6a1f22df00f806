//! `pgtend man`.

mod page;

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::output_file;
use anyhow::Context as _;
use std::path::PathBuf;

/// Print the manual page, or write the pages of all commands to a folder
///
/// To read it: pgtend man | man -l -
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Write one page per command to this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub fn cmd_man(args: &ManArgs, program: clap::Command, context: &Context) -> Result<ExitCode, Failure> {
    let pages = page::render_pages(program).context("cannot create the manual pages")?;
    match &args.dir {
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
            for page in &pages {
                let path = folder.join(&page.file);
                let written = output_file::write_file(&path, |out| out.write_all(page.text.as_bytes()));
                written.with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        None => {
            let main = pages.iter().find(|page| page.file == "pgtend.1").context("there is no main page")?;
            context.ui.print_text(&main.text)?;
        }
    }
    Ok(ExitCode::Success)
}
