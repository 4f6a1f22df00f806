use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::*;

#[tokio::test]
async fn unreachable_closed_port() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = connect_error(&format!("host=127.0.0.1 port={port} user=u dbname=d password={PASSWORD}")).await;
    let host_and_port = format!("\"127.0.0.1\", port {port}");
    assert_says(&error, &["database \"d\" as user \"u\"", &host_and_port, "refused"], "accepts TCP connections");
    assert_eq!(error.sqlstate(), None);
}

#[tokio::test]
async fn unreachable_missing_socket() {
    let error = connect_error(&format!("host=/nowhere port=5499 password={PASSWORD}")).await;
    assert_says(&error, &["\"/nowhere/.s.PGSQL.5499\"", "No such file"], "that the server is running");
    let error = connect_error("host=@pgtend-nowhere port=5499").await;
    assert_says(&error, &["@pgtend-nowhere", "refused"], "that the server is running");
}

#[tokio::test]
async fn unreachable_several_hosts() {
    let error =
        connect_error(&format!("host=127.0.0.1,/nowhere,no-such-host.invalid port=1 password={PASSWORD}")).await;
    let parts =
        ["\"127.0.0.1\", port 1: Connection refused", "\"/nowhere/.s.PGSQL.1\": No such file", "could not translate"];
    assert_says(&error, &parts, "none of the hosts answered");
    assert!(!error.to_string().contains("os error"), "{error}");
}

#[tokio::test]
async fn unreachable_unknown_host() {
    let error = connect_error(&format!("host=no-such-host.invalid password={PASSWORD}")).await;
    assert_says(&error, &["\"no-such-host.invalid\"", "could not translate"], "host name");
}

#[tokio::test]
async fn unreachable_timeout_applies_per_address() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let since = Instant::now();
    let error = connect_error(&format!("host=127.0.0.1 port={port} connect_timeout=1 password={PASSWORD}")).await;
    let took = since.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(3), "{took:?}");
    assert_says(&error, &["timeout after 1 s"], "connect_timeout");
}

#[tokio::test]
async fn unreachable_other_protocol() {
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"", b"S", b"N"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answering = std::thread::spawn(move || {
            use std::io::{Read, Write};
            for _ in 0..2 {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let _ = stream.read(&mut [0; 64]);
                let _ = stream.write_all(answer);
                if answer.is_empty() || answer[0] == b'H' {
                    return;
                }
            }
        });
        let text = format!("host=127.0.0.1 port={port} sslmode=prefer connect_timeout=2 password={PASSWORD}");
        let error = connect_error(&text).await;
        assert!(error.hint().is_some(), "{error}");
        drop(answering);
    }
}
