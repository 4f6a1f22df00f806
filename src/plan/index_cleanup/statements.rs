//! The statements that take an index away, and those that bring it back just as it was.

use crate::model::{IndexParticulars, dollar_quote, qualified, quote_identifier, quote_literal};
use std::collections::HashMap;

/// One statement, without its semicolon, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub sql: String,
    /// The server refuses it inside a transaction.
    pub runs_alone: bool,
    /// Only clears away what a failed attempt may have left behind.
    pub is_precaution: bool,
}

/// How long the drop of a partitioned index waits for its locks, while everybody else queues behind it.
pub const EXCLUSIVE_LOCK_TIMEOUT: &str = "3s";

impl Statement {
    fn alone(sql: String) -> Statement {
        Statement { sql, runs_alone: true, is_precaution: false }
    }

    fn plain(sql: String) -> Statement {
        Statement { sql, runs_alone: false, is_precaution: false }
    }
}

/// Why an index cannot be written down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    #[error("its definition holds a line break or another control character, and frameworks read files line by line")]
    ControlCharacter,
    #[error("its definition holds bytes that are no UTF-8")]
    NotUtf8,
    #[error("the server described it as {0:?}, which is no CREATE INDEX")]
    NoCreateIndex(String),
    #[error("its predicate is not at the end of its definition")]
    PredicateElsewhere,
}

/// The way there: one statement, so that no framework can run half of it.
pub fn drop_index(index: &IndexParticulars) -> Result<Statement, Unwritable> {
    plain_text(&index.schema)?;
    plain_text(&index.index)?;
    let name = qualified(&index.schema, &index.index);
    if !index.is_partitioned {
        return Ok(Statement::alone(format!("DROP INDEX CONCURRENTLY IF EXISTS {name}")));
    }
    // A partitioned index cannot be dropped concurrently. Whoever comes later waits behind the lock it asks for, so
    // that it may wait only briefly itself; in a block of code the limit ends with it, whatever framework runs it.
    let tag = dollar_quote(&name);
    Ok(Statement::plain(format!(
        "DO {tag} BEGIN SET LOCAL lock_timeout = '{EXCLUSIVE_LOCK_TIMEOUT}'; DROP INDEX IF EXISTS {name}; END {tag}"
    )))
}

/// The way back, for the index itself and, where it is partitioned, all that is attached to it (fact sheet on indexes,
/// C): built one by one without blocking writes, then attached, the deepest first, then decorated.
pub fn build_index(family: &[IndexParticulars]) -> Result<Vec<Statement>, Unwritable> {
    let mut steps = Vec::new();
    for index in family.iter().filter(|index| index.is_partitioned) {
        steps.push(Statement::plain(create(index, "IF NOT EXISTS ")?));
    }
    let is_single = family.len() == 1;
    for index in family.iter().filter(|index| !index.is_partitioned) {
        if is_single {
            // IF NOT EXISTS would be content with the invalid rest of a failed attempt.
            let sql = format!("DROP INDEX CONCURRENTLY IF EXISTS {}", qualified(&index.schema, &index.index));
            steps.push(Statement { is_precaution: true, ..Statement::alone(sql) });
        }
        steps.push(Statement::alone(create(index, "CONCURRENTLY IF NOT EXISTS ")?));
    }
    let by_oid: HashMap<u32, &IndexParticulars> = family.iter().map(|index| (index.oid, index)).collect();
    // Parents come before their children in the family.
    for index in family.iter().rev() {
        if let Some(parent) = index.parent_oid.and_then(|oid| by_oid.get(&oid)) {
            let (parent, child) = (qualified(&parent.schema, &parent.index), qualified(&index.schema, &index.index));
            steps.push(Statement::plain(format!("ALTER INDEX {parent} ATTACH PARTITION {child}")));
        }
    }
    for index in family {
        steps.extend(decorations(index).into_iter().map(Statement::plain));
    }
    if let Some(index) = family.iter().find(|index| index.is_expression) {
        // Statistics on the expression went with the index, and the planner relies on them.
        steps.push(Statement::plain(format!("ANALYZE {}", qualified(&index.schema, &index.table))));
    }
    for step in &steps {
        plain_text(&step.sql)?;
    }
    Ok(steps)
}

/// The server's own text, with what must stand between `INDEX` and the name, and the tablespace where it belongs.
fn create(index: &IndexParticulars, how: &str) -> Result<String, Unwritable> {
    let definition = &index.definition;
    let head = ["CREATE UNIQUE INDEX ", "CREATE INDEX "].into_iter().find(|head| definition.starts_with(head));
    let Some(head) = head else { return Err(Unwritable::NoCreateIndex(definition.clone())) };
    let mut rest = definition[head.len()..].to_owned();
    if let Some(tablespace) = &index.tablespace {
        let clause = match &index.predicate {
            Some(predicate) => format!(" WHERE {predicate}"),
            None => String::new(),
        };
        let before = rest.strip_suffix(&clause).ok_or(Unwritable::PredicateElsewhere)?;
        rest = format!("{before} TABLESPACE {}{clause}", quote_identifier(tablespace));
    }
    Ok(format!("{head}{how}{rest}"))
}

