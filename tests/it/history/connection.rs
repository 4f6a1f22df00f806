//! Connections to a store's server: what is refused, what is sent, and the forms of a conninfo.

use super::parse_address;
use crate::{
    clusters::{on_a_major_and_the_newest, shared_cluster, wait_until_sessions_ended},
    connection::{
        certificates::{file_option, server_files},
        server::Server,
    },
    hostile_server::{Connection, HostileServer},
    reports::program::{pgtend_command, run_command, run_pgtend},
};
use pgtend::history::{HistoryError, Store, StoreAddress, StoreName};
use pgtend::postgres::conninfo::Environment;
use std::{io, os::unix::fs::PermissionsExt as _, sync::LazyLock, time::Duration};

const PASSWORD: &str = "correct-horse-battery";

/// TLS on TCP and SCRAM for every role; the role `iam` has a token of 2 kB as its password.
static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let (conf, files) = server_files("server");
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let hba = "local all postgres trust\nlocal all all scram-sha-256\n\
               hostssl all plain all password\nhost all plain all reject\nhost all all all scram-sha-256\n";
    let server = Server::start(&conf, hba, &files);
    for (role, password) in [("app", PASSWORD), ("plain", PASSWORD), ("iam", &long_token())] {
        server.execute_sql(&format!("create role {role} login superuser password '{password}';create database {role}"));
    }
    server
});

/// Returns a token like those of cloud providers: 2 kB with every character that is special in a conninfo.
fn long_token() -> String {
    "host.rds:5432/?Action=connect&X-Sig=%2B+\\@".repeat(50)
}

fn assert_refused(address: &StoreAddress, result: Result<Store, HistoryError>) -> String {
    let Err(error) = result else { panic!("{address}: opened") };
    let message = format!("{error} {error:?} {:?}", error.hint());
    assert!(!message.contains(PASSWORD) && !message.contains(&long_token()), "{message}");
    message
}

