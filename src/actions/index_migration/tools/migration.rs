//! One index's way there and back, as every framework gets it.

use crate::actions::index_migration::plan::Statement;
use std::path::PathBuf;

/// One index a migration.
#[derive(Clone, Debug)]
pub struct Migration {
    /// The index's name; part of the file's name.
    pub index: String,
    /// What stands in front of the statements, as comments: a line each, without the marks of a comment.
    pub header: Vec<String>,
    pub up: Statement,
    pub down: Vec<Statement>,
}

/// A file that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Below the folder of migrations.
    pub path: PathBuf,
    pub text: String,
}

/// Why a folder cannot get the migrations.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    #[error("{folder} has several {what}: {}; merge them first ({how})", heads.join(", "))]
    SeveralHeads { folder: String, what: &'static str, heads: Vec<String>, how: &'static str },
    #[error("{framework} cannot say {sql:?}: {why}")]
    Inexpressible { framework: &'static str, sql: String, why: &'static str },
    #[error("{folder} mixes two kinds of migrations ({what})")]
    Mixed { folder: String, what: &'static str },
    #[error("{0}")]
    Unreadable(String),
}

/// What a framework that takes one statement a file, or one transaction a file, puts into one migration.
#[derive(Clone, Debug)]
pub struct MigrationPart<'a> {
    pub name: String,
    /// `None` where there is nothing to do on the way there.
    pub up: Option<&'a Statement>,
    pub down: Vec<&'a Statement>,
    /// Its place among the pieces, and how many there are.
    pub position: (usize, usize),
}

/// What stands where a migration has nothing to do.
pub const NO_OP_STATEMENT: &str = "SELECT 1";

impl Migration {
    /// `drop_<index>`, in the letters that every framework takes.
    pub fn name(&self) -> String {
        format!("drop_{}", to_snake_case(&self.index))
    }

    /// Everything the way back needs, for frameworks that run one statement after another.
    pub fn down_statements(&self) -> Vec<&Statement> {
        self.down.iter().collect()
    }

    /// Cut so that each piece's way back is one statement outside of transactions, or several that share one. In the
    /// order of versions: the way back is walked from the last one.
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
        let name = |at: usize| match at {
            0 => self.name(),
            _ => format!("restore_{}_{}", to_snake_case(&self.index), count - at),
        };
        let mut parts: Vec<MigrationPart<'_>> = groups
            .into_iter()
            .enumerate()
            .map(|(at, down)| MigrationPart {
                name: name(at),
                up: (at == 0).then_some(&self.up),
                down,
                position: (count - at, count),
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

    /// The statements of the way back, each with its semicolon.
    pub fn down_sql(&self) -> String {
        join_statements(self.down.iter().copied())
    }
}

/// Statements, each with its semicolon on a line of its own.
pub fn join_statements<'a>(statements: impl IntoIterator<Item = &'a Statement>) -> String {
    statements.into_iter().map(|step| format!("{};\n", step.sql)).collect()
}

/// Lower case letters, digits and underscores, at most forty.
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

/// `name`, or `name_2`, `name_3` … where that is taken; remembers its answer. Capitals make no difference.
pub fn unused_name(name: &str, taken: &mut Vec<String>) -> String {
    unused_name_by(name, taken, str::to_ascii_lowercase)
}

/// The same where two names are one if `seen_as` makes the same of both.
pub fn unused_name_by(name: &str, taken: &mut Vec<String>, normalize: fn(&str) -> String) -> String {
    let mut candidate = name.to_owned();
    let mut number = 1;
    while taken.iter().any(|one| normalize(one) == normalize(&candidate)) {
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
        // Walked backwards, the statements come in their order.
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
