//! Alembic: `<revision>_<name>.py` behind the one head.

use super::{
    Folder, Migration, NewFile, NotWritable,
    django::strings,
    quote::{comment, double_quoted},
};
use crate::plan::index_cleanup::Statement;
use jiff::{Timestamp, tz::TimeZone};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

pub fn files(folder: &Folder, migrations: &[Migration], now: Timestamp) -> Result<Vec<NewFile>, NotWritable> {
    let Revisions { mut all, heads } = revisions(folder)?;
    if heads.len() > 1 {
        return Err(NotWritable::SeveralHeads {
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
        let revision = new_revision(&all, &head, &migration.index, now);
        let name = migration.name();
        let parent = head.as_deref().map_or("None".to_owned(), double_quoted);
        let text = format!(
            "\"\"\"{}\n\nRevision ID: {revision}\nRevises: {}\nCreate Date: {created}\n\"\"\"\n\n{}from alembic import op\n\
             from sqlalchemy import DDL\n\nrevision = \"{revision}\"\ndown_revision = {parent}\nbranch_labels = None\n\
             depends_on = None\n\n\ndef upgrade() -> None:\n    with op.get_context().autocommit_block():\n{}\n\n\
             def downgrade() -> None:\n    with op.get_context().autocommit_block():\n{}",
            name.replace('_', " "),
            head.as_deref().unwrap_or_default(),
            comment("#", &migration.header),
            execute(&migration.up),
            migration.whole_way_back().into_iter().map(execute).collect::<String>(),
        );
        files.push(NewFile { path: format!("{revision}_{name}.py").into(), text });
        all.push(revision.clone());
        head = Some(revision);
    }
    Ok(files)
}

/// A plain string would be searched for `:name`; in DDL only the percent sign means something.
fn execute(step: &Statement) -> String {
    format!("        op.execute(DDL({}))\n", double_quoted(&step.sql.replace('%', "%%")))
}

struct Revisions {
    all: Vec<String>,
    heads: Vec<String>,
}

fn revisions(folder: &Folder) -> Result<Revisions, NotWritable> {
    let mut all = Vec::new();
    let mut behind = Vec::new();
    for name in folder.names.iter().filter(|name| name.ends_with(".py")) {
        let text = folder.text(name)?;
        if let Some(revision) = strings(&assigned(&text, "revision")).into_iter().next() {
            all.push(revision);
            behind.extend(strings(&assigned(&text, "down_revision")));
        }
    }
    let heads = all.iter().filter(|revision| !behind.contains(revision)).cloned().collect();
    Ok(Revisions { all, heads })
}

/// What is assigned to a name at the beginning of a line, with or without its type; brackets may span lines.
fn assigned(text: &str, name: &str) -> String {
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

/// Twelve digits, as Alembic's own; the same for the same migration at the same time.
fn new_revision(all: &[String], head: &Option<String>, index: &str, now: Timestamp) -> String {
    (0_u32..)
        .map(|attempt| {
            let mut hasher = DefaultHasher::new();
            (head, index, now.as_nanosecond(), attempt).hash(&mut hasher);
            format!("{:012x}", hasher.finish() >> 16)
        })
        .find(|revision| !all.contains(revision))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Folder) {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(root.path().join(name), text).unwrap();
        }
        let folder = Folder::read(root.path()).unwrap();
        (root, folder)
    }

    #[test]
    fn the_head_is_what_nobody_revises() {
        let first = ("a_.py", "revision = 'a'\ndown_revision = None\n");
        let typed = ("b_.py", "revision: str = \"b\"\ndown_revision: Union[str, None] = \"a\"  # first\n");
        let (_root, both) = folder(&[first, typed]);
        assert_eq!(revisions(&both).unwrap().heads, ["b"]);
        let (_root, two) = folder(&[first, typed, ("c_.py", "revision = 'c'\ndown_revision = 'a'\n")]);
        assert_eq!(revisions(&two).unwrap().heads, ["b", "c"]);
        assert!(files(&two, &[], Timestamp::UNIX_EPOCH).unwrap_err().to_string().contains("b, c"));
        let merge = ("d_.py", "revision = 'd'\ndown_revision = (\n    'b',\n    'c',\n)\n");
        let (_root, merged) = folder(&[first, typed, ("c_.py", "revision = 'c'\ndown_revision = 'a'\n"), merge]);
        assert_eq!(revisions(&merged).unwrap().heads, ["d"]);
    }
}
