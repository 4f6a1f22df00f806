//! Revocation lists beyond the matrix: other modes, the environment, files that are not lists, the program.

use std::path::PathBuf;
use std::sync::LazyLock;

use super::super::{connect_error, open_session, parse_conninfo};
use super::oracle::CertificateServer;
use super::*;

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let mut certificates = templates::certificate_templates();
    certificates.retain(|template| ["root", "leaf-revoked", "v1-revoked"].contains(&template.name));
    let mut lists = templates::list_templates();
    lists.retain(|list| ["root", "root-nothing"].contains(&list.name));
    Authority::new(certificates, &lists)
});

static SERVER: LazyLock<CertificateServer> = LazyLock::new(|| {
    CertificateServer::start(
        &AUTHORITY.file_text("leaf-revoked.crt"),
        &AUTHORITY.file_text(&AUTHORITY.key_of("leaf-revoked")),
    )
});

fn conninfo_text(more: &str) -> String {
    let root = AUTHORITY.file_path("root.crt");
    format!(
        "host=db.test hostaddr=127.0.0.1 port={} dbname=postgres user=postgres sslrootcert='{}' {more}",
        SERVER.server.port,
        root.display()
    )
}

fn conninfo_pair(key: &str, path: PathBuf) -> String {
    format!("{key}='{}'", path.display())
}

#[tokio::test]
async fn revocation_is_enforced_in_verifying_modes() {
    let list = conninfo_pair("sslcrl", AUTHORITY.file_path("root.crl"));
    for mode in ["require", "verify-ca", "verify-full"] {
        let error = connect_error(&conninfo_text(&format!("sslmode={mode} {list}"))).await;
        super::super::assert_says(&error, &["the certificate of CN=db.test is revoked", "root.crl"], "new certificate");
        open_session(&conninfo_text(&format!(
            "sslmode={mode} {}",
            conninfo_pair("sslcrl", AUTHORITY.file_path("root-nothing.crl"))
        )))
        .await;
    }
    let connected = open_session(&conninfo_text(&format!("sslmode=prefer {list}"))).await;
    assert_eq!(connected.tls, None, "prefer continues without TLS");
    // As in libpq: without a root file nothing is verified.
    let nothing = conninfo_text(&format!("sslmode=require {list}")).replace("root.crt", "none.crt");
    assert!(open_session(&nothing).await.tls.is_some());
}

#[tokio::test]
async fn revocation_file_without_list_is_refused() {
    let garbage = AUTHORITY.file_path("garbage.crl");
    std::fs::write(&garbage, "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n").expect("a file");
    for (parameter, part) in [
        (conninfo_pair("sslcrl", "/nowhere.crl".into()), "list \"/nowhere.crl\" does not exist"),
        (conninfo_pair("sslcrldir", "/nowhere.d".into()), "list \"/nowhere.d\" does not exist"),
        (conninfo_pair("sslcrl", AUTHORITY.file_path("root.crt")), "it contains no revocation list (X509 CRL)"),
        (conninfo_pair("sslcrl", AUTHORITY.file_path("root.key")), "it contains no revocation list (X509 CRL)"),
        (conninfo_pair("sslcrl", garbage), "malformed"),
        (conninfo_pair("sslcrldir", AUTHORITY.file_path("root.crl")), "could not read certificate revocation list"),
    ] {
        let error = connect_error(&conninfo_text(&format!("sslmode=verify-full {parameter}"))).await.to_string();
        assert!(error.contains(part), "{parameter}: {error}");
    }
}

#[tokio::test]
async fn revocation_lists_come_from_the_environment() {
    let list = AUTHORITY.file_path("root.crl").display().to_string();
    let vars = [("PGSSLCRL".to_owned(), list)].into_iter().collect();
    let environment = Environment { vars, ..Environment::default() };
    let text = conninfo_text("sslmode=verify-full");
    let revoked = super::super::resolve_conninfo(&text, environment).conninfo;
    let error = super::super::connect_error_of(&revoked, &text).await;
    assert!(error.to_string().contains("is revoked"), "{error}");
    assert!(connect(&parse_conninfo(&text)).await.is_ok());
}

#[test]
fn revocation_ends_the_command_with_1() {
    for (list, code, part) in [("root.crl", 1, "is revoked"), ("root-nothing.crl", 0, "")] {
        let conninfo =
            conninfo_text(&format!("sslmode=verify-full {}", conninfo_pair("sslcrl", AUTHORITY.file_path(list))));
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
