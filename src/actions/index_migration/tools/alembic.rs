//! Alembic: `<revision>_<name>.py` after the only head.

use super::{
    Migration, MigrationError, MigrationFolder, NewFile,
    django::string_literals,
    quote::{double_quoted, format_comment},
};
use crate::actions::index_migration::plan::Statement;
use jiff::{Timestamp, tz::TimeZone};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

pub fn alembic_files(
    folder: &MigrationFolder,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<Vec<NewFile>, MigrationError> {
    let Revisions { mut revisions, heads } = read_revisions(folder)?;
    if heads.len() > 1 {
        return Err(MigrationError::SeveralHeads {
            folder: folder.display(),
            what: "heads",
            heads,
            how: "alembic merge heads",
        });
    }
    let mut head = heads.into_iter().next();
    let mut files = Vec::new();
    let created = now.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string();
    for migration in migrations {
        let revision = new_revision(&revisions, &head, &migration.index, now);
        let name = migration.name();
        let parent = head.as_deref().map_or("None".to_owned(), double_quoted);
        let text = format!(
            "\"\"\"{}\n\nRevision ID: {revision}\nRevises: {}\nCreate Date: {created}\n\"\"\"\n\n{}from alembic import op\n\
             from sqlalchemy import DDL\n\nrevision = \"{revision}\"\ndown_revision = {parent}\nbranch_labels = None\n\
             depends_on = None\n\n\ndef upgrade() -> None:\n    with op.get_context().autocommit_block():\n{}\n\n\
             def downgrade() -> None:\n    with op.get_context().autocommit_block():\n{}",
            name.replace('_', " "),
            head.as_deref().unwrap_or_default(),
            format_comment("#", &migration.header),
            execute_call(&migration.up),
            migration.down_statements().into_iter().map(execute_call).collect::<String>(),
        );
        files.push(NewFile { path: format!("{revision}_{name}.py").into(), text });
        revisions.push(revision.clone());
        head = Some(revision);
    }
    Ok(files)
}

/// A plain string would be searched for `:name`. In DDL only the percent sign has a meaning.
fn execute_call(step: &Statement) -> String {
    format!("        op.execute(DDL({}))\n", double_quoted(&step.sql.replace('%', "%%")))
}

struct Revisions {
    revisions: Vec<String>,
    heads: Vec<String>,
}

fn read_revisions(folder: &MigrationFolder) -> Result<Revisions, MigrationError> {
    let mut revisions = Vec::new();
    let mut referenced = Vec::new();
    for name in folder.names.iter().filter(|name| name.ends_with(".py")) {
        let text = folder.text(name)?;
        if let Some(revision) = string_literals(&assigned_value(&text, "revision")).into_iter().next() {
            revisions.push(revision);
            referenced.extend(string_literals(&assigned_value(&text, "down_revision")));
        }
    }
    let heads = revisions.iter().filter(|revision| !referenced.contains(revision)).cloned().collect();
    Ok(Revisions { revisions, heads })
}

/// Returns the value assigned to a name at the beginning of a line, with or without a type; brackets may span lines.
fn assigned_value(text: &str, name: &str) -> String {
    let mut lines = text.lines().skip_while(|line| {
        let rest = line.strip_prefix(name).map(str::trim_start);
        !rest.is_some_and(|rest| rest.starts_with('=') && !rest.starts_with("==") || rest.starts_with(':'))
    });
    let Some((_, value)) = lines.next().and_then(|line| line.split_once('=')) else { return String::new() };
    let mut value = value.split('#').next().unwrap_or_default().to_owned();
    if value.trim_start().starts_with('(') {
        for line in lines {
            if value.contains(')') {
                break;
            }
            value.push_str(line);
        }
    }
    value
}

/// Returns twelve digits like Alembic's own; the same for the same migration at the same time.
fn new_revision(revisions: &[String], head: &Option<String>, index: &str, now: Timestamp) -> String {
    (0_u32..)
        .map(|attempt| {
            let mut hasher = DefaultHasher::new();
            (head, index, now.as_nanosecond(), attempt).hash(&mut hasher);
            format!("{:012x}", hasher.finish() >> 16)
        })
        .find(|revision| !revisions.contains(revision))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, MigrationFolder) {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(root.path().join(name), text).unwrap();
        }
        let folder = MigrationFolder::read(root.path()).unwrap();
        (root, folder)
    }

    #[test]
    fn alembic_head_is_unreferenced_revision() {
        let first = ("a_.py", "revision = 'a'\ndown_revision = None\n");
        let typed = ("b_.py", "revision: str = \"b\"\ndown_revision: Union[str, None] = \"a\"  # first\n");
        let (_root, both) = folder(&[first, typed]);
        assert_eq!(read_revisions(&both).unwrap().heads, ["b"]);
        let (_root, two) = folder(&[first, typed, ("c_.py", "revision = 'c'\ndown_revision = 'a'\n")]);
        assert_eq!(read_revisions(&two).unwrap().heads, ["b", "c"]);
        assert!(alembic_files(&two, &[], Timestamp::UNIX_EPOCH).unwrap_err().to_string().contains("b, c"));
        let merge = ("d_.py", "revision = 'd'\ndown_revision = (\n    'b',\n    'c',\n)\n");
        let (_root, merged) = folder(&[first, typed, ("c_.py", "revision = 'c'\ndown_revision = 'a'\n"), merge]);
        assert_eq!(read_revisions(&merged).unwrap().heads, ["d"]);
    }
}
