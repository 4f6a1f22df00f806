use std::sync::LazyLock;

use pgtend::pg::{ConnectError, connect};

use super::certificates::{file, server_files};
use super::server::Server;
use super::*;

/// Roles named after how they get in.
static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let (conf, files) = server_files("server");
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let hba = "local all postgres trust\nlocal all peeruser peer\nlocal all all scram-sha-256\n\
               hostssl all certuser all cert\nhostnossl all plainuser all trust\nhostssl all tlsuser all trust\n\
               host all md5user all md5\nhost all clearuser all password\nhost all scramuser,nologin,countuser all scram-sha-256\n";
    let server = Server::start(&conf, hba, &files);
    server.sql(&format!(
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
async fn a_wrong_password_is_refused_and_says_where_it_came_from() {
    for user in ["scramuser", "md5user", "clearuser"] {
        let wrong = format!("{PASSWORD}-not");
        let error = refusal(&SERVER.tcp(&format!("user={user} password={wrong} sslmode=disable"))).await;
        assert_eq!(error.sqlstate(), Some("28P01"));
        let user = format!("as user \"{user}\"");
        let port = format!("\"127.0.0.1\", port {}", SERVER.port);
        assert_says(
            &error,
            &["database \"postgres\"", &user, &port, "password authentication failed", "28P01"],
            "the connection flags",
        );
        assert!(matches!(error, ConnectError::Failed(_)));
    }
}

#[tokio::test]
async fn the_line_of_the_password_file_is_named() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".pgpass");
    std::fs::write(&file, format!("# comment\n127.0.0.1:*:*:scramuser:{PASSWORD}-old\n")).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let environment = Environment { home: Some(home.path().into()), ..Environment::default() };
    let text = SERVER.tcp("user=scramuser");
    let error = refusal_of(&resolved(&text, environment).conninfo, &text).await;
    assert_says(&error, &["password authentication failed"], &format!("{} line 2", shown(file)));
}

#[tokio::test]
async fn without_a_password_the_caller_is_told_to_ask() {
    for user in ["scramuser", "md5user", "clearuser"] {
        let text = SERVER.tcp(&format!("user={user}"));
        let error = refusal(&text).await;
        assert!(matches!(error, ConnectError::PasswordNeeded(_)), "{error}");
        assert_says(&error, &["asks for a password"], "PGPASSWORD");
        assert!(connect(&conninfo(&text).with_password(PASSWORD)).await.is_ok());
    }
}

#[tokio::test]
async fn a_missing_database_is_named() {
    let error = refusal(&SERVER.tcp(&format!("user=scramuser password={PASSWORD} dbname=nowhere"))).await;
    assert_eq!(error.sqlstate(), Some("3D000"));
    assert_says(&error, &["database \"nowhere\" does not exist", "3D000"], "-d");
    let error = refusal(&SERVER.tcp(&format!("user=scramuser password={PASSWORD} dbname=closed"))).await;
    assert_says(
        &error,
        &["permission denied for database \"closed\""],
        "GRANT CONNECT ON DATABASE closed TO scramuser",
    );
}

#[tokio::test]
async fn no_line_in_pg_hba_is_explained() {
    let error = refusal(&SERVER.tcp("user=stranger")).await;
    assert_eq!(error.sqlstate(), Some("28000"));
    assert_says(&error, &["no pg_hba.conf entry for host \"127.0.0.1\", user \"stranger\""], "pg_hba.conf");
    assert_eq!(error.failure().attempts.len(), 2, "prefer tries plain after TLS: {error}");
    let error = refusal(&SERVER.tcp("user=tlsuser sslmode=disable")).await;
    assert_says(&error, &["no pg_hba.conf entry"], "sslmode=require");
    let error = refusal(&SERVER.tcp("user=plainuser sslmode=require")).await;
    assert_says(&error, &["no pg_hba.conf entry"], "pg_hba.conf");
    let error = refusal(&SERVER.socket("user=peeruser")).await;
    assert_says(&error, &["Peer authentication failed", ".s.PGSQL."], "-h localhost");
    let error = refusal(&SERVER.tcp(&format!("user=nologin password={PASSWORD}"))).await;
    assert_says(&error, &["not permitted to log in"], "");
}

#[tokio::test]
async fn channel_binding_is_honoured() {
    let scram = format!("user=scramuser password={PASSWORD}");
    let error = refusal(&SERVER.tcp(&format!("{scram} sslmode=disable channel_binding=require"))).await;
    assert_says(&error, &["channel binding"], "channel_binding=require needs TLS");
    let error =
        refusal(&SERVER.tcp(&format!("user=md5user password={PASSWORD} sslmode=require channel_binding=require")))
            .await;
    assert_says(&error, &["channel binding"], "SCRAM");
    for binding in ["require", "prefer", "disable"] {
        let connected = session(&SERVER.tcp(&format!("{scram} sslmode=require channel_binding={binding}"))).await;
        assert_eq!(connected.tls, Some("TLSv1.3"));
    }
}

#[tokio::test]
async fn passwords_are_accepted_by_every_method() {
    for user in ["scramuser", "md5user", "clearuser"] {
        for mode in ["disable", "prefer", "require"] {
            session(&SERVER.tcp(&format!("user={user} password={PASSWORD} sslmode={mode}"))).await;
        }
    }
    session(&SERVER.socket(&format!("user=scramuser password={PASSWORD} sslmode=require"))).await;
}

