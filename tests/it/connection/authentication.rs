use std::sync::LazyLock;

use pgtend::postgres::{ConnectError, connect};

use super::certificates::{file_option, server_files};
use super::server::Server;
use super::*;

/// Roles are named after their authentication method.
static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let (conf, files) = server_files("server");
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let hba = "local all postgres trust\nlocal all peeruser peer\nlocal all all scram-sha-256\n\
               hostssl all certuser all cert\nhostnossl all plainuser all trust\nhostssl all tlsuser all trust\n\
               host all md5user all md5\nhost all clearuser all password\nhost all scramuser,nologin,countuser all scram-sha-256\n";
    let server = Server::start(&conf, hba, &files);
    server.execute_sql(&format!(
        "set password_encryption = 'scram-sha-256';
         create role scramuser login password '{PASSWORD}'; create role clearuser login password '{PASSWORD}';
         create role nologin password '{PASSWORD}';
         create role certuser login; create role plainuser login; create role tlsuser login; create role peeruser login;
         set password_encryption = 'md5'; create role md5user login password '{PASSWORD}';
         create database closed; revoke connect on database closed from public;"
    ));
    server
});

#[tokio::test]
async fn auth_wrong_password_names_its_source() {
    for user in ["scramuser", "md5user", "clearuser"] {
        let wrong = format!("{PASSWORD}-not");
        let error = connect_error(&SERVER.tcp_conninfo(&format!("user={user} password={wrong} sslmode=disable"))).await;
        assert_eq!(error.sqlstate(), Some("28P01"));
        let user = format!("as user \"{user}\"");
        let port = format!("\"127.0.0.1\", port {}", SERVER.port);
        assert_says(
            &error,
            &["database \"postgres\"", &user, &port, "password authentication failed", "28P01"],
            "the connection options",
        );
        assert!(matches!(error, ConnectError::Failed(_)));
    }
}

#[tokio::test]
async fn auth_password_file_line_is_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".pgpass");
    std::fs::write(&file, format!("# comment\n127.0.0.1:*:*:scramuser:{PASSWORD}-old\n")).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let environment = Environment { home: Some(home.path().into()), ..Environment::default() };
    let text = SERVER.tcp_conninfo("user=scramuser");
    let error = connect_error_of(&resolve_conninfo(&text, environment).conninfo, &text).await;
    assert_says(&error, &["password authentication failed"], &format!("{} line 2", path_text(file)));
}

#[tokio::test]
async fn auth_missing_password_requests_prompt() {
    for user in ["scramuser", "md5user", "clearuser"] {
        let text = SERVER.tcp_conninfo(&format!("user={user}"));
        let error = connect_error(&text).await;
        assert!(matches!(error, ConnectError::PasswordNeeded(_)), "{error}");
        assert_says(&error, &["requires a password"], "PGPASSWORD");
        assert!(connect(&parse_conninfo(&text).with_password(PASSWORD)).await.is_ok());
    }
}

#[tokio::test]
async fn auth_missing_database_is_named() {
    let error =
        connect_error(&SERVER.tcp_conninfo(&format!("user=scramuser password={PASSWORD} dbname=nowhere"))).await;
    assert_eq!(error.sqlstate(), Some("3D000"));
    assert_says(&error, &["database \"nowhere\" does not exist", "3D000"], "-d");
    let error = connect_error(&SERVER.tcp_conninfo(&format!("user=scramuser password={PASSWORD} dbname=closed"))).await;
    assert_says(
        &error,
        &["permission denied for database \"closed\""],
        "GRANT CONNECT ON DATABASE closed TO scramuser",
    );
}

#[tokio::test]
async fn auth_missing_pg_hba_entry_is_explained() {
    let error = connect_error(&SERVER.tcp_conninfo("user=stranger")).await;
    assert_eq!(error.sqlstate(), Some("28000"));
    assert_says(&error, &["no pg_hba.conf entry for host \"127.0.0.1\", user \"stranger\""], "pg_hba.conf");
    assert_eq!(error.failure().attempts.len(), 2, "prefer tries plain after TLS: {error}");
    let error = connect_error(&SERVER.tcp_conninfo("user=tlsuser sslmode=disable")).await;
    assert_says(&error, &["no pg_hba.conf entry"], "sslmode=require");
    let error = connect_error(&SERVER.tcp_conninfo("user=plainuser sslmode=require")).await;
    assert_says(&error, &["no pg_hba.conf entry"], "pg_hba.conf");
    let error = connect_error(&SERVER.socket_conninfo("user=peeruser")).await;
    assert_says(&error, &["Peer authentication failed", ".s.PGSQL."], "-h localhost");
    let error = connect_error(&SERVER.tcp_conninfo(&format!("user=nologin password={PASSWORD}"))).await;
    assert_says(&error, &["not permitted to log in"], "");
}

