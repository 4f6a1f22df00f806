use std::collections::BTreeMap;
use std::sync::LazyLock;

use pgtend::postgres::connect;
use pgtend::postgres::conninfo::Source;

use super::server::Server;
use super::*;

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let server = Server::start(
        "",
        "local all postgres trust\nlocal all all scram-sha-256\nhost all all all scram-sha-256\n",
        &[],
    );
    server.execute_sql(&format!(
        "set password_encryption = 'scram-sha-256'; create role app login password '{PASSWORD}'"
    ));
    server
});

fn connection_request(vars: &[(&str, &str)]) -> ConnectionRequest {
    let vars: BTreeMap<String, String> = vars.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    ConnectionRequest { environment: Environment { vars, ..Environment::default() }, ..ConnectionRequest::default() }
}

async fn assert_source(request: &ConnectionRequest, source: Source) {
    let resolved = resolve(request).expect("it resolves");
    assert_eq!(resolved.source, source);
    let connected = connect(&resolved.conninfo).await.unwrap_or_else(|error| panic!("{error}"));
    connected.client.simple_query("select 1").await.expect("it answers");
}

#[tokio::test]
async fn sources_database_url_password_stays_with_host() {
    let port = SERVER.port.to_string();
    let url = format!("postgres://app:{PASSWORD}@127.0.0.1:{port}/postgres");
    let resolve_password = |request: &ConnectionRequest| {
        let conninfo = resolve(request).unwrap().conninfo;
        async move { connect_error_of(&conninfo, "without the password").await }
    };
    let mut by_flags = connection_request(&[("DATABASE_URL", &url), ("PGUSER", "app"), ("PGPORT", &port)]);
    by_flags.flags.host = Some("127.0.0.1".into());
    assert!(matches!(resolve_password(&by_flags).await, ConnectError::PasswordNeeded(_)));
    let by_environment =
        connection_request(&[("DATABASE_URL", &url), ("PGHOST", "127.0.0.1"), ("PGUSER", "app"), ("PGPORT", &port)]);
    assert!(matches!(resolve_password(&by_environment).await, ConnectError::PasswordNeeded(_)));
}

#[tokio::test]
async fn sources_all_connect() {
    let port = SERVER.port.to_string();
    let url = format!("postgresql+psycopg://app:{PASSWORD}@127.0.0.1:{port}/postgres?schema=app&pgbouncer=true");
    assert_source(&connection_request(&[("DATABASE_URL", &url)]), Source::DatabaseUrl).await;
    let encoded = path_text(SERVER.directory.clone()).replace('/', "%2F");
    let url = format!("postgres://app:{PASSWORD}@{encoded}:{port}/postgres");
    assert_source(&connection_request(&[("DATABASE_URL", &url)]), Source::DatabaseUrl).await;

    let directory = path_text(SERVER.directory.clone());
    let vars = [
        ("PGHOST", directory.as_str()),
        ("PGPORT", &port),
        ("PGUSER", "app"),
        ("PGDATABASE", "postgres"),
        ("PGPASSWORD", PASSWORD),
    ];
    assert_source(&connection_request(&vars), Source::Environment).await;

    let home = tempfile::tempdir().unwrap();
    let service = format!("[here]\nhost=127.0.0.1\nport={port}\nuser=app\ndbname=postgres\n");
    std::fs::write(home.path().join(".pg_service.conf"), service).unwrap();
    let passfile = home.path().join(".pgpass");
    std::fs::write(&passfile, format!("127.0.0.1:{port}:postgres:app:{PASSWORD}\n")).unwrap();
    std::fs::set_permissions(&passfile, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut by_service = connection_request(&[("PGSERVICE", "here")]);
    by_service.environment.home = Some(home.path().into());
    assert_source(&by_service, Source::Environment).await;
    by_service.environment.vars.clear();
    by_service.flags.dbname = Some("service=here".into());
    assert_source(&by_service, Source::Flags).await;
}

#[tokio::test]
async fn sources_application_name_and_options_apply() {
    let query_with_options = async |more: &str, question: &str| {
        let connected = open_session(&SERVER.socket_conninfo(&format!("user=postgres {more}"))).await;
        let row = connected.client.query_one(question, &[]).await.expect("a row");
        row.get::<_, String>(0)
    };
    assert_eq!(query_with_options("", "show application_name").await, "pgtend");
    assert_eq!(query_with_options("application_name=nightly", "show application_name").await, "nightly");
    assert_eq!(query_with_options("options='-c geqo=off'", "show geqo").await, "off");
}
