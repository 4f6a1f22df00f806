//! Invalid input and environments: one clear message, the right exit code, no password.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use pg_sandbox::Cluster;

use super::program::{expect_command_failure, expect_failure, pgtend_command, run_command, run_pgtend};
use crate::clusters::on_the_newest_shared;

const PASSWORD: &str = "correct-horse-battery";

#[test]
fn input_invalid_values_list_valid_ones() {
    for (arguments, expected) in [
        (&["tabels"][..], "tables"),
        (&["tables", "--shcema", "x"], "--schema"),
        (&["tables", "--format", "jsn"], "json"),
        (&["tables", "--color", "sometimes"], "always"),
        (&["slots", "--sort", "size"], "retained"),
        (&["tables", "--min-size", "10 potatoes"], "--min-size"),
        (&["tables", "--min-size", "-1"], ""),
        (&["tables", "--limit", "many"], "--limit"),
        (&["tables", "--schema", "[a"], "--schema"),
        (&["indexes", "--table", "a**b"], "--table"),
        (&["wal", "--limit", "3"], "--limit"),
        (&["tables", "-W", "-w"], "--no-password"),
        (&["audit", "--horizon", "180"], "write 180d for days or 180s for seconds"),
        (&["wal", "--sample", "5"], "5s"),
        (&["audit", "--way", "dump"], "--method"),
        (&["demo", "--story", "disaster"], "--scenario"),
        (&[], "Usage"),
    ] {
        let message = expect_failure(2, arguments);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}

/// The file is not read as an empty snapshot.
#[test]
fn input_snapshot_with_former_keys_is_refused() {
    let text = std::fs::read_to_string(super::scenarios::scenario_file("calm")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (new, old) in [("database_snapshots", "contents"), ("requested_at", "asked_at")] {
        let former = text.replace(&format!("\"{new}\""), &format!("\"{old}\""));
        assert_ne!(former, text);
        let file = folder.path().join(format!("{old}.json"));
        std::fs::write(&file, former).unwrap();
        let file = file.to_str().unwrap();
        for (exit, command) in [(1, "overview"), (1, "indexes"), (1, "audit"), (3, "check")] {
            let message = expect_failure(exit, &[command, "--from", file]);
            assert!(message.contains(old) && message.contains("record it again"), "{command}: {message}");
        }
    }
}

#[test]
fn input_invalid_conninfo_names_the_bad_part() {
    for (conninfo, expected) in [
        ("host=x sslmode=perhaps", "sslmode"),
        ("host=x colour=red", "colour"),
        ("postgresql://x/y?colour=red", "colour"),
        ("postgresql://x:port/y", "port"),
        ("host='x", "quote"),
        ("host=x port=99999", "99999"),
        ("host=x connect_timeout=soon", "connect_timeout"),
        ("service=nowhere", "nowhere"),
    ] {
        let message = expect_failure(2, &["tables", "-d", conninfo]);
        assert!(message.contains(expected), "{conninfo}: {message}");
    }
    let secret = format!("host=x password='{PASSWORD}");
    assert!(!expect_failure(2, &["tables", "-vv", "-d", &secret]).contains(PASSWORD));
    let url = format!("postgresql://app:{PASSWORD}@x:nonsense/y");
    assert!(
        !expect_command_failure(2, pgtend_command(&["tables", "-vv"]).env("DATABASE_URL", &url)).contains(PASSWORD)
    );
}

fn tcp_conninfo(cluster: &Cluster) -> String {
    format!("host=127.0.0.1 port={} user=postgres dbname=postgres", cluster.port())
}

#[tokio::test]
async fn input_server_refusal_is_quoted() {
    on_the_newest_shared("refusals of the server", async |_, cluster| {
        let wrong = format!("{} password={PASSWORD}", tcp_conninfo(cluster));
        let message = expect_failure(1, &["tables", "-vv", "-d", &wrong]);
        assert!(message.contains("password authentication failed") && message.contains("hint"), "{message}");
        assert!(!message.contains(PASSWORD), "{message}");
        let message = expect_failure(1, &["tables", "-w", "-d", &tcp_conninfo(cluster)]);
        assert!(message.contains("password") && message.contains("hint"), "{message}");

        let right = cluster.tcp_conninfo();
        let missing = right.replace("dbname=postgres", "dbname=nowhere");
        let message = expect_failure(1, &["tables", "-vv", "-d", &missing]);
        assert!(message.contains("\"nowhere\" does not exist") && message.contains("hint"), "{message}");
        assert!(!message.contains(cluster.password()), "{message}");

        let traced = run_pgtend(&["tables", "-vv", "--format", "json", "-d", &right]);
        assert_eq!(traced.exit, 0, "{traced:?}");
        assert!(!traced.stderr.is_empty(), "-vv traces");
        assert!(!traced.stderr.contains(cluster.password()) && !traced.stdout.contains(cluster.password()));
        let taken = run_pgtend(&["snapshot", "-d", &right]);
        assert!(!taken.stdout.contains(cluster.password()), "no password in a snapshot");
        let mut by_environment = pgtend_command(&["wal", "-vv"]);
        by_environment.env("PGHOST", "127.0.0.1").env("PGPORT", cluster.port().to_string()).env("PGUSER", "postgres");
        let by_password = run_command(by_environment.env("PGPASSWORD", cluster.password()));
        assert_eq!(by_password.exit, 0, "{by_password:?}");
        assert!(!by_password.stderr.contains(cluster.password()));
    })
    .await;
}

#[test]
fn input_closed_port_is_reported() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let conninfo = format!("host=127.0.0.1 port={port} user=u dbname=d password={PASSWORD}");
    let message = expect_failure(1, &["overview", "-vv", "-d", &conninfo]);
    assert!(
        message.contains("refused") && message.contains(&port.to_string()) && message.contains("hint"),
        "{message}"
    );
    assert!(!message.contains(PASSWORD), "{message}");
}

/// A server of an old version: it accepts every client and sends its version.
fn server_of_version(version: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut startup = [0; 1024];
            if stream.read(&mut startup).is_err() {
                continue;
            }
            let mut greeting = vec![b'R', 0, 0, 0, 8, 0, 0, 0, 0];
            for (name, value) in [("server_version", version), ("client_encoding", "UTF8"), ("TimeZone", "UTC")] {
                let text = format!("{name}\0{value}\0");
                greeting.push(b'S');
                greeting.extend(u32::try_from(text.len() + 4).unwrap().to_be_bytes());
                greeting.extend(text.as_bytes());
            }
            greeting.extend([b'K', 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 2]);
            greeting.extend([b'Z', 0, 0, 0, 5, b'I']);
            if stream.write_all(&greeting).is_ok() {
                let _ = stream.read(&mut startup);
            }
        }
    });
    port
}

#[test]
fn input_too_old_server_is_refused() {
    for (version, expected) in [("12.22", "this server is 12.22"), ("9.6.24", "this server is 9.6.24")] {
        let port = server_of_version(version);
        let conninfo = format!("host=127.0.0.1 port={port} user=u dbname=d sslmode=disable");
        for report in ["tables", "snapshot"] {
            let message = expect_failure(1, &[report, "-d", &conninfo]);
            assert!(message.contains("needs PostgreSQL 13 or newer") && message.contains(expected), "{message}");
        }
    }
}
