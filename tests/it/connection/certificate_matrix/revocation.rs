//! Revocation lists beyond the matrix: other modes, the environment, files that are no lists, the binary.

use std::path::PathBuf;
use std::sync::LazyLock;

use super::super::{conninfo, refusal, session};
use super::oracle::CertificateServer;
use super::*;

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let mut certificates = templates::certificates();
    certificates.retain(|template| ["root", "leaf-revoked", "v1-revoked"].contains(&template.name));
    let mut lists = templates::lists();
    lists.retain(|list| ["root", "root-nothing"].contains(&list.name));
    Authority::new(certificates, &lists)
});

static SERVER: LazyLock<CertificateServer> = LazyLock::new(|| {
    CertificateServer::start(&AUTHORITY.text("leaf-revoked.crt"), &AUTHORITY.text(&AUTHORITY.key_of("leaf-revoked")))
});

fn text(more: &str) -> String {
    let root = AUTHORITY.path("root.crt");
    format!(
        "host=db.test hostaddr=127.0.0.1 port={} dbname=postgres user=postgres sslrootcert='{}' {more}",
        SERVER.server.port,
        root.display()
    )
}

fn quoted(key: &str, path: PathBuf) -> String {
    format!("{key}='{}'", path.display())
}

#[tokio::test]
async fn revoked_certificate_is_refused_in_every_mode_that_verifies() {
    let list = quoted("sslcrl", AUTHORITY.path("root.crl"));
    for mode in ["require", "verify-ca", "verify-full"] {
        let error = refusal(&text(&format!("sslmode={mode} {list}"))).await;
        super::super::assert_says(&error, &["the certificate of CN=db.test is revoked", "root.crl"], "new certificate");
        session(&text(&format!("sslmode={mode} {}", quoted("sslcrl", AUTHORITY.path("root-nothing.crl"))))).await;
    }
    let connected = session(&text(&format!("sslmode=prefer {list}"))).await;
    assert_eq!(connected.tls, None, "prefer continues without TLS");
    // As in libpq: without a root file nothing is verified.
    let nothing = text(&format!("sslmode=require {list}")).replace("root.crt", "none.crt");
    assert!(session(&nothing).await.tls.is_some());
}

#[tokio::test]
async fn revocation_file_that_is_no_list_is_refused() {
    let garbage = AUTHORITY.path("garbage.crl");
    std::fs::write(&garbage, "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n").expect("a file");
    for (parameter, part) in [
        (quoted("sslcrl", "/nowhere.crl".into()), "list \"/nowhere.crl\" does not exist"),
        (quoted("sslcrldir", "/nowhere.d".into()), "list \"/nowhere.d\" does not exist"),
        (quoted("sslcrl", AUTHORITY.path("root.crt")), "there is no revocation list (X509 CRL) in it"),
        (quoted("sslcrl", AUTHORITY.path("root.key")), "there is no revocation list (X509 CRL) in it"),
        (quoted("sslcrl", garbage), "malformed"),
        (quoted("sslcrldir", AUTHORITY.path("root.crl")), "could not read certificate revocation list"),
    ] {
        let error = refusal(&text(&format!("sslmode=verify-full {parameter}"))).await.to_string();
        assert!(error.contains(part), "{parameter}: {error}");
    }
}

#[tokio::test]
async fn revocation_lists_come_from_the_environment() {
    let list = AUTHORITY.path("root.crl").display().to_string();
    let vars = [("PGSSLCRL".to_owned(), list)].into_iter().collect();
    let environment = Environment { vars, ..Environment::default() };
    let text = text("sslmode=verify-full");
    let revoked = super::super::resolved(&text, environment).conninfo;
    let error = super::super::refusal_of(&revoked, &text).await;
    assert!(error.to_string().contains("is revoked"), "{error}");
    assert!(connect(&conninfo(&text)).await.is_ok());
}

#[test]
fn revoked_certificate_ends_the_command_with_1() {
    for (list, code, part) in [("root.crl", 1, "is revoked"), ("root-nothing.crl", 0, "")] {
        let conninfo = text(&format!("sslmode=verify-full {}", quoted("sslcrl", AUTHORITY.path(list))));
        let output = assert_cmd::Command::cargo_bin("pgtend")
            .expect("the binary")
            .env_clear()
            .env("HOME", "/nowhere")
            .args(["databases", "-d", &conninfo])
            .output()
            .expect("it runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.contains(part), "{error}");
    }
}
