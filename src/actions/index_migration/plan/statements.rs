//! Statements that drop an index, and those that create it exactly as it was.

use crate::facts::IndexDdl;
use crate::quote::{dollar_quote, qualified, quote_identifier, quote_literal};
use std::collections::HashMap;

/// One statement in one line, without a semicolon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// SQL text.
    pub sql: String,
    /// Whether the server refuses it inside a transaction.
    pub non_transactional: bool,
    /// Whether it only removes what a failed attempt may have left behind.
    pub is_precaution: bool,
}

/// Lock timeout for dropping a partitioned index. While it waits, all later requests queue behind it.
pub const EXCLUSIVE_LOCK_TIMEOUT: &str = "3s";

impl Statement {
    fn non_transactional(sql: String) -> Statement {
        Statement { sql, non_transactional: true, is_precaution: false }
    }

    fn transactional(sql: String) -> Statement {
        Statement { sql, non_transactional: false, is_precaution: false }
    }
}

/// Why an index cannot be written to a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The definition has a control character, such as a line break.
    #[error("its definition contains a line break or another control character, which migration files cannot have")]
    ControlCharacter,
    /// The definition is not valid UTF-8.
    #[error("its definition is not valid UTF-8")]
    NotUtf8,
    /// The definition is not a CREATE INDEX statement.
    #[error("its definition is not a CREATE INDEX statement: {0:?}")]
    NoCreateIndex(String),
    /// The predicate is not at the end of the definition.
    #[error("its predicate is not at the end of its definition")]
    PredicateNotAtEnd,
}

/// Returns the statement that drops the index. It is a single one, so that no tool can execute half of it.
///
/// # Errors
///
/// The name cannot be written to a file.
pub fn drop_index_statement(index: &IndexDdl) -> Result<Statement, StatementError> {
    check_plain_text(&index.schema)?;
    check_plain_text(&index.index)?;
    let name = qualified(&index.schema, &index.index);
    if !index.is_partitioned {
        return Ok(Statement::non_transactional(format!("DROP INDEX CONCURRENTLY IF EXISTS {name}")));
    }
    // A partitioned index cannot be dropped concurrently. All later requests queue behind the requested lock, so it may
    // wait only briefly. In a DO block the timeout ends with it, in every tool.
    let tag = dollar_quote(&name);
    Ok(Statement::transactional(format!(
        "DO {tag} BEGIN SET LOCAL lock_timeout = '{EXCLUSIVE_LOCK_TIMEOUT}'; DROP INDEX IF EXISTS {name}; END {tag}"
    )))
}

/// Returns the statements that restore an index and, if it is partitioned, all indexes attached to it: each is built
/// without blocking writes, then attached, the deepest first, then gets its other properties
/// (docs/reference/index-ddl.md#order-of-statements).
///
/// # Errors
///
/// The definition cannot be written to a file.
pub fn create_index_statements(index_tree: &[IndexDdl]) -> Result<Vec<Statement>, StatementError> {
    let mut steps = Vec::new();
    for index in index_tree.iter().filter(|index| index.is_partitioned) {
        steps.push(Statement::transactional(create_statement(index, "IF NOT EXISTS ")?));
    }
    let is_single = index_tree.len() == 1;
    for index in index_tree.iter().filter(|index| !index.is_partitioned) {
        if is_single {
            // IF NOT EXISTS would accept the invalid leftover of a failed attempt.
            let sql = format!("DROP INDEX CONCURRENTLY IF EXISTS {}", qualified(&index.schema, &index.index));
            steps.push(Statement { is_precaution: true, ..Statement::non_transactional(sql) });
        }
        steps.push(Statement::non_transactional(create_statement(index, "CONCURRENTLY IF NOT EXISTS ")?));
    }
    let by_oid: HashMap<u32, &IndexDdl> = index_tree.iter().map(|index| (index.oid, index)).collect();
    // Parents come before their children in the tree.
    for index in index_tree.iter().rev() {
        if let Some(parent) = index.parent_oid.and_then(|oid| by_oid.get(&oid)) {
            let (parent, child) = (qualified(&parent.schema, &parent.index), qualified(&index.schema, &index.index));
            steps.push(Statement::transactional(format!("ALTER INDEX {parent} ATTACH PARTITION {child}")));
        }
    }
    for index in index_tree {
        steps.extend(attribute_statements(index).into_iter().map(Statement::transactional));
    }
    if let Some(index) = index_tree.iter().find(|index| index.is_expression) {
        // The drop removed the statistics on the expression, which the planner relies on.
        steps.push(Statement::transactional(format!("ANALYZE {}", qualified(&index.schema, &index.table))));
    }
    for step in &steps {
        check_plain_text(&step.sql)?;
    }
    Ok(steps)
}

