//! Which file is read, and what is refused in it.

use super::*;
use std::fs;

#[test]
fn config_rejects_bad_input_with_line() {
    for (text, message, hint) in [
        (
            "[target.prod]\nconninfo = ''\ndatabases = []",
            "line 3: databases of target \"prod\": the list is empty",
            "all",
        ),
        (
            "[target.prod]\nconninfo = ''\ndatabases = 'ter2'",
            "line 3: databases of target \"prod\": must be",
            "[\"…\"]",
        ),
        (
            "[target.prod]\nconninfo = ''\ndatabases = ['a', '']",
            "line 3: databases of target \"prod\": an element is empty",
            "",
        ),
        ("[target.prod]\nconninfo = ''\ndatabases = ['ter2',\n'ter2']", "line 4: databases of target", ""),
        ("[target.prod]\nconninfo = ''\ndatabases = ['a', 2]", "an element of \"databases\" must be a string", ""),
        ("[target.prod]\nconninfo = ''\ndatabases = true", "line 3: \"databases\" must be a string, not", ""),
        ("[target.prod]\nconninfo = ''\ndatabase = 'x'", "line 3: unknown key", "\"databases\"?"),
        ("x = 1", "line 1: unknown key \"x\"", "known keys: \"target\""),
        ("\n[targets.prod]\n", "line 2: unknown key \"targets\"", "did you mean \"target\"?"),
        (
            "[target.prod]\n\nconninof = 'ter2'",
            "line 3: unknown key \"conninof\" in [target.\"prod\"]",
            "\"conninfo\"?",
        ),
        ("[target.prod]\nconninfo=''\nPassword='ter2'", "line 3: unknown key \"Password\"", "\"password\"?"),
        ("[target.prod]\nconninfo=''\n[target.prod.x]", "line 3: unknown key \"x\"", "\"conninfo\", \"password\""),
        ("\n[target.prod]\n", "line 2: [target.\"prod\"] has no conninfo", "add conninfo"),
        ("target = 'ter2'", "line 1: \"target\" must be a table, not a string", "write [target.NAME]"),
        ("[[target]]\nconninfo=''", "line 1: \"target\" must be a table, not a list", "write [target.NAME]"),
        ("[target]\nconninfo = 'ter2'", "line 2: \"conninfo\" in [target] must be a table", "write [target.NAME]"),
        ("[target.prod]\nconninfo = 5432", "line 2: \"conninfo\" must be a string, not a number", ""),
        ("[target.prod]\nconninfo = ''\npassword = ['ter2']", "line 3: \"password\" must be a string, not a list", ""),
        ("[target.prod]\nconninfo = ''\npassword = ''", "line 3: \"password\" is empty", ""),
        ("[target.prod]\nconninfo = ''\npassword = 'env:'", "line 3: \"env:\" has no", ""),
        ("[target.prod]\nconninfo = ''\npassword = 'file:'", "line 3: \"file:\" has no", ""),
        ("[target.prod]\nconninfo = ''\npassword = hunter2", "line 3: ", ""),
        ("[target.prod]\nconninfo = ''\npassword = \"hunter2\n", "line 3: ", ""),
        ("[target.prod]\nconninfo = ''\npassword = 'x'\npassword = 'hunter2'", "line 4: duplicate key", ""),
        ("[target.prod]\nconninfo = ''\nreplicas = 'ter2'", "line 3: \"replicas\" must be a list", "[\"…\"]"),
        (
            "[target.prod]\nconninfo = ''\nreplicas = [\n'', 'hots=ter2']",
            "line 4: a replica of target \"prod\": unknown",
            "",
        ),
        (
            "[target.prod]\nconninfo = ''\nreplicas = ['env:ter2']",
            "a replica of target \"prod\" must not be a",
            "password",
        ),
        ("[target.prod]\nconninfo = ''\ndisk_size = '500 XB'", "line 3: disk_size of target \"prod\"", ""),
        ("[target.prod]\nconninfo = ''\ndisk_size = 500", "line 3: \"disk_size\" must be a string", ""),
        ("[target.prod]\nconninfo = 'hots=x'", "line 2: the conninfo of target \"prod\": unknown", "\"host\""),
        ("[target.prod]\nconninfo = 'host'", "line 2: the conninfo of target \"prod\": missing", "quoted"),
        ("[target.prod]\nconninfo = 'sslpassword=ter2'", "not supported", "remove"),
        ("[target.prod]\nconninfo = 'env:URL'", "must not be a reference", "password = \"env:NAME\""),
        ("[target.prod]\nconninfo = 'postgres://u:hunter2@h:x/'", "the port in the URI", "percent-encoded"),
        (
            "[target.prod]\nconninfo='password=ter2'\npassword='env:X'",
            "line 3: target \"prod\" has two passwords",
            "remove",
        ),
        ("\"a\\u001b[2J\" = 1", "unknown key \"a\\u{1b}[2J\"", ""),
    ] {
        let (said, hinted) = config_error_of(USER_FILE, text);
        assert!(said.contains(message) && said.contains("config.toml\", line "), "{text}: {said}");
        assert!(hinted.contains(hint), "{text}: {hinted}");
    }
}

