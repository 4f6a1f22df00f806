use std::fs;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::judge::audit::Way;
use crate::pg::conninfo::{Request, resolve};

/// A machine with a home, a working directory and an environment.
struct Machine {
    folder: TempDir,
    environment: Environment,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        fs::create_dir(folder.path().join("work")).unwrap();
        let environment = Environment { home: Some(home), os_user: Some("u".into()), ..Environment::default() };
        Self { folder, environment }
    }

    fn with(self, path: &str, text: &str) -> Self {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        self
    }

    fn with_var(mut self, name: &str, value: &str) -> Self {
        self.environment.vars.insert(name.into(), value.into());
        self
    }

    fn read(&self, explicit: Option<&str>) -> Result<Config, ConfigError> {
        Config::read(explicit.map(Path::new), &self.environment, &self.folder.path().join("work"))
    }

    fn target(&self, name: &str) -> Result<Target, ConfigError> {
        self.read(None)?.target(name, &self.environment)
    }

    /// The password a connection to the target would use.
    fn password(&self, name: &str) -> Option<String> {
        let request = Request {
            target: Some(self.target(name).unwrap()),
            environment: self.environment.clone(),
            ..Request::default()
        };
        let host = resolve(&request).unwrap().conninfo.hosts.remove(0);
        host.password.map(|password| password.secret.expose().to_owned())
    }
}

const OWN: &str = "home/.config/pgtend/config.toml";
const FOUND: &str = "work/pgtend.toml";

fn refusal(path: &str, text: &str) -> (String, String) {
    let error = Machine::new().with(path, text).read(None).expect_err(text);
    assert!(!format!("{error} {error:?}").contains("ter2"), "{text}: {error:?}");
    (error.to_string(), error.hint().unwrap_or_default().to_owned())
}

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
fn what_is_not_understood_is_refused_with_its_line() {
    for (text, message, hint) in [
        ("x = 1", "line 1: unknown key \"x\"", "known here: \"target\""),
        ("\n[targets.prod]\n", "line 2: unknown key \"targets\"", "did you mean \"target\"?"),
        (
            "[target.prod]\n\nconninof = 'ter2'",
            "line 3: unknown key \"conninof\" in [target.\"prod\"]",
            "\"conninfo\"?",
        ),
        ("[target.prod]\nconninfo=''\nPassword='ter2'", "line 3: unknown key \"Password\"", "\"password\"?"),
        ("[target.prod]\nconninfo=''\n[target.prod.x]", "line 3: unknown key \"x\"", "\"conninfo\", \"password\""),
        ("\n[target.prod]\n", "line 2: [target.\"prod\"] has no conninfo", "add conninfo"),
        ("target = 'ter2'", "line 1: \"target\" is not a table but a text", "write [target.NAME]"),
        ("[[target]]\nconninfo=''", "line 1: \"target\" is not a table but a list", "write [target.NAME]"),
        ("[target]\nconninfo = 'ter2'", "line 2: \"conninfo\" in [target] is not a table", "write [target.NAME]"),
        ("[target.prod]\nconninfo = 5432", "line 2: \"conninfo\" is not a text but a number", ""),
        ("[target.prod]\nconninfo = ''\npassword = ['ter2']", "line 3: \"password\" is not a text but a list", ""),
        ("[target.prod]\nconninfo = ''\npassword = ''", "line 3: \"password\" is empty", ""),
        ("[target.prod]\nconninfo = ''\npassword = 'env:'", "line 3: \"env:\" names no", ""),
        ("[target.prod]\nconninfo = ''\npassword = 'file:'", "line 3: \"file:\" names no", ""),
        ("[target.prod]\nconninfo = ''\npassword = hunter2", "line 3: ", ""),
        ("[target.prod]\nconninfo = ''\npassword = \"hunter2\n", "line 3: ", ""),
        ("[target.prod]\nconninfo = ''\npassword = 'x'\npassword = 'hunter2'", "line 4: duplicate key", ""),
        ("[target.prod]\nconninfo = ''\nreplicas = 'ter2'", "line 3: \"replicas\" is not a list", "[\"…\"]"),
        (
            "[target.prod]\nconninfo = ''\nreplicas = [\n'', 'hots=ter2']",
            "line 4: a replica of target \"prod\": unknown",
            "",
        ),
        (
            "[target.prod]\nconninfo = ''\nreplicas = ['env:ter2']",
            "a replica of target \"prod\" may not be a",
            "password",
        ),
        ("[target.prod]\nconninfo = ''\ndisk_size = '500 XB'", "line 3: the disk_size of target \"prod\"", ""),
        ("[target.prod]\nconninfo = ''\ndisk_size = 500", "line 3: \"disk_size\" is not a text", ""),
        ("[target.prod]\nconninfo = 'hots=x'", "line 2: the conninfo of target \"prod\": unknown", "\"host\""),
        ("[target.prod]\nconninfo = 'host'", "line 2: the conninfo of target \"prod\": missing", "quoted"),
        ("[target.prod]\nconninfo = 'sslpassword=ter2'", "not supported", "remove"),
        ("[target.prod]\nconninfo = 'env:URL'", "may not be a reference", "password = \"env:NAME\""),
        ("[target.prod]\nconninfo = 'postgres://u:hunter2@h:x/'", "the port in the URI", "percent-encoded"),
        (
            "[target.prod]\nconninfo='password=ter2'\npassword='env:X'",
            "line 3: target \"prod\" has two passwords",
            "remove",
        ),
        ("\"a\\u001b[2J\" = 1", "unknown key \"a\\u{1b}[2J\"", ""),
    ] {
        let (said, hinted) = refusal(OWN, text);
        assert!(said.contains(message) && said.contains("config.toml\", line "), "{text}: {said}");
        assert!(hinted.contains(hint), "{text}: {hinted}");
    }
}

