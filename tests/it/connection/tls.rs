use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::certificates::{CERTIFICATES, file_option, server_files};
use super::server::Server;
use super::*;

fn start_tls_server(certificate: &str) -> Server {
    let (conf, files) = server_files(certificate);
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    Server::start(&conf, "local all all trust\nhost all all all trust\n", &files)
}

static SERVER: LazyLock<Server> = LazyLock::new(|| start_tls_server("server"));
static SELF_SIGNED: LazyLock<Server> = LazyLock::new(|| start_tls_server("selfsigned"));
static NAMED: LazyLock<Server> = LazyLock::new(|| start_tls_server("named"));
static ADDRESS: LazyLock<Server> = LazyLock::new(|| start_tls_server("address"));
static WITHOUT_TLS: LazyLock<Server> =
    LazyLock::new(|| Server::start("", "local all all trust\nhost all all all trust\n", &[]));

fn host_conninfo(server: &Server, host: &str, more: &str) -> String {
    format!("host={host} hostaddr=127.0.0.1 port={} dbname=postgres user=postgres {more}", server.port)
}

#[tokio::test]
async fn tls_wrong_ca_is_refused() {
    let root = file_option("sslrootcert", "other_ca.crt");
    // With a root certificate file, require verifies, too.
    for mode in ["require", "verify-ca", "verify-full"] {
        let error = connect_error(&host_conninfo(&SERVER, "db.test", &format!("sslmode={mode} {root}"))).await;
        let path = path_text(CERTIFICATES.file_path("other_ca.crt"));
        assert_says(&error, &["not signed by an authority in", &path, "root-ca"], &path);
    }
    let connected = open_session(&host_conninfo(&SERVER, "db.test", &format!("sslmode=prefer {root}"))).await;
    assert_eq!(connected.tls, None, "prefer continues without TLS");
    for server in [&SELF_SIGNED, &NAMED] {
        let error = connect_error(&host_conninfo(server, "db.test", &format!("sslmode=verify-ca {root}"))).await;
        assert_says(&error, &["not signed by an authority in"], "sslrootcert");
    }
}

#[tokio::test]
async fn tls_wrong_host_name_lists_certificate_names() {
    let root = file_option("sslrootcert", "ca.crt");
    for host in ["ignored.test", "other.test", "wild.test", "a.b.wild.test", "127.0.0.1"] {
        let error = connect_error(&host_conninfo(&SERVER, host, &format!("sslmode=verify-full {root}"))).await;
        let wanted = format!("not for host name \"{host}\"");
        assert_says(&error, &["db.test, *.wild.test", &wanted], "one of the names");
    }
    let error = connect_error(&host_conninfo(&NAMED, "db.test", &format!("sslmode=verify-full {root}"))).await;
    assert_says(&error, &["is for named.test, not for"], "named.test");
    let error = connect_error(&host_conninfo(
        &SELF_SIGNED,
        "db.test",
        &format!("sslmode=verify-full {}", file_option("sslrootcert", "selfsigned.crt")),
    ))
    .await;
    assert_says(&error, &["is for dbhost.test, not for"], "dbhost.test");
    let error =
        connect_error(&format!("hostaddr=127.0.0.1 port={} user=postgres sslmode=verify-full {root}", SERVER.port))
            .await;
    assert_says(&error, &["host name must be specified"], "hostaddr");
}

#[tokio::test]
async fn tls_verify_without_root_file_is_refused() {
    for mode in ["verify-ca", "verify-full"] {
        let error =
            connect_error(&host_conninfo(&SERVER, "db.test", &format!("sslmode={mode} sslrootcert=/nowhere.crt")))
                .await;
        assert_says(&error, &["root certificate file \"/nowhere.crt\" does not exist"], "sslrootcert=system");
        let error = connect_error(&host_conninfo(&SERVER, "db.test", &format!("sslmode={mode}"))).await;
        assert_says(&error, &["no home directory"], "sslrootcert");
    }
    let error = connect_error(&host_conninfo(
        &SERVER,
        "db.test",
        &format!("sslmode=require {}", file_option("sslrootcert", "ca.key")),
    ))
    .await;
    assert_says(&error, &["could not read root certificate file"], "");
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".postgresql")).unwrap();
    std::fs::copy(CERTIFICATES.file_path("other_ca.crt"), home.path().join(".postgresql/root.crt")).unwrap();
    let environment = Environment { home: Some(home.path().into()), ..Environment::default() };
    let text = host_conninfo(&SERVER, "db.test", "sslmode=require");
    let error = connect_error_of(&resolve_conninfo(&text, environment).conninfo, &text).await;
    assert_says(&error, &[".postgresql/root.crt"], "sslrootcert");
}

