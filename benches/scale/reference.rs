//! The reference: the common query for relation sizes, as psql runs it.

use std::io::{BufWriter, Write};
use std::process::Command;

use tokio_postgres::{NoTls, SimpleQueryMessage};

/// The argument with which this program itself runs the reference, if psql is not installed.
pub const REFERENCE_ARGUMENT: &str = "reference";

const REFERENCE_QUERY: &str = "select relname, relkind, reltuples, pg_relation_size(oid) from pg_class";

pub fn reference_command(conninfo: &str) -> Command {
    let mut command = Command::new("psql");
    if Command::new("psql").arg("--version").output().is_ok() {
        command.args(["-X", "-At", "-d", conninfo, "-c", REFERENCE_QUERY]);
    } else {
        command = Command::new(std::env::current_exe().expect("our own path"));
        command.args([REFERENCE_ARGUMENT, conninfo]);
    }
    command
}

/// Prints the output of psql.
pub fn print_reference(conninfo: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let answer = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(conninfo, NoTls).await.expect("a session");
        tokio::spawn(connection);
        client.simple_query(REFERENCE_QUERY).await.expect("an answer")
    });
    let mut out = BufWriter::new(std::io::stdout().lock());
    for message in answer {
        if let SimpleQueryMessage::Row(row) = message {
            let cells: Vec<&str> = (0..row.len()).map(|position| row.get(position).unwrap_or_default()).collect();
            writeln!(out, "{}", cells.join("|")).expect("stdout");
        }
    }
}