/// Returns the server's definition with `how` between `INDEX` and the name, and with the tablespace.
fn create_statement(index: &IndexDdl, how: &str) -> Result<String, StatementError> {
    let definition = &index.definition;
    let head = ["CREATE UNIQUE INDEX ", "CREATE INDEX "].into_iter().find(|head| definition.starts_with(head));
    let Some(head) = head else { return Err(StatementError::NoCreateIndex(definition.clone())) };
    let mut rest = definition[head.len()..].to_owned();
    if let Some(tablespace) = &index.tablespace {
        let clause = match &index.predicate {
            Some(predicate) => format!(" WHERE {predicate}"),
            None => String::new(),
        };
        let before = rest.strip_suffix(&clause).ok_or(StatementError::PredicateNotAtEnd)?;
        rest = format!("{before} TABLESPACE {}{clause}", quote_identifier(tablespace));
    }
    Ok(format!("{head}{how}{rest}"))
}

/// Returns the statements for attributes that `pg_get_indexdef` leaves out.
fn attribute_statements(index: &IndexDdl) -> Vec<String> {
    let name = qualified(&index.schema, &index.index);
    let table = qualified(&index.schema, &index.table);
    let mut statements = Vec::new();
    for (column, target) in &index.statistics {
        statements.push(format!("ALTER INDEX {name} ALTER COLUMN {column} SET STATISTICS {target}"));
    }
    if let Some(comment) = &index.comment {
        statements.push(format!("COMMENT ON INDEX {name} IS {}", quote_literal(comment)));
    }
    if index.is_clustered {
        statements.push(format!("ALTER TABLE {table} CLUSTER ON {}", quote_identifier(&index.index)));
    }
    if index.is_replica_identity {
        statements.push(format!("ALTER TABLE {table} REPLICA IDENTITY USING INDEX {}", quote_identifier(&index.index)));
    }
    for extension in &index.extensions {
        statements.push(format!("ALTER INDEX {name} DEPENDS ON EXTENSION {}", quote_identifier(extension)));
    }
    statements
}

