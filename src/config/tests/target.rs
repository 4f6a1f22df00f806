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
