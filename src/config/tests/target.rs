//! Targets and their standbys.

use super::*;

#[test]
fn standbys_have_the_password_of_their_target_or_their_own() {
    let text = "[target.prod]\nconninfo = 'host=a'\npassword = 'env:WORD'\n\
                replicas = ['host=b', 'host=c password=own']\n[target.alone]\nconninfo = ''";
    let machine = Machine::new().with(OWN, text).with_var("WORD", "shared");
    let config = machine.read(None).unwrap();
    let of = |name: &str| -> Vec<String> {
        let replicas = config.replicas(name, &machine.environment).unwrap().into_iter().map(|target| {
            let request =
                Request { target: Some(target), environment: machine.environment.clone(), ..Request::default() };
            let host = resolve(&request).unwrap().conninfo.hosts.remove(0);
            format!("{:?} {}", host.place, host.password.unwrap().secret.expose())
        });
        replicas.collect()
    };
    let told = of("prod");
    assert!(told.len() == 2 && told[0].contains("\"b\"") && told[0].ends_with(" shared"), "{told:?}");
    assert!(told[1].contains("\"c\"") && told[1].ends_with(" own"), "{told:?}");
    assert_eq!(of("alone"), [""; 0]);
    let (said, _) = refusal(FOUND, "[target.prod]\nconninfo = ''\nreplicas = ['password=ter2']");
    assert!(said.contains("the password in a replica of target \"prod\" may not stand"), "{said}");
}

#[test]
fn bad_password_command_is_refused() {
    for (keys, message, hint) in [
        ("password_command = []", "password_command of target \"prod\" names no program", "[\"PROGRAM\""),
        ("password_command = ['']", "names no program", "[\"PROGRAM\""),
        ("password_command = ['a\u{0}b']", "", ""),
        ("password_command = 'aws rds ter2'", "\"password_command\" is not a list but a text", "[\"…\"]"),
        ("password_command = ['aws', 2]", "an element of \"password_command\" is not a text", ""),
        ("password_command = ['ter2']\npassword = 'hunter2'", "has a password and a password_command", "remove one"),
        ("password_command = ['aws']\npassword_command_timeout = '30'", "is not a duration with its unit", ""),
        ("password_command = ['aws']\npassword_command_timeout = '0s'", "is not a duration with its unit", ""),
        ("password_command_timeout = '30s'", "has a password_command_timeout and no password_command", ""),
    ] {
        let (said, hinted) = refusal(OWN, &format!("[target.prod]\nconninfo = 'host=h'\n{keys}"));
        assert!(said.contains(message) && hinted.contains(hint), "{keys}: {said} {hinted}");
    }
    let (said, _) = refusal(OWN, "[target.prod]\nconninfo = 'host=h password=hunter2'\npassword_command = ['aws']");
    assert!(said.contains("has a password and a password_command"), "{said}");
}

#[tokio::test]
async fn password_command_is_asked_for_each_server() {
    use crate::pg::conninfo::PasswordRequest;
    let text = "[target.prod]\nconninfo = 'host=a user=app'\n\
                password_command = ['./token', '{host}', '{port}', '{user}', '{dbname}', '{else}']\n\
                replicas = ['host=b port=6432', 'host=c password=own-one']";
    let script = "#!/bin/sh\nprintf '%s,' \"$@\"\n";
    let machine = Machine::new().with(OWN, text).with("home/.config/pgtend/token", script);
    let program = machine.folder.path().join("home/.config/pgtend/token");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let machine = machine.with_var("PGPASSWORD", "of-the-environment");
    let config = machine.read(None).unwrap();
    let mut targets = vec![config.target("prod", &machine.environment).unwrap()];
    targets.extend(config.replicas("prod", &machine.environment).unwrap());
    let mut asked = Vec::new();
    for target in targets {
        let request = Request { target: Some(target), environment: machine.environment.clone(), ..Request::default() };
        let conninfo = resolve(&request).unwrap().conninfo;
        let host = &conninfo.hosts[0];
        let Some(provider) = &conninfo.password_provider else {
            asked.push(host.password.as_ref().unwrap().secret.expose().to_owned());
            continue;
        };
        assert!(host.password.is_none(), "PGPASSWORD is not meant for it");
        assert_eq!(provider.origin().to_string(), "password_command of target prod");
        let name = host.name();
        let request = PasswordRequest { host: &name, port: host.port, user: "app", dbname: "shop" };
        asked.push(provider.password(request).await.unwrap().expose().to_owned());
    }
    assert_eq!(asked, ["a,5432,app,shop,{else},", "b,6432,app,shop,{else},", "own-one"]);
}

#[test]
fn an_unknown_target_is_an_error_with_the_nearest_ones() {
    let hint = |machine: &Machine, name| machine.target(name).unwrap_err().hint().unwrap_or_default().to_owned();
    let nothing = Machine::new();
    assert!(nothing.target("prod").unwrap_err().to_string().contains("no configuration file"));
    assert!(hint(&nothing, "prod").contains("home/.config/pgtend/config.toml"));
    let empty = Machine::new().with(OWN, "");
    assert!(hint(&empty, "prod").contains("it has no targets"));
    let text = "[target.prod-1]\nconninfo=''\n[target.prod-2]\nconninfo=''\n[target.dev]\nconninfo=''";
    let machine = Machine::new().with(OWN, text);
    assert_eq!(hint(&machine, "prod1"), "did you mean \"prod-1\" or \"prod-2\"?");
    assert_eq!(hint(&machine, "warehouse"), "it has \"dev\", \"prod-1\" and \"prod-2\"");
}

#[test]
fn the_databases_of_a_target_are_one_some_or_all() {
    let text = "[target.one]\nconninfo = ''\n[target.all]\nconninfo = ''\ndatabases = 'all'\n\
                [target.some]\nconninfo = 'host=h'\ndatabases = ['b', 'all']\n\
                [target.own]\nconninfo = 'postgres:///own'\ndatabases = ['b']\n\
                [target.service]\nconninfo = 'service=s'\ndatabases = ['b']";
    let machine = Machine::new().with(OWN, text).with("s.conf", "[s]\ndbname=served\n").with_var("PGDATABASE", "other");
    let services = machine.folder.path().join("s.conf").display().to_string();
    let machine = machine.with_var("PGSERVICEFILE", &services);
    let config = machine.read(None).unwrap();
    let some = Reach::Listed(vec!["b".to_owned(), "all".to_owned()]);
    for (name, reach, dbname) in [
        ("one", Reach::Connected, "other"),
        ("all", Reach::All, "other"),
        ("some", some, "b"),
        ("own", Reach::Listed(vec!["b".to_owned()]), "own"),
        ("service", Reach::Listed(vec!["b".to_owned()]), "served"),
        ("nobody", Reach::Connected, ""),
    ] {
        assert_eq!(config.reach(name), reach, "{name}");
        if let Ok(target) = config.target(name, &machine.environment) {
            let environment = machine.environment.clone();
            let request = Request { target: Some(target), environment, ..Request::default() };
            assert_eq!(resolve(&request).unwrap().conninfo.dbname, dbname, "{name}");
        }
    }
}