/// Opens the store twice, for writing and for reading.
async fn assert_opens(address: &StoreAddress) {
    let store = Store::open(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    store.close().await;
    let read = Store::open_to_read(address, Duration::from_secs(5)).await;
    let store = read.unwrap_or_else(|error| panic!("{address}: {error}")).expect("a store");
    assert!(store.cluster_branches().await.expect("the store answers").is_empty());
    store.close().await;
}

#[test]
fn history_url_refuses_unsupported_parameters() {
    let server = HostileServer::start(|wire| wire.startup().map(drop));
    let port = server.port();
    for (parameter, named) in [
        ("sslmod=require", "sslmod"),
        ("statement-cache-capacity=1", "statement-cache-capacity"),
        ("sslmode=sometimes", "sslmode"),
        ("channel_binding=maybe", "channel_binding"),
        ("require_auth=magic", "require_auth"),
        ("gssencmode=require", "gssencmode"),
        ("sslnegotiation=direct", "sslnegotiation"),
        ("sslpassword=x", "sslpassword"),
        ("replication=database", "replication"),
        ("client_encoding=LATIN1", "client_encoding"),
        ("target_session_attrs=leader", "target_session_attrs"),
        ("service=nowhere", "nowhere"),
    ] {
        let uri = format!("postgresql://app:{PASSWORD}@127.0.0.1:{port}/d?{parameter}");
        let ended = run_pgtend(&["history", "list", "--history", &uri]);
        assert_eq!(ended.exit, 2, "{parameter}: {ended:?}");
        assert!(ended.stderr.contains(named) && !ended.stderr.contains(PASSWORD), "{parameter}: {}", ended.stderr);
        let pairs = format!("host=127.0.0.1 port={port} user=app {parameter} password={PASSWORD}");
        let ended = run_command(pgtend_command(&["history", "list"]).env("PGTEND_HISTORY", &pairs));
        assert_eq!(ended.exit, 2, "{parameter}: {ended:?}");
        assert!(ended.stderr.contains(named) && !ended.stderr.contains(PASSWORD), "{parameter}: {}", ended.stderr);
    }
    assert!(server.received().is_empty(), "{:?}", server.received());
}

/// Starts a server that requests a clear-text password, an MD5 hash, or SCRAM without channel binding.
fn server_asking_for(kind: u32) -> HostileServer {
    HostileServer::start(move |wire: &mut Connection<'_>| -> io::Result<()> {
        wire.startup()?;
        let body: &[u8] = match kind {
            5 => &[1, 2, 3, 4],
            10 => b"SCRAM-SHA-256\0\0",
            _ => &[],
        };
        wire.authentication(kind, body)?;
        let password = wire.message()?;
        let text = String::from_utf8_lossy(password.get(5..).unwrap_or_default()).replace('\0', "");
        wire.error("FATAL", "28P01", &format!("\"{text}\" is not the password"))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn history_password_needs_an_allowed_method() {
    for (kind, parameter) in [
        (3, "require_auth=scram-sha-256"),
        (3, "require_auth=!password"),
        (3, "require_auth=none"),
        (3, "channel_binding=require"),
        (5, "require_auth=scram-sha-256"),
        (10, "require_auth=password,md5"),
        (10, "channel_binding=require"),
    ] {
        let server = server_asking_for(kind);
        let text = format!("host=127.0.0.1 port={} user=app dbname=d password={PASSWORD} {parameter}", server.port());
        let address = parse_address(&text);
        assert_refused(&address, Store::open(&address).await);
        let ended = run_pgtend(&["history", "record", "--from", "/nonexistent", "--history", &text]);
        assert_eq!(ended.exit, 1, "{parameter}: {ended:?}");
        assert!(!server.was_sent(PASSWORD.as_bytes()), "{parameter}");
        let responses = server.received().iter().filter(|message| message.first() == Some(&b'p')).count();
        assert_eq!(responses, 0, "{parameter}: responded to authentication request {kind}");
    }
}

/// As in libpq, unless a parameter forbids it.
#[tokio::test(flavor = "multi_thread")]
async fn history_password_in_clear_text_follows_libpq() {
    let server = server_asking_for(3);
    let text = format!("postgresql://app:{PASSWORD}@127.0.0.1:{}/d", server.port());
    let message = assert_refused(&parse_address(&text), Store::open(&parse_address(&text)).await);
    assert!(message.contains("28P01") && message.contains("is not the password"), "{message}");
    assert!(server.was_sent(PASSWORD.as_bytes()));
}

#[tokio::test(flavor = "multi_thread")]
async fn history_server_certificate_is_verified() {
    let host_address = |host: &str, more: &str| {
        parse_address(&format!(
            "host={host} hostaddr=127.0.0.1 port={} user=app password={PASSWORD} {more}",
            SERVER.port
        ))
    };
    let (right, wrong) = (file_option("sslrootcert", "ca.crt"), file_option("sslrootcert", "other_ca.crt"));
    for (host, more, expected) in [
        ("db.test", format!("sslmode=verify-full {wrong}"), "not signed by an authority"),
        ("db.test", format!("sslmode=require {wrong}"), "not signed by an authority"),
        ("other.test", format!("sslmode=verify-full {right}"), "not for host name \"other.test\""),
        ("db.test", "sslmode=verify-full sslrootcert=/nonexistent".to_owned(), "does not exist"),
        ("db.test", "sslmode=disable channel_binding=require".to_owned(), "channel binding"),
    ] {
        let address = host_address(host, &more);
        let error = assert_refused(&address, Store::open(&address).await);
        assert!(error.contains(expected), "{more}: {error}");
    }
    assert_opens(&host_address(
        "db.test",
        &format!("sslmode=verify-full channel_binding=require require_auth=scram-sha-256 {right}"),
    ))
    .await;
    assert_opens(&host_address("other.test", &format!("sslmode=verify-ca {right}"))).await;
    assert_opens(&host_address("db.test", "sslmode=disable require_auth=scram-sha-256")).await;
    // pg_hba.conf accepts this role with TLS only, with a clear-text password.
    let plain = |more: &str| {
        parse_address(&format!(
            "host=db.test hostaddr=127.0.0.1 port={} user=plain password={PASSWORD} {more}",
            SERVER.port
        ))
    };
    assert_opens(&plain(&format!("sslmode=verify-full {right}"))).await;
    let refusing = plain(&format!("sslmode=verify-full require_auth=scram-sha-256 {right}"));
    assert_refused(&refusing, Store::open(&refusing).await);
    let unencrypted = plain("sslmode=disable");
    assert_refused(&unencrypted, Store::open(&unencrypted).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_conninfo_has_every_form() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let escaped = |text: &str| text.replace('\\', "\\\\").replace(':', "\\:");
    let port = SERVER.port;
    let lines = format!("127.0.0.1:{port}:app:app:{PASSWORD}\n127.0.0.1:*:iam:iam:{}\n", escaped(&long_token()));
    std::fs::write(path("pgpass"), lines).expect("a file");
    std::fs::set_permissions(path("pgpass"), std::fs::Permissions::from_mode(0o600)).expect("the owner's");
    let section = format!("[store]\nhost=127.0.0.1\nport={port}\nuser=app\ndbname=app\nrequire_auth=scram-sha-256\n");
    std::fs::write(path("services"), section).expect("a file");
    let vars = [
        ("PGPASSFILE", path("pgpass")),
        ("PGSERVICEFILE", path("services")),
        ("PGPASSWORD", "of another server".to_owned()),
        ("PGHOST", "/nonexistent".to_owned()),
        ("PGUSER", "another".to_owned()),
        ("PGDATABASE", "another".to_owned()),
    ];
    let vars = vars.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
    let environment = Environment { vars, os_user: Some("app".to_owned()), ..Environment::default() };
    let encoded: String = long_token().bytes().map(|byte| format!("%{byte:02X}")).collect();
    let quoted = long_token().replace('\\', "\\\\");
    let socket = SERVER.directory.display().to_string();
    for text in [
        format!("postgresql://app@127.0.0.1:{port}"),
        format!("postgresql://app:{PASSWORD}@127.0.0.1:{port}/app"),
        format!("host=127.0.0.1 port={port} dbname=app"),
        "service=store".to_owned(),
        "postgresql:///?service=store".to_owned(),
        format!("postgresql://iam@127.0.0.1:{port}/iam"),
        format!("postgresql://iam:{encoded}@127.0.0.1:{port}/iam"),
        format!("host=127.0.0.1 port={port} user=iam dbname=iam password='{quoted}'"),
        format!("host={socket} port={port} user=app dbname=app password={PASSWORD}"),
        format!("postgresql://app:{PASSWORD}@{}:{port}/app", socket.replace('/', "%2F")),
        // The first host does not answer.
        format!("host=127.0.0.1,127.0.0.1 port=1,{port} user=app dbname=app password={PASSWORD}"),
    ] {
        let resolved = StoreName::parse(&text).and_then(|name| name.resolve(&environment));
        let (address, warnings) = resolved.unwrap_or_else(|error| panic!("{error}"));
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_opens(&address).await;
    }
    // Without the password file, the password of the environment is not used.
    let without = Environment { vars: [("PGPASSWORD".to_owned(), PASSWORD.to_owned())].into(), ..environment };
    let name = StoreName::parse(&format!("postgresql://app@127.0.0.1:{port}")).expect("a store");
    let (address, _) = name.resolve(&without).expect("a conninfo");
    let error = assert_refused(&address, Store::open(&address).await);
    assert!(error.contains("requires a password") && error.contains(".pgpass"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_target_session_attrs_are_honoured() {
    on_a_major_and_the_newest(13, "target_session_attrs of a store", async |major, _| {
        let url = super::create_postgres_store(major).await;
        for wrong in ["standby", "read-only"] {
            let address = parse_address(&format!("{url}?target_session_attrs={wrong}"));
            for opened in [
                Store::open(&address).await,
                Store::open_to_read(&address, Duration::from_secs(5)).await.map(Option::unwrap),
            ] {
                let error = assert_refused(&address, opened);
                assert!(error.contains("server is not in hot standby") || error.contains("not read-only"), "{error}");
            }
        }
        for right in ["any", "primary", "read-write", "prefer-standby"] {
            assert_opens(&parse_address(&format!("{url}?target_session_attrs={right}"))).await;
        }
        let database = url.rsplit_once('/').expect("a database").1;
        wait_until_sessions_ended(shared_cluster(major), database).await;
    })
    .await;
}

/// The driver's socket needs no disk space: a read-only file system is sufficient.
#[tokio::test(flavor = "multi_thread")]
async fn history_on_server_needs_no_temporary_folder() {
    on_a_major_and_the_newest(13, "store without a temporary folder", async |major, _| {
        let url = super::create_postgres_store(major).await;
        let folder = tempfile::tempdir().expect("a folder");
        assert_opens(&parse_address(&url)).await;
        for tmpdir in ["/nonexistent", folder.path().to_str().expect("UTF-8")] {
            let ended = run_command(pgtend_command(&["history", "list", "--history", &url]).env("TMPDIR", tmpdir));
            assert_eq!(ended.exit, 0, "on {major}: {ended:?}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
    })
    .await;
}