#[test]
fn config_unreadable_file_is_error() {
    let machine = Machine::new();
    let error = machine.read(Some("missing.toml")).unwrap_err();
    assert!(error.to_string().contains("work/missing.toml\" does not exist"), "{error}");
    fs::create_dir(machine.folder.path().join(WORKING_DIRECTORY_FILE)).unwrap();
    let error = machine.read(None).unwrap_err();
    assert!(error.to_string().contains("is not a regular file"), "{error}");
    assert!(machine.read(Some("pgtend.toml")).unwrap_err().to_string().contains("cannot be read"));
    let machine = Machine::new();
    fs::write(machine.folder.path().join(WORKING_DIRECTORY_FILE), b"# \xff").unwrap();
    assert!(machine.read(None).unwrap_err().to_string().contains("is not UTF-8"));
}

#[test]
fn config_file_precedence() {
    let prod = |host: &str| format!("[target.prod]\nconninfo = 'host={host}'");
    let host = |config: &Config, machine: &Machine| {
        let target = config.target("prod", &machine.environment).unwrap();
        target.conninfo.expose().to_owned()
    };
    let machine = Machine::new().with_file(USER_FILE, &prod("own"));
    assert_eq!(host(&machine.read(None).unwrap(), &machine), "host='own'");
    let machine = machine.with_file("xdg/pgtend/config.toml", &prod("xdg"));
    let xdg = machine.folder.path().join("xdg").to_string_lossy().into_owned();
    let machine = machine.with_var("XDG_CONFIG_HOME", &xdg);
    assert_eq!(host(&machine.read(None).unwrap(), &machine), "host='xdg'");
    let machine = machine.with_file(WORKING_DIRECTORY_FILE, "[target.other]\nconninfo = 'host=found'");
    assert_eq!(host(&machine.read(None).unwrap(), &machine), "host='xdg'");
    assert_eq!(machine.target("other").unwrap().conninfo.expose(), "host='found'");
    let machine = machine.with_file("work/named.toml", &prod("named"));
    assert_eq!(host(&machine.read(Some("named.toml")).unwrap(), &machine), "host='named'");
    let machine = machine.with_var("XDG_CONFIG_HOME", "relative");
    fs::remove_file(machine.folder.path().join(WORKING_DIRECTORY_FILE)).unwrap();
    assert_eq!(host(&machine.read(None).unwrap(), &machine), "host='own'");
}

#[test]
fn user_target_wins_over_working_directory() {
    let own = "[target.prod]\nconninfo = 'host=own'\ndisk_size = '1GB'\n[target.mine]\nconninfo = 'host=mine'";
    let found = "[target.prod]\nconninfo = 'host=evil'\ndisk_size = '2GB'\n[target.dev]\nconninfo = 'host=dev'";
    let machine = Machine::new().with_file(USER_FILE, own).with_file(WORKING_DIRECTORY_FILE, found);
    let config = machine.read(None).unwrap();
    for (name, conninfo, trusted) in
        [("prod", "host='own'", true), ("mine", "host='mine'", true), ("dev", "host='dev'", false)]
    {
        let target = config.target(name, &machine.environment).unwrap();
        assert_eq!((target.conninfo.expose(), target.trusted), (conninfo, trusted), "{name}");
        assert_eq!(config.is_from_working_directory(name), !trusted, "{name}");
        assert!(config.file_of_target(name).unwrap().ends_with(if trusted { "config.toml" } else { "pgtend.toml" }));
    }
    assert_eq!(config.disk_size("prod"), Some(1 << 30));
    // All targets are those of the file in force.
    assert_eq!(config.target_names().collect::<Vec<_>>(), ["dev", "prod"]);
    let [warning] = config.warnings() else { panic!("{:?}", config.warnings()) };
    for part in ["target \"prod\" is defined in", "work/pgtend.toml\"", "home/.config/pgtend/config.toml\" is used"] {
        assert!(warning.contains(part), "{warning}");
    }
    assert!(config.target("pord", &machine.environment).unwrap_err().hint().unwrap().contains("\"prod\""));

    // An own file with a mistake is an error: whether it has the target cannot be known.
    let broken = Machine::new().with_file(USER_FILE, "[target.prod").with_file(WORKING_DIRECTORY_FILE, found);
    assert!(broken.read(None).unwrap_err().to_string().contains("config.toml\", line 1"));
    // A file that is named is the user's, and the only one.
    assert!(machine.read(Some("pgtend.toml")).unwrap().warnings().is_empty());
}

#[test]
fn config_without_file_has_no_targets() {
    let config = Machine::new().read(None).unwrap();
    assert_eq!((config.path(), config.target_names().count(), config.warnings().len()), (None, 0, 0));
    let homeless = Machine { environment: Environment::default(), ..Machine::new() };
    assert!(homeless.read(None).unwrap().path().is_none());
}
