//! Limits, silences and the history.

use super::*;

#[test]
fn config_reads_limits_and_history() {
    let machine = Machine::new().with_file(
        USER_FILE,
        "[history]\nurl = 'states/h.db'\n[indexes]\nmin_observation = '35 days'\nmin_reclaim = '10MB'\n\
         [slots]\nstale_after = '3d'\nstale_after_physical = '4 weeks'\ndroppable = ['old', 'older']",
    );
    let config = machine.read(None).unwrap();
    let (indexes, slots) = (config.index_limits(), config.slot_limits());
    assert_eq!((indexes.min_observation_seconds, indexes.min_reclaim_bytes), (35 * 86_400, 10 << 20));
    assert_eq!((slots.stale_after_seconds, slots.stale_after_physical_seconds), (3 * 86_400, 28 * 86_400));
    assert_eq!(config.droppable_slots(), ["old", "older"]);
    let relative_path = machine.folder.path().join("home/.config/pgtend/states/h.db").display().to_string();
    assert_eq!(config.history_url(&machine.environment).unwrap(), Some(relative_path));

    let nothing = Config::default();
    assert_eq!(nothing.index_limits(), crate::analysis::index::IndexLimits::default());
    assert_eq!(nothing.slot_limits(), slot::Limits::default());
    assert!(nothing.droppable_slots().is_empty());
    assert_eq!(nothing.history_url(&Environment::default()).unwrap(), None);
}

#[test]
fn history_url_forms() {
    let url = |text: &str| {
        let machine =
            Machine::new().with_file(USER_FILE, &format!("[history]\nurl = '{text}'")).with_var("STORE", "/srv/s.db");
        machine.read(None).unwrap().history_url(&machine.environment).unwrap().unwrap()
    };
    for same in ["none", "/srv/h.db", "postgresql://app@db/pgtend"] {
        assert_eq!(url(same), same);
    }
    assert_eq!(url("env:STORE"), "/srv/s.db");
    assert!(url("~/h.db").ends_with("/home/h.db"));
    let machine = Machine::new().with_file(USER_FILE, "[history]\nurl = 'env:NOWHERE'");
    let error = machine.read(None).unwrap().history_url(&machine.environment).unwrap_err();
    assert!(error.to_string().contains("NOWHERE"), "{error}");
}

#[test]
fn limits_reject_bad_values_with_line() {
    for (text, message, hint) in [
        ("[histroy]", "line 1: unknown key \"histroy\"", "\"history\""),
        ("[history]\nur = 'x'", "line 2: unknown key \"ur\" in [history]", "\"url\""),
        ("[history]\nurl = 'mysql://u:hunter2@h'", "line 2: \"url\" is not the address of a history store", "none"),
        ("history = 'hunter2'", "line 1: \"history\" must be a table, not a string", "write [history]"),
        ("[indexes]\nmin_observations = '1d'", "line 2: unknown key \"min_observations\"", "\"min_observation\""),
        ("[indexes]\nmin_observation = 'soon'", "line 2: \"soon\" is not a duration", ""),
        ("[indexes]\nmin_reclaim = 'much'", "line 2: \"much\" is not a size", ""),
        ("[indexes]\nmin_reclaim = 5", "line 2: \"min_reclaim\" must be a string, not a number", ""),
        ("[slots]\n\nstale = '1d'", "line 3: unknown key \"stale\" in [slots]", "known keys"),
        ("[slots]\ndroppable = 'x'", "line 2: \"droppable\" must be a list, not a string", "droppable = ["),
        ("[slots]\ndroppable = ['x', 5]", "line 2: an element of \"droppable\" must be a string, not a number", ""),
    ] {
        let (said, hinted) = config_error_of(USER_FILE, text);
        assert!(said.contains(message), "{text}: {said}");
        assert!(hinted.contains(hint), "{text}: {hinted}");
    }
}

/// It may come with somebody's repository: it cannot have the user's history written anywhere, a made-up one believed, a
/// proof waived or a consent given.
#[test]
fn working_directory_file_relaxes_nothing() {
    for text in [
        "[history]\nurl = 'postgresql://app:hunter2@db/pgtend'",
        "[history]\nurl = 'h.db'",
        "[history]\nurl = 'env:HOME'",
        "[slots]\ndroppable = ['x']",
        "[slots]\nstale_after = '6d'",
        "[slots]\nstale_after_physical = '13d'",
        "[indexes]\nmin_observation = '0'",
        "[indexes]\nmin_reclaim = '0'",
    ] {
        let (said, hinted) = config_error_of(WORKING_DIRECTORY_FILE, text);
        assert!(said.contains("line 2: ") && said.contains("working directory"), "{text}: {said}");
        assert!(!hinted.is_empty(), "{text}");
    }
    let stricter =
        "[history]\nurl = 'none'\n[slots]\nstale_after = '30d'\ndroppable = []\n[indexes]\nmin_reclaim = '2MB'";
    let machine = Machine::new().with_file(WORKING_DIRECTORY_FILE, stricter);
    let config = machine.read(None).unwrap();
    assert_eq!(config.slot_limits().stale_after_seconds, 30 * 86_400);
    assert_eq!(config.history_url(&machine.environment).unwrap().as_deref(), Some("none"));
}

