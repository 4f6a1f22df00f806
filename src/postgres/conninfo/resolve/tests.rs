use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;

/// A home directory of its own and nothing in the environment.
fn request_with_home(vars: &[(&str, &str)]) -> (tempfile::TempDir, ConnectionRequest) {
    let home = tempfile::tempdir().unwrap();
    let environment = Environment {
        vars: vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        home: Some(home.path().to_owned()),
        os_user: Some("osuser".to_owned()),
    };
    (home, ConnectionRequest { environment, ..ConnectionRequest::default() })
}

fn from_environment(vars: &[(&str, &str)]) -> Result<Resolved, ConninfoError> {
    resolve(&request_with_home(vars).1)
}

fn from_conninfo(text: &str) -> Result<Resolved, ConninfoError> {
    let (_home, mut request) = request_with_home(&[]);
    request.flags.dbname = Some(text.to_owned());
    resolve(&request)
}

fn host_name(resolved: &Resolved) -> Option<&str> {
    match &resolved.conninfo.hosts[0].address {
        HostAddress::Tcp { host, .. } => host.as_deref(),
        HostAddress::Socket(directory) => directory.to_str(),
    }
}

fn password(resolved: &Resolved) -> Option<&str> {
    resolved.conninfo.hosts[0].password.as_ref().map(|password| password.secret.expose())
}