#[tokio::test]
async fn allow_and_prefer_fall_back_to_what_the_server_lets_in() {
    for (user, mode, tls) in [
        ("tlsuser", "allow", true),
        ("plainuser", "prefer", false),
        ("tlsuser", "prefer", true),
        ("plainuser", "allow", false),
    ] {
        let connected = session(&SERVER.tcp(&format!("user={user} sslmode={mode}"))).await;
        assert_eq!(connected.tls.is_some(), tls, "{user} {mode}");
    }
}

#[tokio::test]
async fn client_certificates_are_checked_on_both_sides() {
    let base = "user=certuser sslmode=require";
    let error = refusal(&SERVER.tcp(base)).await;
    assert_says(&error, &["valid client certificate"], "sslcert");
    let stranger = format!("{base} {} {}", file("sslcert", "stranger.crt"), file("sslkey", "stranger.key"));
    refusal(&SERVER.tcp(&stranger)).await;

    let missing = format!("{base} {} sslkey=/nowhere.key", file("sslcert", "client.crt"));
    let error = refusal(&SERVER.tcp(&missing)).await;
    assert_says(&error, &["certificate present, but not private key file \"/nowhere.key\""], "");
    let other = format!("{base} {} {}", file("sslcert", "client.crt"), file("sslkey", "stranger.key"));
    let error = refusal(&SERVER.tcp(&other)).await;
    assert_says(&error, &["does not belong to"], "unencrypted");

    let directory = tempfile::tempdir().unwrap();
    let open_key = directory.path().join("open.key");
    std::fs::copy(certificates::CERTIFICATES.path("client.key"), &open_key).unwrap();
    std::fs::set_permissions(&open_key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let open = format!("{base} {} sslkey='{}'", file("sslcert", "client.crt"), open_key.display());
    let error = refusal(&SERVER.tcp(&open)).await;
    assert_says(&error, &["has group or world access"], "chmod 0600");
    // Where TLS is only preferred, psql goes on without it; what was wrong is still told.
    let error = refusal(&SERVER.tcp(&open.replace("sslmode=require", "sslmode=prefer"))).await;
    assert_says(&error, &["has group or world access", "no pg_hba.conf entry"], "pg_hba.conf");
    let preferred = open.replace("sslmode=require", "sslmode=prefer").replace("certuser", "plainuser");
    assert_eq!(session(&SERVER.tcp(&preferred)).await.tls, None);

    let own = format!("{base} {} {}", file("sslcert", "client.crt"), file("sslkey", "client.key"));
    refusal(&SERVER.tcp(&format!("{own} sslcertmode=disable"))).await;
    session(&SERVER.tcp(&own)).await;
    session(&SERVER.tcp(&format!("{own} sslcertmode=require"))).await;
    let error = refusal(&SERVER.tcp(&format!("{base} sslcertmode=require"))).await;
    assert_says(&error, &["no client certificate"], "sslcert");
}

#[tokio::test]
async fn requirepeer_looks_at_the_owner_of_the_server() {
    let error = refusal(&SERVER.socket("user=postgres requirepeer=nobody")).await;
    assert_says(&error, &["requirepeer specifies \"nobody\", but actual peer user name is"], "requirepeer");
}

#[tokio::test]
async fn require_auth_is_honoured() {
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
            let error = refusal(&SERVER.tcp(&format!("{login} require_auth={refused}"))).await;
            let message = format!("authentication method requirement \"{refused}\" failed: {reason}");
            assert_says(&error, &[&message], "PGREQUIREAUTH");
        }
        let excluded: Vec<String> = others.iter().map(|other| format!("!{other}")).collect();
        for allowed in [method.to_owned(), excluded.join(","), format!("gss,{method}")] {
            session(&SERVER.tcp(&format!("{login} require_auth={allowed}"))).await;
        }
    }
    // A client certificate is no exchange that require_auth knows.
    let own =
        format!("user=certuser sslmode=require {} {}", file("sslcert", "client.crt"), file("sslkey", "client.key"));
    let error = refusal(&SERVER.tcp(&format!("{own} require_auth=!none"))).await;
    assert_says(&error, &["server did not complete authentication"], "require_auth");
    session(&SERVER.tcp(&format!("{own} require_auth=none"))).await;
}

/// A password of so many SCRAM iterations, as PostgreSQL stores it.
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
async fn scram_iterations_are_warned_of_when_few_and_work_when_many() {
    SERVER.sql("create role countuser login");
    for (iterations, warns) in [(1, true), (4_095, true), (4_096, false), (200_000, false)] {
        SERVER.sql(&format!("alter role countuser password '{}'", scram_verifier(iterations)));
        let login = format!("user=countuser password={PASSWORD}");
        let hostile = format!("{login}-not sslmode=disable connect_timeout=60");
        let tcp = session(&SERVER.tcp(&format!("{login} sslmode=disable connect_timeout=60"))).await;
        assert_eq!(tcp.warnings.len(), usize::from(warns), "{iterations}: {:?}", tcp.warnings);
        assert!(tcp.warnings.iter().all(|warning| warning.contains(&format!("{iterations} iterations"))));
        assert_says(&refusal(&SERVER.tcp(&hostile)).await, &["28P01"], "");
        // What passes over a Unix socket cannot be overheard.
        let socket = session(&SERVER.socket(&format!("{login} connect_timeout=60"))).await;
        assert!(socket.warnings.is_empty(), "{:?}", socket.warnings);
    }
}