#[tokio::test]
async fn auth_channel_binding_is_honoured() {
    let scram = format!("user=scramuser password={PASSWORD}");
    let error = connect_error(&SERVER.tcp_conninfo(&format!("{scram} sslmode=disable channel_binding=require"))).await;
    assert_says(&error, &["channel binding"], "channel_binding=require requires SSL");
    let error = connect_error(
        &SERVER.tcp_conninfo(&format!("user=md5user password={PASSWORD} sslmode=require channel_binding=require")),
    )
    .await;
    assert_says(&error, &["channel binding"], "SCRAM");
    for binding in ["require", "prefer", "disable"] {
        let connected =
            open_session(&SERVER.tcp_conninfo(&format!("{scram} sslmode=require channel_binding={binding}"))).await;
        assert_eq!(connected.tls, Some("TLSv1.3"));
    }
}

#[tokio::test]
async fn auth_password_works_with_every_method() {
    for user in ["scramuser", "md5user", "clearuser"] {
        for mode in ["disable", "prefer", "require"] {
            open_session(&SERVER.tcp_conninfo(&format!("user={user} password={PASSWORD} sslmode={mode}"))).await;
        }
    }
    open_session(&SERVER.socket_conninfo(&format!("user=scramuser password={PASSWORD} sslmode=require"))).await;
}

#[tokio::test]
async fn auth_allow_and_prefer_fall_back() {
    for (user, mode, tls) in [
        ("tlsuser", "allow", true),
        ("plainuser", "prefer", false),
        ("tlsuser", "prefer", true),
        ("plainuser", "allow", false),
    ] {
        let connected = open_session(&SERVER.tcp_conninfo(&format!("user={user} sslmode={mode}"))).await;
        assert_eq!(connected.tls.is_some(), tls, "{user} {mode}");
    }
}

