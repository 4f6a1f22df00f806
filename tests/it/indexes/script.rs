//! A parser of psql scripts: separate statements, `\gexec`; `\set` is ignored.

use tokio_postgres::{Client, SimpleQueryMessage};

/// One statement; with `\gexec`, the texts that it returns are executed in turn.
#[derive(Clone, Debug)]
pub struct Statement {
    pub sql: String,
    pub executes: bool,
}

impl Statement {
    pub fn is_create_index(&self) -> bool {
        self.sql.starts_with("CREATE INDEX") || self.sql.starts_with("CREATE UNIQUE INDEX")
    }
}

/// Splits at semicolons outside of literals, names, comments and bodies.
pub fn split_statements(script: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut now = String::new();
    let mut rest = script;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '-' if rest.starts_with("--") => {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                continue;
            }
            '\\' => {
                let end = rest.find('\n').unwrap_or(rest.len());
                if rest.starts_with("\\gexec") {
                    found.push(Statement { sql: now.trim().to_owned(), executes: true });
                    now.clear();
                }
                rest = &rest[end..];
                continue;
            }
            ';' => {
                if !now.trim().is_empty() {
                    found.push(Statement { sql: now.trim().to_owned(), executes: false });
                }
                now.clear();
                rest = &rest[1..];
                continue;
            }
            '\'' | '"' => rest[1..].find(c).map_or(rest.len(), |end| end + 2),
            '$' if rest.starts_with("$$") => rest[2..].find("$$").map_or(rest.len(), |end| end + 4),
            c => c.len_utf8(),
        };
        now.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    found
}

/// Runs the statements in one session; returns those that failed.
pub async fn run_statements(client: &Client, statements: &[Statement]) -> Vec<String> {
    let mut failed = Vec::new();
    for statement in statements {
        match client.simple_query(&statement.sql).await {
            Ok(answer) if statement.executes => {
                for message in answer {
                    if let SimpleQueryMessage::Row(row) = message {
                        let sql = row.get(0).expect("a statement");
                        client.simple_query(sql).await.unwrap_or_else(|error| panic!("{error:?}\nin: {sql}"));
                    }
                }
            }
            Ok(_) => {}
            Err(_) => failed.push(statement.sql.clone()),
        }
    }
    failed
}