fn write_with_mode(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn resolve_rejects_bad_parameters() {
    for (text, message, hint) in [
        ("hots=x", "unknown connection parameter \"hots\"", "host"),
        ("sslpassword=x", "\"sslpassword\" is not supported", "remove"),
        ("replication=database", "\"replication\" is not supported", "remove"),
        ("require_auth=scram", "invalid require_auth value: \"scram\"", "scram-sha-256"),
        ("gsslib=gssapi", "\"gsslib\" is not supported", "remove"),
        ("krbsrvname=x", "\"krbsrvname\" is not supported", "remove"),
        ("gssencmode=require", "gssencmode=require is not supported", "sslmode"),
        ("client_encoding=LATIN1", "client_encoding=latin1 is not supported", "UTF8"),
        ("min_protocol_version=3.2", "min_protocol_version=3.2", "3.0"),
        ("sslmode=requires", "invalid sslmode value: \"requires\"", "verify-full"),
        ("sslmode=require sslrootcert=system", "weak sslmode \"require\"", "verify-full"),
        ("sslnegotiation=direct", "weak sslmode \"prefer\"", "require"),
        ("ssl_max_protocol_version=TLSv1.1", "TLSv1.1 is not supported", "TLSv1.2"),
        (
            "ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2",
            "invalid SSL protocol version range",
            "above",
        ),
        ("ssl_min_protocol_version=SSLv3", "invalid ssl_min_protocol_version", "TLSv1"),
        ("channel_binding=always", "invalid channel_binding", "prefer"),
        ("target_session_attrs=master", "invalid target_session_attrs", "primary"),
        ("load_balance_hosts=yes", "invalid load_balance_hosts", "random"),
        ("port=0", "invalid port number: \"0\"", "65535"),
        ("port=65536", "invalid port number: \"65536\"", "65535"),
        ("host=a,b,c port=1,2", "could not match 2 port numbers to 3 hosts", "one port"),
        ("hostaddr=localhost", "invalid hostaddr: \"localhost\"", "host"),
    ] {
        let error = from_conninfo(text).expect_err(text);
        assert!(error.to_string().contains(message), "{text}: {error}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{text}: {:?}", error.hint());
    }
    let error = from_conninfo("password=two wordshunter2=x host=h").unwrap_err();
    assert!(!error.to_string().contains("hunter2") && error.hint().unwrap().contains("quoted"), "{error}");
    let error = from_conninfo("password=x sslmod=require").unwrap_err();
    assert!(error.to_string().contains("\"sslmod\""), "{error}");
    let error = from_conninfo("host=a,b hostaddr=127.0.0.1").unwrap_err();
    assert!(error.to_string().contains("could not match 2 host names to 1 hostaddr values"), "{error}");
    let error = from_conninfo("connect_timeout=soon").unwrap_err();
    assert!(error.to_string().contains("invalid integer value \"soon\""), "{error}");
    let error = from_environment(&[("PGHOST", "h"), ("PGGSSLIB", "gssapi")]).unwrap_err();
    assert!(error.to_string().contains("gsslib") && error.hint().unwrap().contains("PGGSSLIB"));
    let required = from_environment(&[("PGHOST", "h"), ("PGREQUIREAUTH", "md5")]).unwrap().conninfo.require_auth;
    assert_eq!(required.map(|required| required.as_written().to_owned()).as_deref(), Some("md5"));
}

#[test]
fn resolve_rejects_conninfo_in_name() {
    for text in ["postgresql://u:s3kr1t@h/db", "postgres://u:s3/kr1t@h", "host=h password=s3kr1t"] {
        for variable in ["PGHOST", "PGUSER", "PGDATABASE", "PGAPPNAME"] {
            let error = from_environment(&[(variable, text)]).unwrap_err();
            assert!(error.to_string().starts_with(variable), "{error}");
            assert!(!format!("{error} {error:?}").contains("kr1t"), "{error}");
            assert!(error.hint().is_some_and(|hint| hint.contains("DATABASE_URL")), "{error:?}");
        }
        let quoted = format!("host=h user='{text}'");
        let error = from_conninfo(&quoted).unwrap_err();
        assert!(error.to_string().contains("\"user\"") && !format!("{error:?}").contains("kr1t"), "{error:?}");
    }
    assert!(from_environment(&[("PGUSER", "postgresql://h/db")]).is_ok(), "an odd name, but nobody's secret");
    assert!(from_environment(&[("PGUSER", "team:ada@example.org")]).is_ok(), "a role may be named so");
    assert!(from_environment(&[("PGAPPNAME", "worker:1@host")]).is_ok(), "a program, too");
    assert!(from_environment(&[("PGOPTIONS", "-c app.place=a:b@c")]).is_ok(), "a setting is not shown");
    assert!(
        from_environment(&[("PGPORT", "postgresql://u:s3kr1t@h")])
            .is_err_and(|error| !error.to_string().contains("kr1t"))
    );
    assert!(from_environment(&[("PGDATABASE", "u:s3kr1t@h/db")]).is_err(), "a URL whose scheme is missing");
}

#[test]
fn resolve_defaults_to_local_server() {
    let resolved = from_environment(&[]).unwrap();
    assert_eq!(resolved.source, Source::Defaults);
    let conninfo = resolved.conninfo;
    assert_eq!((conninfo.user.as_str(), conninfo.dbname.as_str()), ("osuser", "osuser"));
    assert_eq!(conninfo.hosts.len(), 1);
    assert_eq!(conninfo.hosts[0].port, 5432);
    assert!(matches!(&conninfo.hosts[0].address, HostAddress::Socket(directory) if directory.is_dir()));
    assert_eq!(conninfo.application_name, "pgtend");
    assert_eq!(conninfo.connect_timeout, Some(DEFAULT_CONNECT_TIMEOUT));
    assert_eq!(conninfo.tls.mode, SslMode::Prefer);
    assert!(conninfo.options.is_none());
}

#[test]
fn resolve_sets_revocation_sources() {
    let (_home, mut request) = request_with_home(&[("PGSSLCRL", "/env.crl"), ("PGSSLCRLDIR", "/env.d")]);
    let revocation = resolve(&request).unwrap().conninfo.tls.revocation;
    assert_eq!(revocation.file.as_deref(), Some(Path::new("/env.crl")));
    assert_eq!(revocation.directory.as_deref(), Some(Path::new("/env.d")));
    request.flags.dbname = Some("host=h sslcrl=/own.crl sslcrldir=''".to_owned());
    let revocation = resolve(&request).unwrap().conninfo.tls.revocation;
    assert_eq!(revocation.file.as_deref(), Some(Path::new("/own.crl")));
    let revocation = from_environment(&[]).unwrap().conninfo.tls.revocation;
    assert_eq!((revocation.file, revocation.directory), (None, None));
    assert!(revocation.default_file.unwrap().ends_with(".postgresql/root.crl"));
}

#[test]
fn resolve_without_user_is_error() {
    let (_home, mut request) = request_with_home(&[]);
    request.environment.os_user = None;
    assert!(resolve(&request).unwrap_err().hint().unwrap().contains("-U"));
}

#[test]
fn resolve_source_precedence() {
    let url = ("DATABASE_URL", "postgres://u:url-password@url-host/url-db");
    let resolved = from_environment(&[url, ("PGUSER", "e"), ("PGPORT", "99"), ("PGSSLMODE", "require")]).unwrap();
    assert_eq!(resolved.source, Source::DatabaseUrl);
    assert_eq!(host_name(&resolved), Some("url-host"));
    assert_eq!(password(&resolved), Some("url-password"));
    assert_eq!(resolved.conninfo.user, "u");
    assert_eq!(resolved.conninfo.hosts[0].port, 99);
    assert_eq!(resolved.conninfo.tls.mode, SslMode::Require);

    for naming in ["PGHOST", "PGDATABASE"] {
        let resolved = from_environment(&[url, (naming, "named")]).unwrap();
        assert_eq!(resolved.source, Source::Environment);
        assert_ne!(host_name(&resolved), Some("url-host"));
        assert_eq!(password(&resolved), None);
    }
    let resolved = from_environment(&[url, ("PGHOST", "")]).unwrap();
    assert_eq!(resolved.source, Source::DatabaseUrl);

    let (_home, mut request) = request_with_home(&[url, ("PGHOST", "env-host"), ("PGUSER", "env-user")]);
    request.target = Some(Target {
        name: "prod".into(),
        conninfo: "host=target-host password=t".into(),
        trusted: true,
        password_provider: None,
    });
    let resolved = resolve(&request).unwrap();
    assert_eq!(resolved.source, Source::Target("prod".into()));
    assert_eq!(host_name(&resolved), Some("target-host"));
    assert_eq!(resolved.conninfo.user, "env-user");
    assert_eq!(password(&resolved), Some("t"));

    request.flags.host = Some("flag-host".into());
    let resolved = resolve(&request).unwrap();
    assert_eq!(resolved.source, Source::Flags);
    assert_eq!(host_name(&resolved), Some("flag-host"));
    assert_eq!(password(&resolved), None);
    assert!(resolved.warnings[0].contains("target prod is not used"), "{:?}", resolved.warnings);
}

#[test]
fn resolve_ignores_unused_database_url() {
    for vars in [[("DATABASE_URL", "mysql://x"), ("PGHOST", "h")], [("DATABASE_URL", "%%%"), ("PGDATABASE", "d")]] {
        assert!(from_environment(&vars).is_ok());
    }
}

#[test]
fn resolve_password_flags_name_no_server() {
    let (_home, mut request) = request_with_home(&[("DATABASE_URL", "postgres://h/db")]);
    request.flags.no_password = true;
    assert_eq!(resolve(&request).unwrap().source, Source::DatabaseUrl);
}

#[test]
fn resolve_warns_of_unused_database_url() {
    let (_home, mut request) = request_with_home(&[("DATABASE_URL", "postgres://h/db")]);
    request.flags.dbname = Some("other".into());
    assert!(resolve(&request).unwrap().warnings[0].contains("DATABASE_URL is not used"));
    request.flags.host = Some("h2".into());
    assert!(resolve(&request).unwrap().warnings.is_empty());
}

#[test]
fn resolve_dbname_conninfo_beats_flags() {
    let (_home, mut request) = request_with_home(&[]);
    request.flags = ConnectionFlags {
        host: Some("a".into()),
        port: Some("1".into()),
        dbname: Some("postgres://b/db".into()),
        ..ConnectionFlags::default()
    };
    let resolved = resolve(&request).unwrap();
    assert_eq!(host_name(&resolved), Some("b"));
    assert_eq!(resolved.conninfo.hosts[0].port, 1);
    assert_eq!(resolved.conninfo.dbname, "db");
}

#[test]
fn resolve_service_before_environment() {
    let (home, mut request) =
        request_with_home(&[("PGSERVICE", "prod"), ("PGUSER", "env-user"), ("PGPASSWORD", "env"), ("PGPORT", "1")]);
    let error = resolve(&request).unwrap_err();
    assert!(error.to_string().contains("definition of service \"prod\" not found"), "{error}");
    assert!(error.hint().is_some());

    write_with_mode(
        &home.path().join(".pg_service.conf"),
        "[prod]\nhost=service-host\nuser=service-user\npassword=service\n",
        0o600,
    );
    let resolved = resolve(&request).unwrap();
    assert_eq!(resolved.source, Source::Environment);
    assert_eq!(host_name(&resolved), Some("service-host"));
    assert_eq!(resolved.conninfo.user, "service-user");
    assert_eq!(password(&resolved), Some("service"));
    assert_eq!(resolved.conninfo.hosts[0].port, 1);

    request.flags.host = Some("elsewhere".into());
    let resolved = resolve(&request).unwrap();
    assert_eq!(password(&resolved), Some("env"), "the service's password stays with its host");
    assert!(resolved.warnings[0].contains("belongs to the host of service prod"), "{:?}", resolved.warnings);

    let other = home.path().join("other.conf");
    write_with_mode(&other, "[prod]\nhost=other-host\n", 0o600);
    request.flags = ConnectionFlags { dbname: Some("service=prod".into()), ..ConnectionFlags::default() };
    request.environment.vars.insert("PGSERVICEFILE".into(), other.display().to_string());
    assert_eq!(host_name(&resolve(&request).unwrap()), Some("other-host"));
    request.environment.vars.insert("PGSERVICEFILE".into(), "/nowhere.conf".into());
    assert!(resolve(&request).unwrap_err().to_string().contains("\"/nowhere.conf\" not found"));

    request.environment.vars.remove("PGSERVICEFILE");
    let system = home.path().join("system");
    fs::create_dir(&system).unwrap();
    write_with_mode(&system.join("pg_service.conf"), "[elsewhere]\nhost=system-host\n", 0o644);
    request.environment.vars.insert("PGSYSCONFDIR".into(), system.display().to_string());
    request.flags.dbname = Some("service=elsewhere".into());
    assert_eq!(host_name(&resolve(&request).unwrap()), Some("system-host"));
}

#[test]
fn resolve_ignores_readable_passfile() {
    let (home, request) = request_with_home(&[("PGHOST", "h")]);
    let file = home.path().join(".pgpass");
    for mode in [0o640, 0o604, 0o644, 0o660] {
        write_with_mode(&file, "*:*:*:*:secret\n", mode);
        let resolved = resolve(&request).unwrap();
        assert_eq!(password(&resolved), None);
        let expected = format!(
            "password file \"{}\" has group or world access; permissions should be u=rw (0600) or less",
            file.display()
        );
        assert_eq!(resolved.warnings, [expected]);
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(resolve(&request).unwrap().warnings[0].contains("not a regular file"));
}

#[test]
fn resolve_passfile_is_last_password_source() {
    let (home, mut request) = request_with_home(&[("PGHOST", "h,other"), ("PGPORT", "5433"), ("PGDATABASE", "d")]);
    let file = home.path().join(".pgpass");
    write_with_mode(&file, "# mine\nh:5433:d:osuser:right\nh:5433:e:osuser:for-e\nlocalhost:*:*:*:local\n", 0o600);
    let resolved = resolve(&request).unwrap();
    assert_eq!(password(&resolved), Some("right"));
    assert_eq!(resolved.conninfo.hosts[1].password, None);
    let origin = &resolved.conninfo.hosts[0].password.as_ref().unwrap().origin;
    assert_eq!(origin.to_string(), format!("{} line 2", file.display()));
    assert!(!format!("{resolved:?}").contains("right"));

    let other_database = resolved.conninfo.with_dbname("e");
    assert_eq!(other_database.hosts[0].password.as_ref().unwrap().secret.expose(), "for-e");
    assert!(resolved.conninfo.with_dbname("f").hosts[0].password.is_none());
    let typed = resolved.conninfo.with_password("typed").with_dbname("e");
    assert_eq!(typed.hosts[1].password.as_ref().unwrap().secret.expose(), "typed");

    request.environment.vars.insert("PGPASSWORD".into(), "env".into());
    assert_eq!(password(&resolve(&request).unwrap()), Some("env"));

    request.environment.vars = [("PGPASSFILE".to_owned(), file.display().to_string())].into();
    request.environment.home = None;
    assert_eq!(password(&resolve(&request).unwrap()), Some("local"), "the default socket directory is localhost");
}

#[test]
fn resolve_pairs_hosts_with_ports() {
    let resolved = from_conninfo("host=a,,/run/x hostaddr=127.0.0.1,::1, port=1,,3").unwrap();
    let hosts: Vec<_> = resolved.conninfo.hosts.iter().map(|host| (host.address.clone(), host.port)).collect();
    let tcp = |host: Option<&str>, address: &str| HostAddress::Tcp {
        host: host.map(str::to_owned),
        hostaddr: address.parse().ok(),
    };
    assert_eq!(hosts[0], (tcp(Some("a"), "127.0.0.1"), 1));
    assert_eq!(hosts[1], (tcp(None, "::1"), 5432));
    assert_eq!(hosts[2], (HostAddress::Socket("/run/x".into()), 3));
    let one_port = from_conninfo("host=a,b port=7").unwrap();
    assert!(one_port.conninfo.hosts.iter().all(|host| host.port == 7));
}

#[test]
fn resolve_parameters_match_libpq() {
    let conninfo = |text: &str| from_conninfo(text).unwrap().conninfo;
    assert_eq!(conninfo("connect_timeout=0").connect_timeout, None);
    assert_eq!(conninfo("connect_timeout=3").connect_timeout, Some(Duration::from_secs(3)));
    assert_eq!(conninfo("fallback_application_name=x").application_name, "x");
    assert_eq!(conninfo("fallback_application_name=x application_name=y").application_name, "y");
    assert_eq!(conninfo("options='-c geqo=off'").options.as_deref(), Some("-c geqo=off"));
    assert_eq!(conninfo("sslrootcert=system").tls.mode, SslMode::VerifyFull);
    assert!(!conninfo("sslsni=0").tls.sni);
    assert_eq!(
        conninfo("gssencmode=prefer sslcompression=1 max_protocol_version=latest client_encoding=auto").user,
        "osuser"
    );
    let keepalives = conninfo("keepalives=0 keepalives_idle=0 keepalives_interval=5 tcp_user_timeout=1500").keepalives;
    assert_eq!((keepalives.enabled, keepalives.idle, keepalives.interval), (false, None, Some(Duration::from_secs(5))));
    assert_eq!(keepalives.user_timeout, Some(Duration::from_millis(1500)));
    let required = from_environment(&[("PGHOST", "h"), ("PGREQUIRESSL", "1")]).unwrap();
    assert_eq!(required.conninfo.tls.mode, SslMode::Require);
}

#[test]
fn resolve_debug_hides_passwords() {
    let (_home, mut request) =
        request_with_home(&[("PGPASSWORD", "hunter2"), ("DATABASE_URL", "postgres://u:hunter2@h/d")]);
    request.target =
        Some(Target { name: "t".into(), conninfo: "password=hunter2".into(), trusted: true, password_provider: None });
    assert!(!format!("{request:?} {:?}", resolve(&request).unwrap()).contains("hunter2"));
    request.flags.dbname = Some("password=hunter2 host=x".into());
    assert!(!format!("{request:?} {:?}", resolve(&request).unwrap()).contains("hunter2"));
}

fn untrusted_target(conninfo: &str) -> Option<Target> {
    Some(Target { name: "prod".into(), conninfo: conninfo.into(), trusted: false, password_provider: None })
}

#[test]
fn untrusted_target_needs_named_passfile_line() {
    let (home, mut request) = request_with_home(&[]);
    let lines = "*:*:*:*:star\ndb1:*:*:*:for-db1\n127.0.0.1:*:*:*:for-loopback\n/run/x:*:*:*:for-socket\n";
    write_with_mode(&home.path().join(".pgpass"), lines, 0o600);
    for (conninfo, expected, warning) in [
        ("host=evil", None, "the line must contain its host \"evil\""),
        ("host=evil sslmode=disable", None, "disables encryption"),
        ("host=db1,evil", Some("for-db1"), "host \"evil\""),
        ("host=db1 hostaddr=192.0.2.1", None, "host \"192.0.2.1\""),
        ("host=db1 sslmode=allow", None, "disables encryption"),
        ("host=evil hostaddr=127.0.0.1", Some("for-loopback"), ""),
        ("hostaddr=127.0.0.1 sslmode=disable", Some("for-loopback"), ""),
        ("host=/run/x sslmode=disable", Some("for-socket"), ""),
        ("host=db1", Some("for-db1"), ""),
    ] {
        request.target = untrusted_target(conninfo);
        let resolved = resolve(&request).unwrap();
        assert_eq!(password(&resolved), expected, "{conninfo}");
        let warnings = resolved.warnings.join(" ");
        assert!(warnings.contains(warning) && warnings.is_empty() == warning.is_empty(), "{conninfo}: {warnings}");
        let other = resolved.conninfo.with_dbname("other");
        let other = other.hosts[0].password.as_ref().map(|password| password.secret.expose().to_owned());
        assert_eq!(other.as_deref(), expected, "{conninfo}, another database");
        // The user's own target may use every line.
        let trusted = untrusted_target(conninfo).map(|target| Target { trusted: true, ..target });
        request.target = trusted;
        assert!(password(&resolve(&request).unwrap()).is_some(), "{conninfo}");
    }
}

#[test]
fn untrusted_target_cannot_weaken_environment() {
    let demands = [
        ("PGSSLMODE", "verify-full", "sslmode=disable"),
        ("PGSSLMODE", "require", "sslmode=prefer"),
        ("PGREQUIRESSL", "1", "sslmode=prefer"),
        ("PGSSLMODE", "verify-ca", "sslrootcert=/tmp/theirs.pem"),
        ("PGSSLROOTCERT", "/mine.pem", "sslrootcert=/tmp/theirs.pem"),
        ("PGCHANNELBINDING", "require", "channel_binding=disable"),
        ("PGREQUIREPEER", "postgres", "requirepeer=mallory"),
        ("PGSSLMINPROTOCOLVERSION", "TLSv1.3", "ssl_min_protocol_version=TLSv1.2"),
    ];
    for (variable, value, given) in demands {
        let (_home, mut request) = request_with_home(&[(variable, value)]);
        request.target = untrusted_target(&format!("host=db1 {given}"));
        let error = resolve(&request).unwrap_err();
        let name = given.split('=').next().unwrap();
        let message =
            format!("target prod: a file found in the working directory cannot change {name}, which {variable} sets");
        assert_eq!(error.to_string(), message);
        assert!(error.hint().unwrap().contains(name));
        request.target = request.target.map(|target| Target { trusted: true, ..target });
        assert!(!resolve(&request).is_err_and(|error| error.to_string().contains("working directory")), "{given}");
    }
    let (_home, mut request) = request_with_home(&[("PGSSLMODE", "require"), ("PGCHANNELBINDING", "require")]);
    request.target = untrusted_target("host=db1 sslmode=verify-full sslrootcert=system channel_binding=require");
    assert_eq!(resolve(&request).unwrap().conninfo.tls.mode, SslMode::VerifyFull);
}

#[test]
fn untrusted_target_gets_no_service_password() {
    let (home, mut request) = request_with_home(&[("PGSERVICE", "mine")]);
    write_with_mode(&home.path().join(".pg_service.conf"), "[mine]\nhost=mine\npassword=of-the-service\n", 0o600);
    request.target = untrusted_target("port=6666");
    let resolved = resolve(&request).unwrap();
    assert_eq!(password(&resolved), None);
    assert!(resolved.warnings.concat().contains("the password of service mine"), "{:?}", resolved.warnings);
}

#[test]
fn untrusted_target_gets_no_pgpassword() {
    let (_home, mut request) = request_with_home(&[("PGPASSWORD", "mine")]);
    let target =
        Target { name: "prod".into(), conninfo: "host=their-host".into(), trusted: false, password_provider: None };
    request.target = Some(target.clone());
    let resolved = resolve(&request).unwrap();
    assert_eq!(password(&resolved), None);
    assert!(resolved.warnings.iter().any(|warning| warning.contains("PGPASSWORD is not used")), "{resolved:?}");

    request.target = Some(Target { trusted: true, ..target });
    assert_eq!(password(&resolve(&request).unwrap()), Some("mine"));
}