#[tokio::test]
async fn auth_client_certificates_are_checked() {
    let base = "user=certuser sslmode=require";
    let error = connect_error(&SERVER.tcp_conninfo(base)).await;
    assert_says(&error, &["valid client certificate"], "sslcert");
    let stranger =
        format!("{base} {} {}", file_option("sslcert", "stranger.crt"), file_option("sslkey", "stranger.key"));
    connect_error(&SERVER.tcp_conninfo(&stranger)).await;

    let missing = format!("{base} {} sslkey=/nowhere.key", file_option("sslcert", "client.crt"));
    let error = connect_error(&SERVER.tcp_conninfo(&missing)).await;
    assert_says(&error, &["certificate present, but not private key file \"/nowhere.key\""], "");
    let other = format!("{base} {} {}", file_option("sslcert", "client.crt"), file_option("sslkey", "stranger.key"));
    let error = connect_error(&SERVER.tcp_conninfo(&other)).await;
    assert_says(&error, &["does not belong to"], "unencrypted");

    let directory = tempfile::tempdir().unwrap();
    let open_key = directory.path().join("open.key");
    std::fs::copy(certificates::CERTIFICATES.file_path("client.key"), &open_key).unwrap();
    std::fs::set_permissions(&open_key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let open = format!("{base} {} sslkey='{}'", file_option("sslcert", "client.crt"), open_key.display());
    let error = connect_error(&SERVER.tcp_conninfo(&open)).await;
    assert_says(&error, &["has group or world access"], "chmod 0600");
    // With sslmode=prefer, psql continues without TLS; the problem with the key is reported nevertheless.
    let error = connect_error(&SERVER.tcp_conninfo(&open.replace("sslmode=require", "sslmode=prefer"))).await;
    assert_says(&error, &["has group or world access", "no pg_hba.conf entry"], "pg_hba.conf");
    let preferred = open.replace("sslmode=require", "sslmode=prefer").replace("certuser", "plainuser");
    assert_eq!(open_session(&SERVER.tcp_conninfo(&preferred)).await.tls, None);

    let own = format!("{base} {} {}", file_option("sslcert", "client.crt"), file_option("sslkey", "client.key"));
    connect_error(&SERVER.tcp_conninfo(&format!("{own} sslcertmode=disable"))).await;
    open_session(&SERVER.tcp_conninfo(&own)).await;
    open_session(&SERVER.tcp_conninfo(&format!("{own} sslcertmode=require"))).await;
    let error = connect_error(&SERVER.tcp_conninfo(&format!("{base} sslcertmode=require"))).await;
    assert_says(&error, &["no client certificate"], "sslcert");
}

#[tokio::test]
async fn auth_requirepeer_checks_the_server_owner() {
    let error = connect_error(&SERVER.socket_conninfo("user=postgres requirepeer=nobody")).await;
    assert_says(&error, &["requirepeer specifies \"nobody\", but actual peer user name is"], "requirepeer");
}

#[tokio::test]
async fn auth_require_auth_is_honoured() {
    // What psql 16 and later do: PostgreSQL manual, 34.1.2 Parameter Key Words, require_auth.
    for (user, method, reason) in [
        ("plainuser", "none", "server did not complete authentication"),
        ("clearuser", "password", "server requested a cleartext password"),
        ("md5user", "md5", "server requested a hashed password"),
        ("scramuser", "scram-sha-256", "server requested SASL authentication"),
    ] {
        let login = format!("user={user} password={PASSWORD} sslmode=disable");
        let others: Vec<&str> =
            ["none", "password", "md5", "scram-sha-256"].into_iter().filter(|other| *other != method).collect();
        for refused in [format!("!{method}"), others.join(","), "gss".to_owned()] {
            let error = connect_error(&SERVER.tcp_conninfo(&format!("{login} require_auth={refused}"))).await;
            let message = format!("authentication method requirement \"{refused}\" failed: {reason}");
            assert_says(&error, &[&message], "PGREQUIREAUTH");
        }
        let excluded: Vec<String> = others.iter().map(|other| format!("!{other}")).collect();
        for allowed in [method.to_owned(), excluded.join(","), format!("gss,{method}")] {
            open_session(&SERVER.tcp_conninfo(&format!("{login} require_auth={allowed}"))).await;
        }
    }
    // A client certificate is not one of the methods of require_auth.
    let own = format!(
        "user=certuser sslmode=require {} {}",
        file_option("sslcert", "client.crt"),
        file_option("sslkey", "client.key")
    );
    let error = connect_error(&SERVER.tcp_conninfo(&format!("{own} require_auth=!none"))).await;
    assert_says(&error, &["server did not complete authentication"], "require_auth");
    open_session(&SERVER.tcp_conninfo(&format!("{own} require_auth=none"))).await;
}

/// Returns a password verifier with so many SCRAM iterations, as PostgreSQL stores it.
fn scram_verifier(iterations: u32) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use ring::{digest, hmac, pbkdf2};
    let salt = b"sixteen bytes xx";
    let mut salted = [0; 32];
    let count = iterations.try_into().expect("some iterations");
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, count, salt, PASSWORD.as_bytes(), &mut salted);
    let salted = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let stored = digest::digest(&digest::SHA256, hmac::sign(&salted, b"Client Key").as_ref());
    let server = hmac::sign(&salted, b"Server Key");
    let [salt, stored, server] = [&salt[..], stored.as_ref(), server.as_ref()].map(|bytes| STANDARD.encode(bytes));
    format!("SCRAM-SHA-256${iterations}:{salt}${stored}:{server}")
}

#[tokio::test]
async fn auth_few_scram_iterations_give_a_warning() {
    SERVER.execute_sql("create role countuser login");
    for (iterations, warns) in [(1, true), (4_095, true), (4_096, false), (200_000, false)] {
        SERVER.execute_sql(&format!("alter role countuser password '{}'", scram_verifier(iterations)));
        let login = format!("user=countuser password={PASSWORD}");
        let hostile = format!("{login}-not sslmode=disable connect_timeout=60");
        let tcp = open_session(&SERVER.tcp_conninfo(&format!("{login} sslmode=disable connect_timeout=60"))).await;
        assert_eq!(tcp.warnings.len(), usize::from(warns), "{iterations}: {:?}", tcp.warnings);
        assert!(tcp.warnings.iter().all(|warning| warning.contains(&format!("{iterations} iterations"))));
        assert_says(&connect_error(&SERVER.tcp_conninfo(&hostile)).await, &["28P01"], "");
        // A Unix socket cannot be intercepted.
        let socket = open_session(&SERVER.socket_conninfo(&format!("{login} connect_timeout=60"))).await;
        assert!(socket.warnings.is_empty(), "{:?}", socket.warnings);
    }
}