#[tokio::test]
async fn tls_required_refuses_server_without_tls() {
    for mode in ["require", "verify-ca", "verify-full"] {
        let error = connect_error(&host_conninfo(
            &WITHOUT_TLS,
            "db.test",
            &format!("sslmode={mode} {}", file_option("sslrootcert", "ca.crt")),
        ))
        .await;
        assert_says(&error, &["does not support SSL"], "set ssl = on");
    }
    for mode in ["disable", "allow", "prefer"] {
        assert_eq!(open_session(&host_conninfo(&WITHOUT_TLS, "db.test", &format!("sslmode={mode}"))).await.tls, None);
    }
}

#[tokio::test]
async fn tls_system_roots_refuse_test_ca() {
    let error = connect_error(&host_conninfo(&SERVER, "db.test", "sslrootcert=system")).await;
    let text = error.to_string();
    assert!(text.contains("the system's root certificates") || text.contains("no root certificates"), "{text}");
}

#[test]
fn tls_system_roots_accept_ssl_cert_file() {
    let output = std::process::Command::new(std::env::current_exe().expect("the test binary"))
        .args(["--exact", "connection::tls::tls_system_roots_in_child_process", "--ignored"])
        .env("SSL_CERT_FILE", CERTIFICATES.file_path("ca.crt"))
        .env("PGTEND_TEST_PORT", SERVER.port.to_string())
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
#[ignore = "runs in a child process with its own environment"]
async fn tls_system_roots_in_child_process() {
    let port = std::env::var("PGTEND_TEST_PORT").expect("a port");
    let base = format!("hostaddr=127.0.0.1 port={port} dbname=postgres user=postgres sslrootcert=system");
    let error = connect_error(&format!("host=other.test {base}")).await;
    assert_says(&error, &["not for host name \"other.test\""], "db.test");
    assert!(open_session(&format!("host=db.test {base}")).await.tls.is_some());
}

#[tokio::test]
async fn tls_every_mode_connects() {
    let root = file_option("sslrootcert", "ca.crt");
    for (mode, tls) in [
        ("disable", false),
        ("allow", false),
        ("prefer", true),
        ("require", true),
        ("verify-ca", true),
        ("verify-full", true),
    ] {
        let connected = open_session(&host_conninfo(&SERVER, "db.test", &format!("sslmode={mode} {root}"))).await;
        assert_eq!(connected.tls.is_some(), tls, "{mode}");
    }
    open_session(&host_conninfo(&SERVER, "any.WILD.test", &format!("sslmode=verify-full {root}"))).await;
    open_session(&host_conninfo(&SERVER, "other.test", &format!("sslmode=verify-ca {root}"))).await;
    open_session(&host_conninfo(&ADDRESS, "127.0.0.1", &format!("sslmode=verify-full {root}"))).await;
    open_session(&host_conninfo(&SERVER, "db.test", &format!("sslmode=verify-full sslsni=0 {root}"))).await;
    open_session(&host_conninfo(&SERVER, "other.test", "sslmode=require sslrootcert=/nowhere.crt")).await;
}

#[tokio::test]
async fn tls_certificates_of_the_manual_are_accepted() {
    let root = file_option("sslrootcert", "selfsigned.crt");
    open_session(&host_conninfo(&SELF_SIGNED, "dbhost.test", &format!("sslmode=verify-full {root}"))).await;
    open_session(&host_conninfo(&SELF_SIGNED, "other.test", &format!("sslmode=verify-ca {root}"))).await;
    let root = file_option("sslrootcert", "ca.crt");
    for version in ["TLSv1.2", "TLSv1.3"] {
        let more =
            format!("sslmode=verify-full {root} ssl_min_protocol_version={version} ssl_max_protocol_version={version}");
        for (server, host) in [(&NAMED, "named.test"), (&SERVER, "db.test")] {
            assert_eq!(open_session(&host_conninfo(server, host, &more)).await.tls, Some(version));
        }
    }
}

#[tokio::test]
async fn tls_direct_negotiation_needs_17() {
    let text = host_conninfo(
        &SERVER,
        "db.test",
        &format!("sslmode=verify-full sslnegotiation=direct {}", file_option("sslrootcert", "ca.crt")),
    );
    if SERVER.major() >= 17 {
        assert!(open_session(&text).await.tls.is_some());
    } else {
        connect_error(&text).await;
    }
}

#[tokio::test]
async fn tls_cancel_request_uses_tls() {
    let root = file_option("sslrootcert", "ca.crt");
    let over_tls = host_conninfo(&SERVER, "db.test", &format!("sslmode=verify-full {root}"));
    for text in
        [over_tls, host_conninfo(&SERVER, "db.test", "sslmode=disable"), SERVER.socket_conninfo("user=postgres")]
    {
        let connected = open_session(&text).await;
        let since = Instant::now();
        let (slept, cancelled) = tokio::join!(connected.client.batch_execute("select pg_sleep(30)"), async {
            // A request before the statement runs would cancel nothing, and pg_sleep would end by itself.
            tokio::time::sleep(Duration::from_millis(100)).await;
            connected.canceller.cancel().await
        });
        cancelled.expect("the request is taken");
        assert_eq!(slept.unwrap_err().code().unwrap().code(), "57014");
        assert!(since.elapsed() < Duration::from_secs(20));
    }
}