fn check_plain_text(text: &str) -> Result<&str, StatementError> {
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(StatementError::ControlCharacter);
    }
    if text.contains('\u{FFFD}') {
        return Err(StatementError::NotUtf8);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index() -> IndexDdl {
        IndexDdl {
            oid: 1,
            schema: "app".to_owned(),
            index: "users_email_idx".to_owned(),
            table: "users".to_owned(),
            is_valid: true,
            definition: "CREATE INDEX users_email_idx ON app.users USING btree (email) WHERE (id > 0)".to_owned(),
            predicate: Some("(id > 0)".to_owned()),
            ..IndexDdl::default()
        }
    }

    fn texts(steps: &[Statement]) -> Vec<&str> {
        steps.iter().map(|step| step.sql.as_str()).collect()
    }

    #[test]
    fn create_index_restores_all_attributes() {
        let complete = IndexDdl {
            tablespace: Some("fast disk".to_owned()),
            comment: Some("it's\na \\ note".to_owned()),
            statistics: vec![(1, 500)],
            is_clustered: true,
            is_replica_identity: true,
            is_expression: true,
            extensions: vec!["pg_trgm".to_owned()],
            ..index()
        };
        assert_eq!(
            drop_index_statement(&complete).unwrap().sql,
            "DROP INDEX CONCURRENTLY IF EXISTS app.users_email_idx"
        );
        assert_eq!(
            texts(&create_index_statements(&[complete]).unwrap()),
            [
                "DROP INDEX CONCURRENTLY IF EXISTS app.users_email_idx",
                "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_email_idx ON app.users USING btree (email) \
                 TABLESPACE \"fast disk\" WHERE (id > 0)",
                "ALTER INDEX app.users_email_idx ALTER COLUMN 1 SET STATISTICS 500",
                "COMMENT ON INDEX app.users_email_idx IS E'it''s\\na \\\\ note'",
                "ALTER TABLE app.users CLUSTER ON users_email_idx",
                "ALTER TABLE app.users REPLICA IDENTITY USING INDEX users_email_idx",
                "ALTER INDEX app.users_email_idx DEPENDS ON EXTENSION pg_trgm",
                "ANALYZE app.users",
            ]
        );
    }

    #[test]
    fn create_index_rebuilds_partition_tree() {
        let partition_index = |oid, parent_oid, name: &str, is_partitioned| IndexDdl {
            oid,
            parent_oid,
            index: name.to_owned(),
            table: format!("t_{name}"),
            is_partitioned,
            definition: format!(
                "CREATE INDEX {name} ON {}app.t_{name} USING btree (k)",
                if is_partitioned { "ONLY " } else { "" }
            ),
            predicate: None,
            ..index()
        };
        let index_tree = [
            partition_index(1, None, "root", true),
            partition_index(2, Some(1), "mid", true),
            partition_index(3, Some(1), "a", false),
            partition_index(4, Some(2), "b", false),
        ];
        let drop = drop_index_statement(&index_tree[0]).unwrap();
        assert_eq!(drop.sql, "DO $$ BEGIN SET LOCAL lock_timeout = '3s'; DROP INDEX IF EXISTS app.root; END $$");
        assert!(!drop.non_transactional);
        let steps = create_index_statements(&index_tree).unwrap();
        assert_eq!(
            texts(&steps),
            [
                "CREATE INDEX IF NOT EXISTS root ON ONLY app.t_root USING btree (k)",
                "CREATE INDEX IF NOT EXISTS mid ON ONLY app.t_mid USING btree (k)",
                "CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON app.t_a USING btree (k)",
                "CREATE INDEX CONCURRENTLY IF NOT EXISTS b ON app.t_b USING btree (k)",
                "ALTER INDEX app.mid ATTACH PARTITION app.b",
                "ALTER INDEX app.root ATTACH PARTITION app.a",
                "ALTER INDEX app.root ATTACH PARTITION app.mid",
            ]
        );
        assert_eq!(
            steps.iter().map(|step| step.non_transactional).collect::<Vec<_>>(),
            [false, false, true, true, false, false, false]
        );
    }

    #[test]
    fn statements_reject_unrepresentable_index() {
        let broken = IndexDdl { definition: "CREATE INDEX \"a\nb\" ON t".to_owned(), predicate: None, ..index() };
        assert_eq!(create_index_statements(&[broken]).unwrap_err(), StatementError::ControlCharacter);
        let bytes = IndexDdl { index: "a\u{FFFD}".to_owned(), ..index() };
        assert_eq!(drop_index_statement(&bytes).unwrap_err(), StatementError::NotUtf8);
        let other = IndexDdl { definition: "ALTER TABLE t ADD CONSTRAINT".to_owned(), ..index() };
        assert!(matches!(create_index_statements(&[other]).unwrap_err(), StatementError::NoCreateIndex(_)));
        let misplaced_predicate =
            IndexDdl { tablespace: Some("x".to_owned()), predicate: Some("(id > 1)".to_owned()), ..index() };
        assert_eq!(create_index_statements(&[misplaced_predicate]).unwrap_err(), StatementError::PredicateNotAtEnd);
    }

    /// Returns the value of a literal, as the server reads it.
    fn parse_literal(literal: &str) -> String {
        let (is_escape, body) = match literal.strip_prefix('E') {
            Some(rest) => (true, rest),
            None => (false, literal),
        };
        let body = body.strip_prefix('\'').and_then(|body| body.strip_suffix('\'')).expect("in quotes");
        let mut text = String::new();
        let mut chars = body.chars();
        while let Some(c) = chars.next() {
            match c {
                '\'' => assert_eq!(chars.next(), Some('\'')),
                '\\' if is_escape => match chars.next().expect("an escape") {
                    'n' => {
                        text.push('\n');
                        continue;
                    }
                    'r' => {
                        text.push('\r');
                        continue;
                    }
                    't' => {
                        text.push('\t');
                        continue;
                    }
                    'u' => {
                        let digits: String = chars.by_ref().take(4).collect();
                        text.push(char::from_u32(u32::from_str_radix(&digits, 16).expect("hex")).expect("a letter"));
                        continue;
                    }
                    other => {
                        text.push(other);
                        continue;
                    }
                },
                _ => {}
            }
            text.push(c);
        }
        text
    }

    proptest! {
        #[test]
        fn quoted_literal_roundtrips_on_one_line(text in any::<String>()) {
            let literal = quote_literal(&text);
            prop_assert!(check_plain_text(&literal.replace('\u{FFFD}', "")).is_ok(), "{literal:?}");
            prop_assert_eq!(parse_literal(&literal), text);
        }
    }
}
