//! Statements of one index, up and down, as input for every tool.

use crate::actions::index_migration::plan::Statement;
use std::path::PathBuf;

/// Migration of one index.
#[derive(Clone, Debug)]
pub struct Migration {
    /// Name of the index, which becomes part of the file's name.
    pub index: String,
    /// Comment before the statements, one item per line, without comment marks.
    pub header: Vec<String>,
    /// Statement that drops the index.
    pub up: Statement,
    /// Statements that create it again, in order.
    pub down: Vec<Statement>,
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Path relative to the folder of migrations.
    pub path: PathBuf,
    /// Text of the file.
    pub text: String,
}

/// Why a folder cannot get the migrations.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The history of migrations has several ends, so the next one cannot follow it.
    #[error("{folder} has several {what}: {}; merge them first ({how})", heads.join(", "))]
    SeveralHeads {
        /// Path of the folder.
        folder: String,
        /// Plural noun of the heads in the tool's language.
        what: &'static str,
        /// Names of the heads.
        heads: Vec<String>,
        /// Command that merges them.
        how: &'static str,
    },
    /// The tool cannot execute the statement as it is.
    #[error("{framework} cannot execute {sql:?}: {why}")]
    Inexpressible {
        /// Name of the tool.
        framework: &'static str,
        /// The statement.
        sql: String,
        /// Reason.
        why: &'static str,
    },
    /// The folder has two kinds of migrations, and it is unclear which to write.
    #[error("{folder} mixes two kinds of migrations ({what})")]
    Mixed {
        /// Path of the folder.
        folder: String,
        /// Names of the two kinds.
        what: &'static str,
    },
    /// A file or folder cannot be read; the text has the path and the reason.
    #[error("{0}")]
    Unreadable(String),
}

/// Part of a migration, for tools that execute one statement or one transaction per file.
#[derive(Clone, Debug)]
pub struct MigrationPart<'a> {
    pub name: String,
    /// Statement of the migration; `None` when this part has none.
    pub up: Option<&'a Statement>,
    pub down: Vec<&'a Statement>,
    /// Position from 1, and number of parts.
    pub position: (usize, usize),
}

/// No-op statement, for a part of the migration that does nothing.
pub const NO_OP_STATEMENT: &str = "SELECT 1";

impl Migration {
    /// Returns `drop_<index>` in characters that every tool accepts.
    pub fn name(&self) -> String {
        format!("drop_{}", to_snake_case(&self.index))
    }

    /// Returns the complete rollback, for tools that execute one statement after another.
    pub fn down_statements(&self) -> Vec<&Statement> {
        self.down.iter().collect()
    }

    /// Splits the migration so that the rollback of each part is one statement outside a transaction, or several that
    /// share one. Parts are in the order of versions; the rollback runs from the last to the first.
    pub fn parts(&self) -> Vec<MigrationPart<'_>> {
        let mut groups: Vec<Vec<&Statement>> = Vec::new();
        for step in self.down.iter().filter(|step| !step.is_precaution) {
            match groups.last_mut() {
                Some(group) if !step.non_transactional && group.iter().all(|other| !other.non_transactional) => {
                    group.push(step)
                }
                _ => groups.push(vec![step]),
            }
        }
        let count = groups.len();
        let name = |position: usize| match position {
            0 => self.name(),
            _ => format!("restore_{}_{}", to_snake_case(&self.index), count - position),
        };
        let mut parts: Vec<MigrationPart<'_>> = groups
            .into_iter()
            .enumerate()
            .map(|(position, down)| MigrationPart {
                name: name(position),
                up: (position == 0).then_some(&self.up),
                down,
                position: (count - position, count),
            })
            .collect();
        parts.reverse();
        parts
    }
}

impl MigrationPart<'_> {
    pub fn up_sql(&self) -> &str {
        self.up.map_or(NO_OP_STATEMENT, |up| &up.sql)
    }

    pub fn up_is_non_transactional(&self) -> bool {
        self.up.is_some_and(|up| up.non_transactional)
    }

    pub fn down_is_non_transactional(&self) -> bool {
        self.down.iter().any(|step| step.non_transactional)
    }

    /// Returns the statements of the rollback, each with its semicolon.
    pub fn down_sql(&self) -> String {
        join_statements(self.down.iter().copied())
    }
}

/// Returns the statements, each on a line of its own with its semicolon.
pub fn join_statements<'a>(statements: impl IntoIterator<Item = &'a Statement>) -> String {
    statements.into_iter().map(|step| format!("{};\n", step.sql)).collect()
}

/// Returns at most forty lower-case ASCII characters, digits and underscores.
pub fn to_snake_case(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' => snake.push(c),
            _ if !snake.is_empty() && !snake.ends_with('_') => snake.push('_'),
            _ => {}
        }
    }
    snake.truncate(40);
    let snake = snake.trim_matches('_');
    if snake.is_empty() { "index".to_owned() } else { snake.to_owned() }
}

/// Returns `name`, or `name_2`, `name_3` … if it is taken, and adds it to `taken`. The comparison ignores case.
pub fn unused_name(name: &str, taken: &mut Vec<String>) -> String {
    unused_name_by(name, taken, str::to_ascii_lowercase)
}

/// Does the same for a tool that treats two names as equal when `normalize` does.
pub fn unused_name_by(name: &str, taken: &mut Vec<String>, normalize: fn(&str) -> String) -> String {
    let mut candidate = name.to_owned();
    let mut number = 1;
    while taken.iter().any(|name| normalize(name) == normalize(&candidate)) {
        number += 1;
        candidate = format!("{name}_{number}");
    }
    taken.push(candidate.clone());
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(sql: &str, runs_alone: bool) -> Statement {
        Statement { sql: sql.to_owned(), non_transactional: runs_alone, is_precaution: sql == "clear" }
    }

    #[test]
    fn migration_parts_roll_back_in_reverse() {
        let migration = Migration {
            index: "Users e-mail".to_owned(),
            header: Vec::new(),
            up: step("drop", true),
            down: vec![
                step("clear", true),
                step("only", false),
                step("a", true),
                step("b", true),
                step("x", false),
                step("y", false),
            ],
        };
        let pieces = migration.parts();
        let seen: Vec<(String, String, String)> =
            pieces.iter().map(|piece| (piece.name.clone(), piece.up_sql().to_owned(), piece.down_sql())).collect();
        let expected = [
            ("restore_users_e_mail_1", NO_OP_STATEMENT, "x;\ny;\n"),
            ("restore_users_e_mail_2", NO_OP_STATEMENT, "b;\n"),
            ("restore_users_e_mail_3", NO_OP_STATEMENT, "a;\n"),
            ("drop_users_e_mail", "drop", "only;\n"),
        ];
        assert_eq!(seen, expected.map(|(name, up, down)| (name.to_owned(), up.to_owned(), down.to_owned())));
        // From the last part to the first, the statements are in order.
        let walked: String = pieces.iter().rev().map(MigrationPart::down_sql).collect();
        assert_eq!(walked, "only;\na;\nb;\nx;\ny;\n");
    }

    #[test]
    fn migration_name_is_snake_case_and_unique() {
        for (name, expected) in [("Idx; DROP--", "idx_drop"), ("ünï", "n"), ("\"", "index"), ("9a", "9a")] {
            assert_eq!(to_snake_case(name), expected);
        }
        assert!(to_snake_case(&"x_".repeat(60)).len() <= 40);
        let mut taken = vec!["drop_a".to_owned()];
        assert_eq!([unused_name("drop_a", &mut taken), unused_name("drop_a", &mut taken)], ["drop_a_2", "drop_a_3"]);
    }
}
