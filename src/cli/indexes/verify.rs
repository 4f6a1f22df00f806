//! `pgtend indexes verify`.

use super::IndexesListArgs;
use crate::actions::index_migration::tools::{IndexMarker, is_third_party_folder, parse_index_markers};
use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::collect::{Definitions, MAX_DEFINITIONS, Scope};
use crate::facts::{FactGroup, FactGroups};
use crate::report::{Gaps, IndexSort, VerifyReport, WrittenIndex};
use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// Show the state of the indexes in migrations that pgtend wrote: present, gone, invalid
#[derive(Debug, Default, clap::Args)]
pub(super) struct IndexesVerifyArgs {
    /// Folder of the migrations
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
    #[arg(long, hide = true)]
    all: bool,
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

pub(super) async fn cmd_indexes_verify(
    list: &IndexesListArgs,
    args: &IndexesVerifyArgs,
    context: &Context,
) -> Result<ExitCode, Failure> {
    let thresholds = &list.thresholds;
    let given = [
        ("--schema", args.schema.is_some() || list.filter.schema.is_some()),
        ("--table", args.table.is_some() || list.filter.table.is_some()),
        ("--min-size", args.min_size.is_some() || list.filter.size.min_size.is_some()),
        ("--limit", args.limit.is_some() || list.filter.size.length.limit.is_some()),
        ("--all", args.all || list.all),
        ("--sort", args.sort.is_some() || list.sort.is_some()),
        ("--min-observation", args.min_observation.is_some() || thresholds.min_observation.is_some()),
        ("--min-reclaim", args.min_reclaim.is_some() || thresholds.min_reclaim.is_some()),
        ("--replica", !args.replica.is_empty() || !thresholds.replica.is_empty()),
        ("--exact-bloat", args.exact_bloat || list.bloat.exact_bloat),
        ("--all-databases", context.all_databases()),
    ];
    if let Some((flag, _)) = given.iter().find(|(_, given)| *given) {
        let message = format!("{flag} has no effect on `indexes verify`, which checks the indexes that the files name");
        return Err(Failure::new(ExitCode::Usage, message));
    }
    context.require_single_database("`indexes verify`")?;
    let (written, other_files) = read_written_indexes(&args.folder, |path| fs::read(path))?;
    if written.is_empty() {
        let message = format!("no file in {} was written by pgtend", args.folder.display());
        return Err(Failure::new(ExitCode::Failed, message));
    }
    let definitions = Definitions::Matching { schema: None, table: None, most: MAX_DEFINITIONS };
    let scope = Scope { facts: FactGroups::new(&[FactGroup::Relations]), definitions, ..context.scope() };
    let snapshot = context.collect_snapshot(scope).await?;
    let database_snapshot = snapshot.database_snapshots.first();
    let database_snapshot =
        database_snapshot.ok_or_else(|| Failure::new(ExitCode::Failed, "the database was not read"))?;
    let mut gaps = Gaps::default();
    let folder = args.folder.display().to_string();
    let report = VerifyReport::new(&snapshot, database_snapshot, folder, written, other_files, &mut gaps);
    context.print_report(&snapshot, report, gaps)
}

/// Returns the result, or `None` for a file that was removed while the folder is read.
fn unless_removed<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Extensions of the files that `indexes migrate` writes; other files are not read.
const MIGRATION_EXTENSIONS: [&str; 7] = ["sql", "py", "rb", "js", "cjs", "mjs", "ts"];
/// Larger files are not read: `indexes migrate` writes a few kB per index.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Whether a file may be a migration that pgtend wrote.
fn may_be_migration(path: &Path, bytes: u64) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    bytes <= MAX_FILE_BYTES && extension.is_some_and(|extension| MIGRATION_EXTENSIONS.contains(&extension))
}

/// Returns the indexes of the migrations in a folder and its subfolders, and the number of migration files without one.
fn read_written_indexes(
    folder: &Path,
    mut content: impl FnMut(&Path) -> std::io::Result<Vec<u8>>,
) -> Result<(Vec<WrittenIndex>, usize), Failure> {
    let failed =
        |path: &Path, error: &std::io::Error| Failure::from(anyhow::anyhow!("cannot read {}: {error}", path.display()));
    let mut found: BTreeMap<IndexMarker, Vec<String>> = BTreeMap::new();
    let mut other_files = 0;
    let mut folders = vec![folder.to_path_buf()];
    while let Some(path) = folders.pop() {
        let entries = fs::read_dir(&path);
        // The named folder itself must exist.
        let entries = if path == folder { entries.map(Some) } else { unless_removed(entries) };
        let Some(entries) = entries.map_err(|error| failed(&path, &error))? else { continue };
        for entry in entries {
            let entry = entry.map_err(|error| failed(&path, &error))?;
            let path = entry.path();
            let kind = unless_removed(entry.file_type()).map_err(|error| failed(&path, &error))?;
            let Some(kind) = kind else { continue };
            if kind.is_dir() {
                let name = entry.file_name();
                folders.extend(Some(path).filter(|_| !is_third_party_folder(&name.to_string_lossy())));
                continue;
            }
            let metadata = unless_removed(entry.metadata()).map_err(|error| failed(&path, &error))?;
            if !kind.is_file() || !metadata.is_some_and(|metadata| may_be_migration(&path, metadata.len())) {
                continue;
            }
            let text = unless_removed(content(&path)).map_err(|error| failed(&path, &error))?;
            let Some(text) = text else { continue };
            let marks = parse_index_markers(&String::from_utf8_lossy(&text));
            other_files += usize::from(marks.is_empty());
            let shown = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            for mark in marks {
                found.entry(mark).or_default().push(shown.clone());
            }
        }
    }
    let written = found.into_iter().map(|(IndexMarker { schema, table, index }, mut files)| {
        files.sort();
        WrittenIndex { schema, table, index, files }
    });
    Ok((written.collect(), other_files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_migration_files_are_read() {
        let root = tempfile::tempdir().unwrap();
        for folder in [".git", "node_modules", "a"] {
            fs::create_dir(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join("x.sql"), "select 1").unwrap();
        }
        fs::write(root.path().join("V1__x.sql.conf"), "x").unwrap();
        fs::write(root.path().join("large.sql"), " ".repeat(1 + MAX_FILE_BYTES as usize)).unwrap();
        let mut read = Vec::new();
        let (written, others) = read_written_indexes(root.path(), |path| {
            read.push(path.strip_prefix(root.path()).unwrap().to_owned());
            fs::read(path)
        })
        .unwrap();
        assert_eq!((written.len(), others, read), (0, 1, vec![PathBuf::from("a/x.sql")]));
    }

    #[test]
    fn removed_files_are_skipped() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("migrations");
        fs::create_dir_all(folder.join("inner")).unwrap();
        for file in ["a.sql", "b.sql", "inner/c.sql"] {
            fs::write(folder.join(file), "select 1").unwrap();
        }
        let mut reads = 0;
        let (written, others) = read_written_indexes(&folder, |path| {
            reads += 1;
            let text = fs::read(path);
            fs::remove_dir_all(&folder).ok();
            text
        })
        .unwrap();
        assert_eq!((written.len(), others), (0, 1));
        assert!(reads >= 1);
        assert!(read_written_indexes(&folder, |path| fs::read(path)).is_err(), "the folder itself is gone");
    }
}
