//! Rails: `db/migrate/<version>_<name>.rb`, a class of that name.

use super::{
    Folder, Migration, NewFile, NotWritable,
    migration::unused,
    quote::comment,
    sql::names,
    version::{Style, Versions, leading_digits},
};
use crate::plan::index_cleanup::Statement;
use jiff::Timestamp;

pub fn files(folder: &Folder, migrations: &[Migration], now: Timestamp) -> Result<Vec<NewFile>, NotWritable> {
    let mut versions = Versions::after(folder.with_ending(".rb").map(leading_digits), Style::Seconds, now);
    let mut taken = names(folder);
    let release = release(folder)?;
    let mut files = Vec::new();
    for migration in migrations {
        let name = unused(&migration.name(), &mut taken);
        let path = format!("{}_{name}.rb", versions.next()).into();
        let text = format!(
            "{}class {} < ActiveRecord::Migration[{release}]\n  disable_ddl_transaction!\n\n  def up\n{}  end\n\n  def down\n{}  end\nend\n",
            comment("#", &migration.header),
            camel(&name),
            execute(&migration.up),
            migration.whole_way_back().into_iter().map(execute).collect::<String>(),
        );
        files.push(NewFile { path, text });
    }
    Ok(files)
}

/// Between these marks Ruby reads nothing but the line itself; it takes only the indentation away.
fn execute(step: &Statement) -> String {
    format!("    execute <<~'SQL'\n      {}\n    SQL\n", step.sql)
}

/// The release the newest migration was written for; else the one that is installed.
fn release(folder: &Folder) -> Result<String, NotWritable> {
    for name in folder.names.iter().rev().filter(|name| name.ends_with(".rb")) {
        let text = folder.text(name)?;
        let found = text.split_once("ActiveRecord::Migration[").and_then(|(_, rest)| rest.split_once(']'));
        if let Some((release, _)) = found
            && !release.is_empty()
            && release.chars().all(|c| c.is_ascii_digit() || c == '.')
        {
            return Ok(release.to_owned());
        }
    }
    Ok("ActiveRecord::Migration.current_version".to_owned())
}

/// `drop_users_idx` as ActiveSupport's `camelize` writes it: `DropUsersIdx`.
fn camel(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    name.split('_').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_called_as_its_file() {
        assert_eq!(camel("drop_users_email_idx_2"), "DropUsersEmailIdx2");
        assert_eq!(camel("drop_9a"), "Drop9a");
    }
}
