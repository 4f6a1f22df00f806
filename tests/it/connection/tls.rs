use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::certificates::{CERTIFICATES, file, server_files};
use super::server::Server;
use super::*;

fn server(certificate: &str) -> Server {
    let (conf, files) = server_files(certificate);
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    Server::start(&conf, "local all all trust\nhost all all all trust\n", &files)
}

static SERVER: LazyLock<Server> = LazyLock::new(|| server("server"));
static SELF_SIGNED: LazyLock<Server> = LazyLock::new(|| server("selfsigned"));
static NAMED: LazyLock<Server> = LazyLock::new(|| server("named"));
static ADDRESS: LazyLock<Server> = LazyLock::new(|| server("address"));
static PLAIN: LazyLock<Server> =
    LazyLock::new(|| Server::start("", "local all all trust\nhost all all all trust\n", &[]));

fn at(server: &Server, host: &str, more: &str) -> String {
    format!("host={host} hostaddr=127.0.0.1 port={} dbname=postgres user=postgres {more}", server.port)
}

#[tokio::test]
async fn the_wrong_authority_is_refused() {
    let root = file("sslrootcert", "other_ca.crt");
    // With a root certificate file, require verifies too.
    for mode in ["require", "verify-ca", "verify-full"] {
        let error = refusal(&at(&SERVER, "db.test", &format!("sslmode={mode} {root}"))).await;
        let path = shown(CERTIFICATES.path("other_ca.crt"));
        assert_says(&error, &["not signed by an authority in", &path, "root-ca"], &path);
    }
    let connected = session(&at(&SERVER, "db.test", &format!("sslmode=prefer {root}"))).await;
    assert_eq!(connected.tls, None, "prefer goes on without TLS");
    for server in [&SELF_SIGNED, &NAMED] {
        let error = refusal(&at(server, "db.test", &format!("sslmode=verify-ca {root}"))).await;
        assert_says(&error, &["not signed by an authority in"], "sslrootcert");
    }
}

#[tokio::test]
async fn the_wrong_name_is_refused_with_the_names_of_the_certificate() {
    let root = file("sslrootcert", "ca.crt");
    for host in ["ignored.test", "other.test", "wild.test", "a.b.wild.test", "127.0.0.1"] {
        let error = refusal(&at(&SERVER, host, &format!("sslmode=verify-full {root}"))).await;
        let wanted = format!("not for host name \"{host}\"");
        assert_says(&error, &["db.test, *.wild.test", &wanted], "one of the names");
    }
    let error = refusal(&at(&NAMED, "db.test", &format!("sslmode=verify-full {root}"))).await;
    assert_says(&error, &["is for named.test, not for"], "named.test");
    let error = refusal(&at(
        &SELF_SIGNED,
        "db.test",
        &format!("sslmode=verify-full {}", file("sslrootcert", "selfsigned.crt")),
    ))
    .await;
    assert_says(&error, &["is for dbhost.test, not for"], "dbhost.test");
    let error =
        refusal(&format!("hostaddr=127.0.0.1 port={} user=postgres sslmode=verify-full {root}", SERVER.port)).await;
    assert_says(&error, &["host name must be specified"], "hostaddr");
}

#[tokio::test]
async fn verification_without_a_root_file_is_refused() {
    for mode in ["verify-ca", "verify-full"] {
        let error = refusal(&at(&SERVER, "db.test", &format!("sslmode={mode} sslrootcert=/nowhere.crt"))).await;
        assert_says(&error, &["root certificate file \"/nowhere.crt\" does not exist"], "sslrootcert=system");
        let error = refusal(&at(&SERVER, "db.test", &format!("sslmode={mode}"))).await;
        assert_says(&error, &["no home directory"], "sslrootcert");
    }
    let error = refusal(&at(&SERVER, "db.test", &format!("sslmode=require {}", file("sslrootcert", "ca.key")))).await;
    assert_says(&error, &["could not read root certificate file"], "");
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".postgresql")).unwrap();
    std::fs::copy(CERTIFICATES.path("other_ca.crt"), home.path().join(".postgresql/root.crt")).unwrap();
    let environment = Environment { home: Some(home.path().into()), ..Environment::default() };
    let text = at(&SERVER, "db.test", "sslmode=require");
    let error = refusal_of(&resolved(&text, environment).conninfo, &text).await;
    assert_says(&error, &[".postgresql/root.crt"], "sslrootcert");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    for mode in ["require", "verify-ca", "verify-full"] {
        let error = refusal(&at(&PLAIN, "db.test", &format!("sslmode={mode} {}", file("sslrootcert", "ca.crt")))).await;
        assert_says(&error, &["does not support SSL"], "turn on ssl");
    }
    for mode in ["disable", "allow", "prefer"] {
        assert_eq!(session(&at(&PLAIN, "db.test", &format!("sslmode={mode}"))).await.tls, None);
    }
}