#[test]
fn checks_and_silences_reject_bad_values() {
    let error = |text: &str| {
        let error = Machine::new().with_file(USER_FILE, text).read(None).unwrap_err();
        format!("{error} / {}", error.hint().unwrap_or_default())
    };
    for (text, said) in [
        ("\n[check.stale-slto]\n", "line 2: unknown check \"stale-slto\" / did you mean \"stale-slot\"?"),
        ("[check.zzz]", "checks: stale-slot, "),
        (
            "[check.stale-slot]\nwarnig = \"1d\"",
            "line 2: check stale-slot has no threshold \"warnig\" / did you mean \"warning\"?",
        ),
        ("[check.lost-slot]\nx = 1", "it has no thresholds"),
        ("[check.stale-slot]\n\nwarning = \"10GB\"", "line 3: \"warning\" of check stale-slot must be a duration"),
        ("[check.stale-slot]\nminimum = 10", "line 2: \"minimum\" of check stale-slot must be a size with its unit"),
        ("[check.connections]\nwarning = 80", "must be a percentage"),
        ("[check.xid-wraparound]\nwarning = \"500M\"", "must be a count"),
        ("[check]\nstale-slot = 1", "must be a table, not a number"),
        ("silence = 1", "write [[silence]]"),
        ("[[silence]]\ncheck = \"lost-slto\"", "line 2: unknown check"),
        ("[[silence]]\ncheck = \"lost-slot\"\nreason = \"r\"", "has no until"),
        ("[[silence]]\ncheck = \"lost-slot\"\nuntil = \"soon\"\nreason = \"r\"", "line 3: \"until\" must be a date"),
        ("[[silence]]\ncheck = \"lost-slot\"\nuntil = \"2027-01-31\"", "has no reason"),
        ("[[silence]]\ncheck = \"lost-slot\"\nsubject = \"[\"\n", "line 3: \"subject\" is not a valid glob pattern"),
        ("[[silence]]\ncheck = \"lost-slot\"\nsubjekt = \"x\"\n", "did you mean \"subject\"?"),
    ] {
        assert!(error(text).contains(said), "{text}: {}", error(text));
    }
}

#[test]
fn config_reads_check_limits_and_silences() {
    let text = "[check.stale-slot]\nwarning = \"2d\"\n[check.connections]\ncritical = \"99%\"\n\
                [check.xid-wraparound]\nwarning = 400_000_000\n\
                [[silence]]\ncheck = \"lost-slot\"\nsubject = \"old_*\"\nuntil = 2027-01-31\nreason = \"known\"\n\
                [[silence]]\ncheck = \"version\"\ntarget = \"legacy-*\"\nuntil = \"2027-01-31T12:00:00Z\"\nreason = \"r\"";
    let mut config = Machine::new().with_file(USER_FILE, text).read(None).unwrap();
    let mut limit = |check: &str, key: &str| {
        let keys = config.checks.find_rule(check).unwrap().thresholds();
        keys.into_iter().find(|threshold| threshold.name == key).unwrap().default
    };
    assert_eq!(limit("stale-slot", "warning"), "\"2d\"");
    assert_eq!(limit("connections", "critical"), "\"99%\"");
    assert_eq!(limit("xid-wraparound", "warning"), "400000000");
    let [first, second] = &config.silences[..] else { panic!("two silences") };
    let parse_time = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    assert!(
        first.is_active(None, parse_time("2027-01-31T23:59:59Z"))
            && !first.is_active(None, parse_time("2027-02-01T00:00:00Z"))
    );
    assert!(
        second.is_active(Some("legacy-1"), parse_time("2027-01-31T11:00:00Z"))
            && !second.is_active(None, parse_time("2027-01-31T11:00:00Z"))
    );
}

#[test]
fn read_limits_reject_small_or_untrusted() {
    for (text, message) in [
        ("fact_size = '900kB'", "fact_size must be at least 1MB"),
        ("fact_size = 'much'", "much"),
        ("facts = '1GB'", "unknown key \"facts\" in [limits]"),
    ] {
        let error = Machine::new().with_file(USER_FILE, &format!("[limits]\n{text}")).read(None).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    for key in ["fact_size", "snapshot_size"] {
        let found = Machine::new().with_file("work/pgtend.toml", &format!("[limits]\n{key} = '3GB'"));
        let error = found.read(None).unwrap_err();
        assert!(error.to_string().contains("is not allowed in a file found in the working directory"), "{error}");
        let stricter = Machine::new().with_file("work/pgtend.toml", &format!("[limits]\n{key} = '2MB'"));
        assert!(stricter.read(None).is_ok());
    }
}

#[test]
fn config_reads_read_limits() {
    let machine = Machine::new().with_file(USER_FILE, "[limits]\nfact_size = '3GB'\nsnapshot_size = '64MB'");
    let limits = machine.read(None).unwrap().read_limits();
    assert_eq!((limits.fact_bytes, limits.snapshot_bytes), (3 << 30, 64 << 20));
    assert_eq!(Config::default().read_limits(), crate::postgres::ReadLimits::default());
}