#[test]
fn a_file_found_in_the_working_directory_holds_no_secrets() {
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
        ("[target.prod]\nconninfo = 'env:DATABASE_URL'", "line 2: a reference for the conninfo"),
        ("[target.prod]\nconninfo = 'file:/etc/x'", "line 2: a reference for the conninfo"),
        ("target.a.conninfo=''\ntarget.b = { conninfo = 'password=hunter2' }", "line 2: the password in"),
    ] {
        let (said, hinted) = refusal(FOUND, text);
        assert!(said.contains(message) && said.contains("pgtend.toml\""), "{text}: {said}");
        assert!(said.contains("may not stand in a file found in the working directory"), "{text}: {said}");
        assert!(hinted.contains("~/.pgpass") && hinted.contains("home/.config/pgtend/config.toml"), "{text}: {hinted}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_not_passed_over() {
    let machine = Machine::new();
    let error = machine.read(Some("missing.toml")).unwrap_err();
    assert!(error.to_string().contains("work/missing.toml\" does not exist"), "{error}");
    fs::create_dir(machine.folder.path().join(FOUND)).unwrap();
    let error = machine.read(None).unwrap_err();
    assert!(error.to_string().contains("is not a plain file"), "{error}");
    assert!(machine.read(Some("pgtend.toml")).unwrap_err().to_string().contains("cannot be read"));
    let machine = Machine::new();
    fs::write(machine.folder.path().join(FOUND), b"# \xff").unwrap();
    assert!(machine.read(None).unwrap_err().to_string().contains("is not UTF-8"));
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
fn a_secret_that_cannot_be_fetched_is_an_error_for_its_target_only() {
    let text = "[target.a]\nconninfo='host=h'\npassword='env:NO'\n[target.b]\nconninfo='host=h'\npassword='file:no'\n\
        [target.c]\nconninfo='host=h'\npassword='file:lines'\n[target.d]\nconninfo='host=h'\npassword='file:empty'\n\
        [target.e]\nconninfo='host=h'";
    let folder = "home/.config/pgtend";
    let machine = Machine::new()
        .with(OWN, text)
        .with(&format!("{folder}/lines"), "hunter2\nhunter2\n")
        .with(&format!("{folder}/empty"), "\n")
        .with_var("NO", "");
    for (name, why) in
        [("a", "variable \"NO\" is not set"), ("b", "cannot be read"), ("c", "more than one line"), ("d", "is empty")]
    {
        let error = machine.target(name).unwrap_err();
        assert!(error.to_string().starts_with(&format!("the password of target {name:?}: ")), "{error}");
        assert!(error.to_string().contains(why) && !error.to_string().contains("ter2"), "{error}");
        assert!(error.hint().unwrap().contains("config.toml"), "{error:?}");
    }
    assert_eq!(machine.password("e"), None);
}

#[test]
fn the_first_file_of_three_is_read() {
    let prod = |host: &str| format!("[target.prod]\nconninfo = 'host={host}'");
    let host = |config: &Config, machine: &Machine| {
        let target = config.target("prod", &machine.environment).unwrap();
        target.conninfo.expose().to_owned()
    };
    let machine = Machine::new().with(OWN, &prod("own"));
    assert_eq!(host(&machine.read(None).unwrap(), &machine), "host='own'");
    let machine = machine.with("xdg/pgtend/config.toml", &prod("xdg"));
    let xdg = machine.folder.path().join("xdg").to_string_lossy().into_owned();
    let machine = machine.with_var("XDG_CONFIG_HOME", &xdg);
    assert_eq!(host(&machine.read(None).unwrap(), &machine), "host='xdg'");
    let machine = machine.with(FOUND, &prod("found"));
    assert_eq!(host(&machine.read(None).unwrap(), &machine), "host='found'");
    let machine = machine.with("work/named.toml", &prod("named"));
    assert_eq!(host(&machine.read(Some("named.toml")).unwrap(), &machine), "host='named'");
    let machine = machine.with_var("XDG_CONFIG_HOME", "relative");
    fs::remove_file(machine.folder.path().join(FOUND)).unwrap();
    assert_eq!(host(&machine.read(None).unwrap(), &machine), "host='own'");
}

#[test]
fn no_file_is_no_targets() {
    let config = Machine::new().read(None).unwrap();
    assert_eq!((config.path(), config.target_names().count(), config.warnings().len()), (None, 0, 0));
    let homeless = Machine { environment: Environment::default(), ..Machine::new() };
    assert!(homeless.read(None).unwrap().path().is_none());
}

#[test]
fn passwords_come_from_where_they_are_said_to_be() {
    let text = "[target.literal]\nconninfo='postgres://u@h/d'\npassword='a b'\n\
        [target.inline]\nconninfo='host=h password=inline'\n\
        [target.variable]\nconninfo='postgres://u@h/d?sslmode=disable'\npassword='env:SECRET'\n\
        [target.file]\nconninfo='host=h'\npassword='file:~/secret'\n\
        [target.beside]\nconninfo='host=h'\npassword='file:beside'\n\
        [target.none]\nconninfo='host=h'";
    let machine = Machine::new()
        .with(OWN, text)
        .with("home/secret", "from file\r\n")
        .with("home/.config/pgtend/beside", " beside ")
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
    let named = machine.with("work/pgtend.toml", "[target.x]\nconninfo='host=h password=hunter2'");
    assert!(named.read(None).is_err());
    assert!(named.read(Some("pgtend.toml")).is_ok());
}

#[test]
fn no_password_shows() {
    let text = "[target.a]\nconninfo='host=h'\npassword='hunter2'\n[target.b]\nconninfo='postgres://u:hunter2@h'";
    let machine = Machine::new().with(OWN, text);
    let config = machine.read(None).unwrap();
    let targets = ["a", "b"].map(|name| config.target(name, &machine.environment).unwrap());
    assert!(!format!("{config:?} {config:#?} {targets:?}").contains("ter2"));
}

#[test]
fn a_literal_password_that_others_can_read_is_warned_of() {
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
        let machine = Machine::new().with(OWN, text);
        fs::set_permissions(machine.folder.path().join(OWN), fs::Permissions::from_mode(mode)).unwrap();
        let config = machine.read(None).unwrap();
        assert_eq!(config.warnings().len(), usize::from(warned), "{mode:o}: {text}");
        assert!(!config.warnings().concat().contains("ter2"));
        assert_eq!(config.warnings().concat().contains("0600"), warned);
    }
}

proptest! {
    #[test]
    fn never_panics_and_never_quotes_a_password(from in 0usize..120, until in 0usize..120, letter in ".") {
        let text = "[target.prod]\nconninfo = 'postgres://u:hunter2@h/d'\npassword = \"hunter2\"\n# größe\n";
        let letters: Vec<char> = text.chars().collect();
        let spoilt: String = letters.iter().take(from).copied()
            .chain(letter.chars())
            .chain(letters.iter().skip(until).copied())
            .collect();
        let file = File { path: "config.toml".into(), text: spoilt, trusted: true, open_to_others: false, own: None };
        if let Err(error) = Config::understand(&file) {
            prop_assert!(!error.to_string().contains("hunter2"), "{}", error);
        }
    }
}

#[test]
fn limits_and_the_history_are_read() {
    let machine = Machine::new().with(
        OWN,
        "[history]\nurl = 'states/h.db'\n[indexes]\nmin_observation = '35 days'\nmin_reclaim = '10MB'\n\
         [slots]\nstale_after = '3d'\nstale_after_physical = '4 weeks'\ndroppable = ['old', 'older']",
    );
    let config = machine.read(None).unwrap();
    let (indexes, slots) = (config.index_limits(), config.slot_limits());
    assert_eq!((indexes.min_observation_seconds, indexes.min_reclaim_bytes), (35 * 86_400, 10 << 20));
    assert_eq!((slots.stale_after_seconds, slots.stale_after_physical_seconds), (3 * 86_400, 28 * 86_400));
    assert_eq!(config.droppable_slots(), ["old", "older"]);
    let beside = machine.folder.path().join("home/.config/pgtend/states/h.db").display().to_string();
    assert_eq!(config.history_url(&machine.environment).unwrap(), Some(beside));

    let nothing = Config::default();
    assert_eq!(nothing.index_limits(), crate::model::IndexLimits::default());
    assert_eq!(nothing.slot_limits(), slot::Limits::default());
    assert!(nothing.droppable_slots().is_empty());
    assert_eq!(nothing.history_url(&Environment::default()).unwrap(), None);
}

#[test]
fn the_history_may_be_named_in_every_form_and_kept_elsewhere() {
    let url = |text: &str| {
        let machine = Machine::new().with(OWN, &format!("[history]\nurl = '{text}'")).with_var("STORE", "/srv/s.db");
        machine.read(None).unwrap().history_url(&machine.environment).unwrap().unwrap()
    };
    for same in ["none", "/srv/h.db", "postgresql://app@db/pgtend"] {
        assert_eq!(url(same), same);
    }
    assert_eq!(url("env:STORE"), "/srv/s.db");
    assert!(url("~/h.db").ends_with("/home/h.db"));
    let machine = Machine::new().with(OWN, "[history]\nurl = 'env:NOWHERE'");
    let error = machine.read(None).unwrap().history_url(&machine.environment).unwrap_err();
    assert!(error.to_string().contains("NOWHERE"), "{error}");
}

#[test]
fn limits_and_the_history_are_refused_with_their_line() {
    for (text, message, hint) in [
        ("[histroy]", "line 1: unknown key \"histroy\"", "\"history\""),
        ("[history]\nur = 'x'", "line 2: unknown key \"ur\" in [history]", "\"url\""),
        ("[history]\nurl = 'mysql://u:hunter2@h'", "line 2: \"url\" is no history store", "none"),
        ("history = 'hunter2'", "line 1: \"history\" is not a table but a text", "write [history]"),
        ("[indexes]\nmin_observations = '1d'", "line 2: unknown key \"min_observations\"", "\"min_observation\""),
        ("[indexes]\nmin_observation = 'soon'", "line 2: \"soon\" is not a duration", ""),
        ("[indexes]\nmin_reclaim = 'much'", "line 2: \"much\" is not a size", ""),
        ("[indexes]\nmin_reclaim = 5", "line 2: \"min_reclaim\" is not a text but a number", ""),
        ("[slots]\n\nstale = '1d'", "line 3: unknown key \"stale\" in [slots]", "known here"),
        ("[slots]\ndroppable = 'x'", "line 2: \"droppable\" is not a list but a text", "droppable = ["),
        ("[slots]\ndroppable = ['x', 5]", "line 2: an element of \"droppable\" is not a text but a number", ""),
    ] {
        let (said, hinted) = refusal(OWN, text);
        assert!(said.contains(message), "{text}: {said}");
        assert!(hinted.contains(hint), "{text}: {hinted}");
    }
}

/// It may come with somebody's repository: it cannot have the user's history written anywhere, a made-up one believed, a
/// proof waived or a consent given.
#[test]
fn a_file_found_in_the_working_directory_makes_nothing_laxer() {
    for text in [
        "[history]\nurl = 'postgresql://app:hunter2@db/pgtend'",
        "[history]\nurl = 'h.db'",
        "[history]\nurl = 'env:HOME'",
        "[slots]\ndroppable = ['x']",
        "[slots]\nstale_after = '6d'",
        "[slots]\nstale_after_physical = '13d'",
        "[indexes]\nmin_observation = '0'",
    ] {
        let (said, hinted) = refusal(FOUND, text);
        assert!(said.contains("line 2: ") && said.contains("working directory"), "{text}: {said}");
        assert!(!hinted.is_empty(), "{text}");
    }
    let stricter =
        "[history]\nurl = 'none'\n[slots]\nstale_after = '30d'\ndroppable = []\n[indexes]\nmin_reclaim = '0'";
    let machine = Machine::new().with(FOUND, stricter);
    let config = machine.read(None).unwrap();
    assert_eq!(config.slot_limits().stale_after_seconds, 30 * 86_400);
    assert_eq!(config.history_url(&machine.environment).unwrap().as_deref(), Some("none"));
}

#[test]
fn a_check_that_is_not_there_a_limit_of_another_unit_and_a_silence_for_ever_are_named_with_their_line() {
    let error = |text: &str| {
        let error = Machine::new().with(OWN, text).read(None).unwrap_err();
        format!("{error} / {}", error.hint().unwrap_or_default())
    };
    for (text, said) in [
        ("\n[check.stale-slto]\n", "line 2: there is no check \"stale-slto\" / did you mean \"stale-slot\"?"),
        ("[check.zzz]", "there are stale-slot, "),
        (
            "[check.stale-slot]\nwarnig = \"1d\"",
            "line 2: check stale-slot has no limit \"warnig\" / did you mean \"warning\"?",
        ),
        ("[check.lost-slot]\nx = 1", "it has no limits at all"),
        ("[check.stale-slot]\n\nwarning = \"10GB\"", "line 3: \"warning\" of check stale-slot is not a duration"),
        ("[check.stale-slot]\nminimum = 10", "line 2: \"minimum\" of check stale-slot is not a size with its unit"),
        ("[check.connections]\nwarning = 80", "is not a share with its sign"),
        ("[check.xid-wraparound]\nwarning = \"500M\"", "is not a count"),
        ("[check]\nstale-slot = 1", "is not a table but a number"),
        ("silence = 1", "write [[silence]]"),
        ("[[silence]]\ncheck = \"lost-slto\"", "line 2: there is no check"),
        ("[[silence]]\ncheck = \"lost-slot\"\nreason = \"r\"", "has no until"),
        ("[[silence]]\ncheck = \"lost-slot\"\nuntil = \"soon\"\nreason = \"r\"", "line 3: \"until\" is not a date"),
        ("[[silence]]\ncheck = \"lost-slot\"\nuntil = \"2027-01-31\"", "has no reason"),
        ("[[silence]]\ncheck = \"lost-slot\"\nsubject = \"[\"\n", "line 3: \"subject\" is not a pattern"),
        ("[[silence]]\ncheck = \"lost-slot\"\nsubjekt = \"x\"\n", "did you mean \"subject\"?"),
    ] {
        assert!(error(text).contains(said), "{text}: {}", error(text));
    }
}

#[test]
fn limits_and_silences_are_read() {
    let text = "[check.stale-slot]\nwarning = \"2d\"\n[check.connections]\ncritical = \"99%\"\n\
                [check.xid-wraparound]\nwarning = 400_000_000\n\
                [[silence]]\ncheck = \"lost-slot\"\nsubject = \"old_*\"\nuntil = 2027-01-31\nreason = \"known\"\n\
                [[silence]]\ncheck = \"version\"\ntarget = \"legacy-*\"\nuntil = \"2027-01-31T12:00:00Z\"\nreason = \"r\"";
    let mut config = Machine::new().with(OWN, text).read(None).unwrap();
    let mut limit = |check: &str, key: &str| {
        let keys = config.checks.rule(check).unwrap().keys();
        keys.into_iter().find(|one| one.name == key).unwrap().default
    };
    assert_eq!(limit("stale-slot", "warning"), "\"2d\"");
    assert_eq!(limit("connections", "critical"), "\"99%\"");
    assert_eq!(limit("xid-wraparound", "warning"), "400000000");
    let [first, second] = &config.silences[..] else { panic!("two silences") };
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    assert!(first.holds(None, at("2027-01-31T23:59:59Z")) && !first.holds(None, at("2027-02-01T00:00:00Z")));
    assert!(
        second.holds(Some("legacy-1"), at("2027-01-31T11:00:00Z")) && !second.holds(None, at("2027-01-31T11:00:00Z"))
    );
}

#[test]
fn what_audits_take_for_given_is_read_and_the_target_comes_first() {
    let text = "[audit]\nhorizon = '90d'\nmargin = 25\nprice = 0.2\nway = 'dump'\nwal_per_hour = '2GB'\n\
                [target.prod]\nconninfo = 'host=h'\ndisk_size = '2TB'\nprovider = 'rds'\nprice = '0.115'\nmulti_az = true";
    let config = Machine::new().with(OWN, text).read(None).unwrap();
    let of_prod = config.given_for_audits(Some("prod"));
    assert_eq!(of_prod.price.as_ref().map(|it| (it.value, it.by.as_str())), Some((0.115, "price of target \"prod\"")));
    let assumed = of_prod.assumptions(crate::model::Provider::Unknown, None);
    assert_eq!((assumed.allocated_bytes, assumed.horizon_days, assumed.margin), (Some(2 << 40), 90, 0.25));
    assert_eq!((assumed.way, assumed.multi_az, assumed.wal_bytes_per_hour), (Way::Dump, true, Some(2 << 30)));
    let of_all = config.given_for_audits(None).assumptions(crate::model::Provider::Unknown, None);
    assert_eq!((of_all.price, of_all.allocated_bytes, of_all.multi_az), (Some(0.2), None, false));
}

#[test]
fn what_no_audit_can_take_for_given_is_refused_with_its_line() {
    for (path, text, message) in [
        (OWN, "[audit]\nhorizon = 'soon'", "line 2: \"soon\" is not a duration"),
        (OWN, "[audit]\nmargin = 99", "line 2: [audit] margin: \"99\" is no share"),
        (OWN, "[audit]\nprovider = 'acme'", "line 2: [audit] provider: no provider of that name"),
        (OWN, "[audit]\nway = 'teleport'", "line 2: [audit] way: \"teleport\" is none of blue-green"),
        (OWN, "[audit]\nprice = -1", "line 2: [audit] price: \"-1\" is not a price"),
        (OWN, "[audit]\nprice = ['x']", "line 2: \"price\" is neither a number nor a text but a list"),
        (OWN, "[audit]\nalocated = '2TB'", "line 2: unknown key \"alocated\" in [audit]"),
        (OWN, "[target.a]\nconninfo=''\nstorage_type='floppy'", "line 3: storage_type of target \"a\": \"floppy\""),
        (FOUND, "[audit]\nmargin = 5", "a margin below 20 may not stand in"),
        (FOUND, "[audit]\noutage = '1h'", "outage below 6 hours may not stand in"),
        (FOUND, "[audit]\ngrowth = '0'", "\"growth\" may not stand in"),
        (FOUND, "[target.a]\nconninfo=''\nprovider='self'", "\"provider\" may not stand in"),
    ] {
        let (said, _) = refusal(path, text);
        assert!(said.contains(message), "{text}: {said}");
    }
    let harmless = "[audit]\nmargin = 40\nhorizon = '1000d'\nprice = 0.1\nmulti_az = true";
    assert!(Machine::new().with(FOUND, harmless).read(None).is_ok());
}
