//! `pgtend indexes verify`.

use super::ListArgs;
use crate::{
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    frameworks::{Marked, marked},
    inspect::{Definitions, MOST_DEFINITIONS, Scope},
    report::{Gaps, IndexSort, VerifyReport, Written},
};
use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// Which of the indexes in migrations that pgtend wrote exist, are gone, or are invalid now
#[derive(Debug, Default, clap::Args)]
pub(super) struct VerifyArgs {
    /// The folder of migrations
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[arg(long, hide = true)]
    schema: Option<glob::Pattern>,
    #[arg(long, hide = true)]
    table: Option<glob::Pattern>,
    #[arg(long, hide = true)]
    min_size: Option<u64>,
    #[arg(long, hide = true)]
    limit: Option<usize>,
    #[arg(long, hide = true, value_enum)]
    sort: Option<IndexSort>,
    #[arg(long, hide = true)]
    min_observation: Option<u64>,
    #[arg(long, hide = true)]
    min_reclaim: Option<u64>,
    #[arg(long, hide = true)]
    replica: Vec<String>,
    #[arg(long, hide = true)]
    exact_bloat: bool,
}

impl VerifyArgs {
    pub(super) fn of(folder: PathBuf) -> VerifyArgs {
        VerifyArgs { folder, ..VerifyArgs::default() }
    }
}

pub(super) async fn run(list: &ListArgs, args: &VerifyArgs, context: &Context) -> Result<ExitCode, Failure> {
    let judging = &list.judging;
    let given = [
        ("--schema", args.schema.is_some() || list.filter.schema.is_some()),
        ("--table", args.table.is_some() || list.filter.table.is_some()),
        ("--min-size", args.min_size.is_some() || list.filter.size.min_size.is_some()),
        ("--limit", args.limit.is_some() || list.filter.size.length.limit.is_some()),
        ("--sort", args.sort.is_some() || list.sort.is_some()),
        ("--min-observation", args.min_observation.is_some() || judging.min_observation.is_some()),
        ("--min-reclaim", args.min_reclaim.is_some() || judging.min_reclaim.is_some()),
        ("--replica", !args.replica.is_empty() || !judging.replica.is_empty()),
        ("--exact-bloat", args.exact_bloat || list.bloat.exact_bloat),
        ("--all-databases", context.all_databases()),
    ];
    if let Some((flag, _)) = given.iter().find(|(_, given)| *given) {
        let message = format!("{flag} means nothing to `indexes verify`: it takes what the files name");
        return Err(Failure::new(ExitCode::Usage, message));
    }
    context.wants_one_database("`indexes verify`")?;
    let (written, other_files) = read(&args.folder, |path| fs::read(path))?;
    if written.is_empty() {
        let message = format!("no file in {} was written by pgtend", args.folder.display());
        return Err(Failure::new(ExitCode::Failed, message));
    }
    let definitions = Definitions::Matching { schema: None, table: None, most: MOST_DEFINITIONS };
    let scope = Scope { relations: true, definitions, ..context.scope() };
    let snapshot = context.look(scope).await?;
    let contents = snapshot.contents.first();
    let contents = contents.ok_or_else(|| Failure::new(ExitCode::Failed, "no database was read"))?;
    let mut gaps = Gaps::default();
    let folder = args.folder.display().to_string();
    let report = VerifyReport::of(&snapshot, contents, folder, written, other_files, &mut gaps);
    context.show(&snapshot, report, gaps)
}

/// The result, or `None` for what was removed while the folder is read.
fn unless_removed<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The indexes of all files in it, and how many files name none.
fn read(
    folder: &Path,
    mut content: impl FnMut(&Path) -> std::io::Result<Vec<u8>>,
) -> Result<(Vec<Written>, usize), Failure> {
    let failed = |path: &Path, error: &std::io::Error| {
        Failure::new(ExitCode::Failed, format!("cannot read {}: {}", path.display(), error.kind()))
    };
    let mut found: BTreeMap<Marked, Vec<String>> = BTreeMap::new();
    let mut others = 0;
    let mut folders = vec![folder.to_path_buf()];
    while let Some(path) = folders.pop() {
        let entries = fs::read_dir(&path);
        // The folder that was named must be there.
        let entries = if path == folder { entries.map(Some) } else { unless_removed(entries) };
        let Some(entries) = entries.map_err(|error| failed(&path, &error))? else { continue };
        for entry in entries {
            let entry = entry.map_err(|error| failed(&path, &error))?;
            let path = entry.path();
            let kind = unless_removed(entry.file_type()).map_err(|error| failed(&path, &error))?;
            let Some(kind) = kind else { continue };
            if kind.is_dir() {
                folders.push(path);
                continue;
            }
            // Of diesel and Flyway: settings of the file beside them.
            let is_setting = matches!(path.extension().and_then(|one| one.to_str()), Some("conf" | "toml" | "pyc"));
            if !kind.is_file() || is_setting {
                continue;
            }
            let text = unless_removed(content(&path)).map_err(|error| failed(&path, &error))?;
            let Some(text) = text else { continue };
            let marks = marked(&String::from_utf8_lossy(&text));
            others += usize::from(marks.is_empty());
            let shown = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            for mark in marks {
                found.entry(mark).or_default().push(shown.clone());
            }
        }
    }
    let written = found.into_iter().map(|(Marked { schema, table, index }, mut files)| {
        files.sort();
        Written { schema, table, index, files }
    });
    Ok((written.collect(), others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_files_are_skipped() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("migrations");
        fs::create_dir_all(folder.join("inner")).unwrap();
        for file in ["a.sql", "b.sql", "inner/c.sql"] {
            fs::write(folder.join(file), "select 1").unwrap();
        }
        let mut reads = 0;
        let (written, others) = read(&folder, |path| {
            reads += 1;
            let text = fs::read(path);
            fs::remove_dir_all(&folder).ok();
            text
        })
        .unwrap();
        assert_eq!((written.len(), others), (0, 1));
        assert!(reads >= 1);
        assert!(read(&folder, |path| fs::read(path)).is_err(), "the folder itself is gone");
    }
}