/// What `pg_get_indexdef` leaves out.
fn decorations(index: &IndexParticulars) -> Vec<String> {
    let name = qualified(&index.schema, &index.index);
    let table = qualified(&index.schema, &index.table);
    let mut all = Vec::new();
    for (column, target) in &index.statistics {
        all.push(format!("ALTER INDEX {name} ALTER COLUMN {column} SET STATISTICS {target}"));
    }
    if let Some(comment) = &index.comment {
        all.push(format!("COMMENT ON INDEX {name} IS {}", quote_literal(comment)));
    }
    if index.is_clustered {
        all.push(format!("ALTER TABLE {table} CLUSTER ON {}", quote_identifier(&index.index)));
    }
    if index.is_replica_identity {
        all.push(format!("ALTER TABLE {table} REPLICA IDENTITY USING INDEX {}", quote_identifier(&index.index)));
    }
    for extension in &index.extensions {
        all.push(format!("ALTER INDEX {name} DEPENDS ON EXTENSION {}", quote_identifier(extension)));
    }
    all
}

fn plain_text(text: &str) -> Result<&str, Unwritable> {
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(Unwritable::ControlCharacter);
    }
    if text.contains('\u{FFFD}') {
        return Err(Unwritable::NotUtf8);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index() -> IndexParticulars {
        IndexParticulars {
            oid: 1,
            schema: "app".to_owned(),
            index: "users_email_idx".to_owned(),
            table: "users".to_owned(),
            is_valid: true,
            definition: "CREATE INDEX users_email_idx ON app.users USING btree (email) WHERE (id > 0)".to_owned(),
            predicate: Some("(id > 0)".to_owned()),
            ..IndexParticulars::default()
        }
    }

    fn texts(steps: &[Statement]) -> Vec<&str> {
        steps.iter().map(|step| step.sql.as_str()).collect()
    }

    #[test]
    fn what_the_server_leaves_out_comes_back() {
        let whole = IndexParticulars {
            tablespace: Some("fast disk".to_owned()),
            comment: Some("it's\na \\ note".to_owned()),
            statistics: vec![(1, 500)],
            is_clustered: true,
            is_replica_identity: true,
            is_expression: true,
            extensions: vec!["pg_trgm".to_owned()],
            ..index()
        };
        assert_eq!(drop_index(&whole).unwrap().sql, "DROP INDEX CONCURRENTLY IF EXISTS app.users_email_idx");
        assert_eq!(
            texts(&build_index(&[whole]).unwrap()),
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
    fn a_partitioned_index_comes_back_piece_by_piece() {
        let of = |oid, parent_oid, name: &str, is_partitioned| IndexParticulars {
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
        let family = [
            of(1, None, "root", true),
            of(2, Some(1), "mid", true),
            of(3, Some(1), "a", false),
            of(4, Some(2), "b", false),
        ];
        let drop = drop_index(&family[0]).unwrap();
        assert_eq!(drop.sql, "DO $$ BEGIN SET LOCAL lock_timeout = '3s'; DROP INDEX IF EXISTS app.root; END $$");
        assert!(!drop.runs_alone);
        let steps = build_index(&family).unwrap();
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
            steps.iter().map(|step| step.runs_alone).collect::<Vec<_>>(),
            [false, false, true, true, false, false, false]
        );
    }

    #[test]
    fn what_cannot_be_written_faithfully_is_refused() {
        let broken =
            IndexParticulars { definition: "CREATE INDEX \"a\nb\" ON t".to_owned(), predicate: None, ..index() };
        assert_eq!(build_index(&[broken]).unwrap_err(), Unwritable::ControlCharacter);
        let bytes = IndexParticulars { index: "a\u{FFFD}".to_owned(), ..index() };
        assert_eq!(drop_index(&bytes).unwrap_err(), Unwritable::NotUtf8);
        let other = IndexParticulars { definition: "ALTER TABLE t ADD CONSTRAINT".to_owned(), ..index() };
        assert!(matches!(build_index(&[other]).unwrap_err(), Unwritable::NoCreateIndex(_)));
        let elsewhere =
            IndexParticulars { tablespace: Some("x".to_owned()), predicate: Some("(id > 1)".to_owned()), ..index() };
        assert_eq!(build_index(&[elsewhere]).unwrap_err(), Unwritable::PredicateElsewhere);
    }

    /// What the server makes of a literal.
    fn read(literal: &str) -> String {
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
        fn a_literal_is_one_line_and_means_its_text(text in any::<String>()) {
            let literal = quote_literal(&text);
            prop_assert!(plain_text(&literal.replace('\u{FFFD}', "")).is_ok(), "{literal:?}");
            prop_assert_eq!(read(&literal), text);
        }
    }
}
