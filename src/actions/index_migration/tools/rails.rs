//! Rails: `db/migrate/<version>_<name>.rb` with a class of the same name.

use super::{
    Migration, MigrationError, MigrationFolder, NewFile, quote::format_comment, stem::Stems, version::VersionStyle,
};
use crate::actions::index_migration::plan::Statement;
use jiff::Timestamp;

pub fn rails_files(
    folder: &MigrationFolder,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<Vec<NewFile>, MigrationError> {
    // Rails refuses two classes with the same name, and `drop_a_1` and `drop_a1` have the same class name.
    let mut stems = Stems::after(folder, ".rb", VersionStyle::Seconds, now).with_normalizer(to_camel_case);
    let release = migration_release(folder)?;
    let mut files = Vec::new();
    for migration in migrations {
        let stem = stems.next(&migration.name());
        let path = format!("{stem}.rb").into();
        let text = format!(
            "{}class {} < ActiveRecord::Migration[{release}]\n  disable_ddl_transaction!\n\n  def up\n{}  end\n\n  def down\n{}  end\nend\n",
            format_comment("#", &migration.header),
            to_camel_case(&stem.name),
            execute_call(&migration.up),
            migration.down_statements().into_iter().map(execute_call).collect::<String>(),
        );
        files.push(NewFile { path, text });
    }
    Ok(files)
}

/// Returns a call with a heredoc. Ruby does not interpret its lines; it only removes the indentation.
fn execute_call(step: &Statement) -> String {
    format!("    execute <<~'SQL'\n      {}\n    SQL\n", step.sql)
}

/// Returns the release of the newest migration, otherwise the installed one.
fn migration_release(folder: &MigrationFolder) -> Result<String, MigrationError> {
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

/// Converts a name like ActiveSupport's `camelize`: `drop_users_idx` becomes `DropUsersIdx`.
fn to_camel_case(name: &str) -> String {
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
    fn rails_class_matches_file_name() {
        assert_eq!(to_camel_case("drop_users_email_idx_2"), "DropUsersEmailIdx2");
        assert_eq!(to_camel_case("drop_9a"), "Drop9a");
    }

    #[test]
    fn rails_class_names_are_unique() {
        let statement = || Statement { sql: "SELECT 1".to_owned(), non_transactional: false, is_precaution: false };
        let drop = |index: &str| Migration {
            index: index.to_owned(),
            header: Vec::new(),
            up: statement(),
            down: vec![statement()],
        };
        let files = [drop("a_1"), drop("a1")];
        let now = "2026-01-31T23:59:58Z".parse().unwrap();
        let made = super::rails_files(&MigrationFolder::default(), &files, now).unwrap();
        let names: Vec<_> = made.iter().map(|file| file.path.display().to_string()).collect();
        assert_eq!(names, ["20260131235958_drop_a_1.rb", "20260131235959_drop_a1_2.rb"]);
        assert!(made[0].text.contains("class DropA1 <") && made[1].text.contains("class DropA12 <"), "{made:?}");
        // An existing migration with the same class name is avoided, too.
        let folder =
            MigrationFolder { names: vec!["20250101000000_drop_b1.rb".to_owned()], ..MigrationFolder::default() };
        let mut stems = Stems::after(&folder, ".rb", VersionStyle::Seconds, now).with_normalizer(to_camel_case);
        assert_eq!(stems.next("drop_b_1").to_string(), "20260131235958_drop_b_1_2");
    }
}
