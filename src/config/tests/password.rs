//! Where passwords come from, and that none shows.

use super::*;
use proptest::prelude::*;
use std::{fs, os::unix::fs::PermissionsExt};

#[test]
fn working_directory_file_rejects_secrets() {
    for (text, message) in [
        ("[target.prod]\nconninfo = 'host=h'\npassword = 'hunter2'", "line 3: the password of target \"prod\""),
        ("[target.prod]\nconninfo = 'host=h'\npassword = 'env:HOME'", "line 3: the password"),
        ("[target.prod]\nconninfo = 'host=h'\npassword = 'file:/etc/shadow'", "line 3: the password"),
        ("[target.prod]\npassword = ''", "line 2: the password"),
        ("[target.prod]\nconninfo = 'host=h password=hunter2'", "line 2: the password in the conninfo"),
        ("[target.prod]\nconninfo = 'host=h password=hunter2 password='", "line 2: the password in the conninfo"),
        ("[target.prod]\nconninfo = 'postgresql://u:hunter2@h/d'", "line 2: the password in the conninfo"),
        ("[target.prod]\nconninfo = 'postgres://h/?pass%77ord=hunter2'", "line 2: the password in the conninfo"),
        ("[target.prod]\nconninfo = 'host=h passfile=/etc/x'", "line 2: the passfile in the conninfo"),
        ("[target.prod]\nconninfo = 'service=x servicefile=./x'", "line 2: the servicefile in the conninfo"),
        ("[target.prod]\nconninfo = 'service=x'", "line 2: the service in the conninfo"),
        ("[target.prod]\nconninfo = 'host=h sslkey=/etc/x'", "line 2: the sslkey in the conninfo"),
        ("[target.prod]\nconninfo = 'postgres://h/d?sslcert=x'", "line 2: the sslcert in the conninfo"),
        ("[target.prod]\nconninfo = ''\nreplicas = ['host=h passfile=x']", "line 3: the passfile in a replica"),
        ("[target.prod]\nconninfo = ''\npassword_command = ['touch', 'x']", "line 3: password_command of target"),
        ("[target.prod]\nconninfo = ''\npassword_command_timeout = '1s'", "line 3: password_command_timeout of"),
        ("[target.prod]\nconninfo = 'env:DATABASE_URL'", "line 2: a reference for the conninfo"),
        ("[target.prod]\nconninfo = 'file:/etc/x'", "line 2: a reference for the conninfo"),
        ("target.a.conninfo=''\ntarget.b = { conninfo = 'password=hunter2' }", "line 2: the password in"),
    ] {
        let (said, hinted) = config_error_of(WORKING_DIRECTORY_FILE, text);
        assert!(said.contains(message) && said.contains("pgtend.toml\""), "{text}: {said}");
        assert!(said.contains("is not allowed in a file found in the working directory"), "{text}: {said}");
        assert!(hinted.contains("home/.config/pgtend/config.toml"), "{text}: {hinted}");
        let is_of_a_password = message.contains("password") || message.contains("reference");
        assert_eq!(hinted.contains("~/.pgpass"), is_of_a_password, "{text}: {hinted}");
    }
}

#[test]
fn missing_secret_fails_its_target_only() {
    let text = "[target.a]\nconninfo='host=h'\npassword='env:NO'\n[target.b]\nconninfo='host=h'\npassword='file:no'\n\
        [target.c]\nconninfo='host=h'\npassword='file:lines'\n[target.d]\nconninfo='host=h'\npassword='file:empty'\n\
        [target.e]\nconninfo='host=h'";
    let folder = "home/.config/pgtend";
    let machine = Machine::new()
        .with_file(USER_FILE, text)
        .with_file(&format!("{folder}/lines"), "hunter2\nhunter2\n")
        .with_file(&format!("{folder}/empty"), "\n")
        .with_var("NO", "");
    for (name, why) in
        [("a", "variable \"NO\" is not set"), ("b", "cannot be read"), ("c", "more than one line"), ("d", "is empty")]
    {
        let error = machine.target(name).unwrap_err();
        assert!(error.to_string().starts_with(&format!("password of target {name:?}: ")), "{error}");
        assert!(error.to_string().contains(why) && !error.to_string().contains("ter2"), "{error}");
        assert!(error.hint().unwrap().contains("config.toml"), "{error:?}");
    }
    assert_eq!(machine.password("e"), None);
}