#[tokio::test]
async fn the_system_does_not_know_our_authority() {
    let error = refusal(&at(&SERVER, "db.test", "sslrootcert=system")).await;
    let text = error.to_string();
    assert!(text.contains("the system's root certificates") || text.contains("no root certificates"), "{text}");
}

#[test]
fn the_system_may_be_told_of_our_authority() {
    let output = std::process::Command::new(std::env::current_exe().expect("the test binary"))
        .args(["--exact", "connection::tls::system_roots_in_a_process_of_their_own", "--ignored"])
        .env("SSL_CERT_FILE", CERTIFICATES.path("ca.crt"))
        .env("PGTEND_TEST_PORT", SERVER.port.to_string())
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
#[ignore = "needs the environment its caller gives it"]
async fn system_roots_in_a_process_of_their_own() {
    let port = std::env::var("PGTEND_TEST_PORT").expect("a port");
    let base = format!("hostaddr=127.0.0.1 port={port} dbname=postgres user=postgres sslrootcert=system");
    let error = refusal(&format!("host=other.test {base}")).await;
    assert_says(&error, &["not for host name \"other.test\""], "db.test");
    assert!(session(&format!("host=db.test {base}")).await.tls.is_some());
}

#[tokio::test]
async fn every_mode_connects_to_the_right_server() {
    let root = file("sslrootcert", "ca.crt");
    for (mode, tls) in [
        ("disable", false),
        ("allow", false),
        ("prefer", true),
        ("require", true),
        ("verify-ca", true),
        ("verify-full", true),
    ] {
        let connected = session(&at(&SERVER, "db.test", &format!("sslmode={mode} {root}"))).await;
        assert_eq!(connected.tls.is_some(), tls, "{mode}");
    }
    session(&at(&SERVER, "any.WILD.test", &format!("sslmode=verify-full {root}"))).await;
    session(&at(&SERVER, "other.test", &format!("sslmode=verify-ca {root}"))).await;
    session(&at(&ADDRESS, "127.0.0.1", &format!("sslmode=verify-full {root}"))).await;
    session(&at(&SERVER, "db.test", &format!("sslmode=verify-full sslsni=0 {root}"))).await;
    session(&at(&SERVER, "other.test", "sslmode=require sslrootcert=/nowhere.crt")).await;
}

#[tokio::test]
async fn the_certificates_of_the_manual_are_accepted() {
    let root = file("sslrootcert", "selfsigned.crt");
    session(&at(&SELF_SIGNED, "dbhost.test", &format!("sslmode=verify-full {root}"))).await;
    session(&at(&SELF_SIGNED, "other.test", &format!("sslmode=verify-ca {root}"))).await;
    let root = file("sslrootcert", "ca.crt");
    for version in ["TLSv1.2", "TLSv1.3"] {
        let more =
            format!("sslmode=verify-full {root} ssl_min_protocol_version={version} ssl_max_protocol_version={version}");
        for (server, host) in [(&NAMED, "named.test"), (&SERVER, "db.test")] {
            assert_eq!(session(&at(server, host, &more)).await.tls, Some(version));
        }
    }
}

#[tokio::test]
async fn tls_from_the_first_byte_needs_17() {
    let text =
        at(&SERVER, "db.test", &format!("sslmode=verify-full sslnegotiation=direct {}", file("sslrootcert", "ca.crt")));
    if SERVER.major() >= 17 {
        assert!(session(&text).await.tls.is_some());
    } else {
        refusal(&text).await;
    }
}

#[tokio::test]
async fn a_statement_is_cancelled_over_the_same_kind_of_connection() {
    let root = file("sslrootcert", "ca.crt");
    let over_tls = at(&SERVER, "db.test", &format!("sslmode=verify-full {root}"));
    for text in [over_tls, at(&SERVER, "db.test", "sslmode=disable"), SERVER.socket("user=postgres")] {
        let connected = session(&text).await;
        let since = Instant::now();
        let (slept, cancelled) = tokio::join!(connected.client.batch_execute("select pg_sleep(30)"), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            connected.canceller.cancel().await
        });
        cancelled.expect("the request is taken");
        assert_eq!(slept.unwrap_err().code().unwrap().code(), "57014");
        assert!(since.elapsed() < Duration::from_secs(5));
    }
}
