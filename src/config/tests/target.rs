//! Targets and their standbys.

use super::*;

#[test]
fn replicas_inherit_target_password() {
    let text = "[target.prod]\nconninfo = 'host=a'\npassword = 'env:WORD'\n\
                replicas = ['host=b', 'host=c password=own']\n[target.alone]\nconninfo = ''";
    let machine = Machine::new().with_file(USER_FILE, text).with_var("WORD", "shared");
    let config = machine.read(None).unwrap();
    let replica_hosts = |name: &str| -> Vec<String> {
        let replicas = config.replicas(name, &machine.environment).unwrap().into_iter().map(|target| {
            let request = ConnectionRequest {
                target: Some(target),
                environment: machine.environment.clone(),
                ..ConnectionRequest::default()
            };
            let host = resolve(&request).unwrap().conninfo.hosts.remove(0);
            format!("{:?} {}", host.address, host.password.unwrap().secret.expose())
        });
        replicas.collect()
    };
    let hosts = replica_hosts("prod");
    assert!(hosts.len() == 2 && hosts[0].contains("\"b\"") && hosts[0].ends_with(" shared"), "{hosts:?}");
    assert!(hosts[1].contains("\"c\"") && hosts[1].ends_with(" own"), "{hosts:?}");
    assert_eq!(replica_hosts("alone"), [""; 0]);
    let (said, _) =
        config_error_of(WORKING_DIRECTORY_FILE, "[target.prod]\nconninfo = ''\nreplicas = ['password=ter2']");
    assert!(said.contains("the password in a replica of target \"prod\" is not allowed"), "{said}");
}

#[test]
fn bad_password_command_is_refused() {
    for (keys, message, hint) in [
        ("password_command = []", "password_command of target \"prod\" is empty", "[\"PROGRAM\""),
        ("password_command = ['']", "is empty", "[\"PROGRAM\""),
        ("password_command = ['a\u{0}b']", "", ""),
        ("password_command = 'aws rds ter2'", "\"password_command\" must be a list, not a string", "[\"…\"]"),
        ("password_command = ['aws', 2]", "an element of \"password_command\" must be a string", ""),
        ("password_command = ['ter2']\npassword = 'hunter2'", "has both password and password_command", "remove one"),
        ("password_command = ['aws']\npassword_command_timeout = '30'", "must be a duration with a unit", ""),
        ("password_command = ['aws']\npassword_command_timeout = '0s'", "must be a duration with a unit", ""),
        ("password_command_timeout = '30s'", "has password_command_timeout but no password_command", ""),
    ] {
        let (said, hinted) = config_error_of(USER_FILE, &format!("[target.prod]\nconninfo = 'host=h'\n{keys}"));
        assert!(said.contains(message) && hinted.contains(hint), "{keys}: {said} {hinted}");
    }
    let (said, _) =
        config_error_of(USER_FILE, "[target.prod]\nconninfo = 'host=h password=hunter2'\npassword_command = ['aws']");
    assert!(said.contains("has both password and password_command"), "{said}");
}

#[tokio::test]
async fn password_command_runs_per_server() {
    use crate::postgres::conninfo::PasswordRequest;
    let text = "[target.prod]\nconninfo = 'host=a user=app'\n\
                password_command = ['./token', '{host}', '{port}', '{user}', '{dbname}', '{else}']\n\
                replicas = ['host=b port=6432', 'host=c password=own-one']";
    let script = "#!/bin/sh\nprintf '%s,' \"$@\"\n";
    let machine = Machine::new().with_file(USER_FILE, text).with_file("home/.config/pgtend/token", script);
    let program = machine.folder.path().join("home/.config/pgtend/token");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let machine = machine.with_var("PGPASSWORD", "of-the-environment");
    let config = machine.read(None).unwrap();
    let mut targets = vec![config.target("prod", &machine.environment).unwrap()];
    targets.extend(config.replicas("prod", &machine.environment).unwrap());
    let mut passwords = Vec::new();
    for target in targets {
        let request = ConnectionRequest {
            target: Some(target),
            environment: machine.environment.clone(),
            ..ConnectionRequest::default()
        };
        let conninfo = resolve(&request).unwrap().conninfo;
        let host = &conninfo.hosts[0];
        let Some(provider) = &conninfo.password_provider else {
            passwords.push(host.password.as_ref().unwrap().secret.expose().to_owned());
            continue;
        };
        assert!(host.password.is_none(), "PGPASSWORD is not meant for it");
        assert_eq!(provider.origin().to_string(), "password_command of target prod");
        let name = host.name();
        let request = PasswordRequest { host: &name, port: host.port, user: "app", dbname: "shop" };
        passwords.push(provider.password(request).await.unwrap().expose().to_owned());
    }
    assert_eq!(passwords, ["a,5432,app,shop,{else},", "b,6432,app,shop,{else},", "own-one"]);
}

#[test]
fn unknown_target_suggests_nearest() {
    let hint = |machine: &Machine, name| machine.target(name).unwrap_err().hint().unwrap_or_default().to_owned();
    let nothing = Machine::new();
    assert!(nothing.target("prod").unwrap_err().to_string().contains("no configuration file"));
    assert!(hint(&nothing, "prod").contains("home/.config/pgtend/config.toml"));
    let empty = Machine::new().with_file(USER_FILE, "");
    assert!(hint(&empty, "prod").contains("the file has no targets"));
    let text = "[target.prod-1]\nconninfo=''\n[target.prod-2]\nconninfo=''\n[target.dev]\nconninfo=''";
    let machine = Machine::new().with_file(USER_FILE, text);
    assert_eq!(hint(&machine, "prod1"), "did you mean \"prod-1\" or \"prod-2\"?");
    assert_eq!(hint(&machine, "warehouse"), "configured targets: \"dev\", \"prod-1\" and \"prod-2\"");
}

#[test]
fn target_databases_one_some_or_all() {
    let text = "[target.one]\nconninfo = ''\n[target.all]\nconninfo = ''\ndatabases = 'all'\n\
                [target.some]\nconninfo = 'host=h'\ndatabases = ['b', 'all']\n\
                [target.own]\nconninfo = 'postgres:///own'\ndatabases = ['b']\n\
                [target.service]\nconninfo = 'service=s'\ndatabases = ['b']";
    let machine = Machine::new()
        .with_file(USER_FILE, text)
        .with_file("s.conf", "[s]\ndbname=served\n")
        .with_var("PGDATABASE", "other");
    let services = machine.folder.path().join("s.conf").display().to_string();
    let machine = machine.with_var("PGSERVICEFILE", &services);
    let config = machine.read(None).unwrap();
    let some = DatabaseSelection::Listed(vec!["b".to_owned(), "all".to_owned()]);
    for (name, reach, dbname) in [
        ("one", DatabaseSelection::Connected, "other"),
        ("all", DatabaseSelection::All, "other"),
        ("some", some, "b"),
        ("own", DatabaseSelection::Listed(vec!["b".to_owned()]), "own"),
        ("service", DatabaseSelection::Listed(vec!["b".to_owned()]), "served"),
        ("unlisted", DatabaseSelection::Connected, ""),
    ] {
        assert_eq!(config.database_selection(name), reach, "{name}");
        if let Ok(target) = config.target(name, &machine.environment) {
            let environment = machine.environment.clone();
            let request = ConnectionRequest { target: Some(target), environment, ..ConnectionRequest::default() };
            assert_eq!(resolve(&request).unwrap().conninfo.dbname, dbname, "{name}");
        }
    }
}