#[test]
fn password_sources_are_read() {
    let text = "[target.literal]\nconninfo='postgres://u@h/d'\npassword='a b'\n\
        [target.inline]\nconninfo='host=h password=inline'\n\
        [target.variable]\nconninfo='postgres://u@h/d?sslmode=disable'\npassword='env:SECRET'\n\
        [target.file]\nconninfo='host=h'\npassword='file:~/secret'\n\
        [target.beside]\nconninfo='host=h'\npassword='file:beside'\n\
        [target.none]\nconninfo='host=h'";
    let machine = Machine::new()
        .with_file(USER_FILE, text)
        .with_file("home/secret", "from file\r\n")
        .with_file("home/.config/pgtend/beside", " beside ")
        .with_var("SECRET", "it's \\ there");
    for (name, password) in [
        ("literal", Some("a b")),
        ("inline", Some("inline")),
        ("variable", Some("it's \\ there")),
        ("file", Some("from file")),
        ("beside", Some(" beside ")),
        ("none", None),
    ] {
        assert_eq!(machine.password(name).as_deref(), password, "{name}");
    }
    // What the user names is trusted, wherever it lies.
    let named = machine.with_file("work/pgtend.toml", "[target.x]\nconninfo='host=h password=hunter2'");
    assert!(named.read(None).is_err());
    assert!(named.read(Some("pgtend.toml")).is_ok());
}

#[test]
fn debug_hides_passwords() {
    let text = "[target.a]\nconninfo='host=h'\npassword='hunter2'\n[target.b]\nconninfo='postgres://u:hunter2@h'";
    let machine = Machine::new().with_file(USER_FILE, text);
    let config = machine.read(None).unwrap();
    let targets = ["a", "b"].map(|name| config.target(name, &machine.environment).unwrap());
    assert!(!format!("{config:?} {config:#?} {targets:?}").contains("ter2"));
}

#[test]
fn readable_literal_password_is_warned() {
    let literal = "[target.prod]\nconninfo='host=h'\npassword='hunter2'";
    let inline = "[target.prod]\nconninfo='host=h password=hunter2'";
    let reference = "[target.prod]\nconninfo='host=h'\npassword='env:X'";
    for (text, mode, warned) in [
        (literal, 0o644, true),
        (literal, 0o640, true),
        (inline, 0o604, true),
        (literal, 0o600, false),
        (reference, 0o644, false),
    ] {
        let machine = Machine::new().with_file(USER_FILE, text);
        fs::set_permissions(machine.folder.path().join(USER_FILE), fs::Permissions::from_mode(mode)).unwrap();
        let config = machine.read(None).unwrap();
        assert_eq!(config.warnings().len(), usize::from(warned), "{mode:o}: {text}");
        assert!(!config.warnings().concat().contains("ter2"));
        assert_eq!(config.warnings().concat().contains("0600"), warned);
    }
}

proptest! {
    #[test]
    fn parse_never_quotes_password(from in 0usize..120, until in 0usize..120, letter in ".") {
        let text = "[target.prod]\nconninfo = 'postgres://u:hunter2@h/d'\npassword = \"hunter2\"\n# größe\n";
        let letters: Vec<char> = text.chars().collect();
        let spoilt: String = letters.iter().take(from).copied()
            .chain(letter.chars())
            .chain(letters.iter().skip(until).copied())
            .collect();
        let file = ConfigFile { path: "config.toml".into(), text: spoilt, trusted: true, has_group_or_world_access: false, user_path: None };
        if let Err(error) = Config::parse_file(&file) {
            prop_assert!(!error.to_string().contains("hunter2"), "{}", error);
        }
    }
}
