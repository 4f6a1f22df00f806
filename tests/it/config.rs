//! `pgtend config`: the initial file is valid, errors name their line, and the role of `config grants` can read all
//! reports.

use crate::{
    check::nightly_runs::write_config,
    clusters::{cluster_options, connect_superuser, execute_sql, on_a_major_and_the_newest, private_cluster},
    reports::{
        fixture_servers::{execute_batch, role_conninfo},
        program::{array_field, pgtend_command, report_json, run_command, run_pgtend},
    },
};
use pg_sandbox::Cluster;
use pgtend::checks::runner::Checks;
use std::{collections::BTreeSet, os::unix::fs::PermissionsExt};

/// Removes the comment marks in front of keys and tables.
fn uncomment(text: &str) -> String {
    let is_key = |line: &str| {
        line.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    };
    let bare = |line: &str| {
        let content = line.strip_prefix("# ").unwrap_or(line);
        if content.starts_with('[') || is_key(content) { content.to_owned() } else { line.to_owned() }
    };
    text.lines().map(|line| bare(line) + "\n").collect()
}

const SECRETS: [(&str, &str); 3] = [
    ("PGTEND_PROD_PASSWORD", "hunter2"),
    ("PGTEND_STORE", "/nonexistent/history.db"),
    ("PGTEND_SLACK_URL", "https://hooks.example.invalid/hunter2"),
];

#[test]
fn config_init_lists_every_key_and_default() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/config.toml");
    let shown = path.to_str().unwrap();
    let written = run_pgtend(&["config", "init", shown]);
    assert_eq!((written.exit, written.stdout.as_str()), (0, ""), "{written:?}");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(run_pgtend(&["config", "init", "-"]).stdout, text);
    // The file is valid and changes nothing; it is not overwritten.
    assert!(run_pgtend(&["config", "check", "--config", shown]).stdout.contains("no errors"));
    let again = run_pgtend(&["config", "init", shown]);
    assert!(again.exit == 1 && again.stderr.contains("was not changed"), "{again:?}");

    // Without the comment marks it is valid, too, and every limit in it is the default.
    let bare = uncomment(&text);
    assert!(bare.lines().filter(|line| line.starts_with('[')).count() > 30, "{bare}");
    let config = write_config(folder.path(), &bare);
    let checked = run_command(pgtend_command(&["config", "check", "--config", &config]).envs(SECRETS));
    assert_eq!(checked.exit, 0, "{checked:?}");
    let shown = run_command(pgtend_command(&["config", "show", "--config", &config]).envs(SECRETS));
    assert!(shown.stdout.contains("targets: prod") && !shown.stdout.contains("(default "), "{shown:?}");
    assert!(!shown.stdout.contains("hunter2"));
    let empty = write_config(folder.path(), "");
    for (check, _, rule) in Checks::default().iter() {
        assert!(bare.contains(&format!("[check.{}]", check.name)), "{}", check.name);
        for key in rule.thresholds() {
            assert!(bare.contains(&format!("\n{} = {} ", key.name, key.default)), "{}.{}", check.name, key.name);
        }
    }
    // Every key of a table is listed, so that an error about an unknown key can refer to the file.
    for (table, title) in [
        ("[target.prod]\nconninfo = ''", "[target.prod]"),
        ("[history]", "[history]"),
        ("[notify.team]", "[notify.team]"),
        ("[[silence]]", "[[silence]]"),
        ("[slots]", "[slots]"),
        ("[indexes]", "[indexes]"),
        ("[audit]", "[audit]"),
    ] {
        std::fs::write(&empty, format!("{table}\nqqqqqqqq = 1\n")).unwrap();
        let stderr = run_pgtend(&["config", "check", "--config", &empty]).stderr;
        let known = stderr.split("known keys: ").nth(1).unwrap_or_else(|| panic!("{table}: {stderr}"));
        let begun = bare.find(title).unwrap_or_else(|| panic!("no {title}"));
        // A table may occur twice, because some keys exclude each other.
        let next = bare[begun + 1..]
            .match_indices("\n[")
            .find(|(position, _)| !bare[begun + 2 + position..].starts_with("[target."));
        let part = &bare[begun..][..next.map_or(bare.len() - begun, |(position, _)| position + 1)];
        for key in known.split('"').skip(1).step_by(2) {
            assert!(part.contains(&format!("\n{key} = ")), "{title} lacks {key}: {part}");
        }
    }
}

#[test]
fn config_errors_name_their_line() {
    let folder = tempfile::tempdir().unwrap();
    for (text, expected) in [
        ("[target.a\nconninfo = \"x\"", "line 1: "),
        ("\n\n[target.a]\nconninfo = \"host=h\n", "line 4: "),
        ("[target.a]\nconninfo = \"host=h\"\n\n[target.a]\nconninfo = \"host=i\"", "line 4: duplicate key"),
        ("[target.a]\nconninfo = \"host=h\"\nconinfo = \"\"", "line 3: unknown key \"coninfo\" in [target.\"a\"]"),
        ("[target.a]\nconninfo = \"hots=h\"", "line 2: the conninfo of target \"a\""),
        ("[target.a]\nconninfo = \"host=h\"\ndisk_size = \"500 apples\"", "line 3: disk_size of target \"a\""),
        ("[target.a]\nconninfo = 7", "line 2: \"conninfo\" must be a string, not a"),
        ("[tarket.a]\nconninfo = \"\"", "line 1: unknown key \"tarket\""),
        ("[check.stale-slto]\nwarning = \"1d\"", "line 1: unknown check \"stale-slto\""),
        ("[check.connections]\nwarning = \"1d\"", "line 2: \"warning\" of check connections must be a percentage"),
        ("[check.retained-wal]\nwraning = \"1GB\"", "line 2: check retained-wal has no threshold \"wraning\""),
        ("[check.xid-wraparound]\nwarning = \"1GB\"", "line 2: \"warning\" of check xid-wraparound must be a count"),
        ("[[silence]]\ncheck = \"version\"\nreason = \"r\"", "line 1: [[silence]] has no until"),
        ("[[silence]]\ncheck = \"version\"\nuntil = \"soon\"\nreason = \"r\"", "line 3: \"until\" must be a date"),
        ("[[silence]]\ncheck = \"nope\"\nuntil = 2027-01-01\nreason = \"r\"", "line 2: unknown check \"nope\""),
        ("[notify.t]\nurl = \"env:X\"", "line 1: [notify.\"t\"] has no type"),
        ("[notify.t]\ntype = \"slack\"\nurl = \"env:X\"\nremind_every = \"7\"", "line 4: \"remind_every\""),
        ("[history]\nurl = \"mysql://h/hunter2\"", "line 2: \"url\" is not the address of a history store"),
    ] {
        let config = write_config(folder.path(), text);
        for (arguments, exit) in [(&["config", "check"][..], 1..=2), (&["check", "-h", "/nonexistent"], 3..=3)] {
            let ended = run_pgtend(&[arguments, &["--config", &config]].concat());
            assert!(exit.contains(&ended.exit) && ended.stdout.is_empty(), "{text}: {ended:?}");
            assert!(ended.stderr.contains(expected) && ended.stderr.contains(&config), "{text}: {}", ended.stderr);
            assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
        }
    }
    // A missing secret, which is otherwise found on use only.
    for (text, expected) in [
        ("[target.a]\nconninfo = \"host=h\"\npassword = \"env:NOT_SET\"", "NOT_SET"),
        ("[notify.t]\ntype = \"slack\"\nurl = \"file:/nonexistent\"", "/nonexistent"),
        ("[history]\nurl = \"env:NOT_SET\"", "NOT_SET"),
        ("[target.a]\nconninfo = \"host=h\"\nreplicas = [\"host=h sslmode=sometimes\"]", "sslmode"),
    ] {
        let config = write_config(folder.path(), text);
        let ended = run_pgtend(&["config", "check", "--config", &config]);
        assert!(ended.exit == 1 && ended.stderr.contains(expected), "{ended:?}");
    }
    // `config show` shows the effective values, and no password.
    let text = "[history]\nurl = \"postgresql://a:hunter2@h/d\"\n[slots]\nstale_after = \"30d\"\ndroppable = [\"old\"]\n\
                [indexes]\nmin_observation = \"35d\"\nmin_reclaim = \"2MB\"";
    let shown = run_pgtend(&["config", "show", "--config", &write_config(folder.path(), text)]).stdout;
    for expected in [
        "history: postgresql://a@h:5432/d\n",
        "slots.stale_after = \"30d\" (default \"7d\")\n",
        "slots.droppable = [\"old\"]\n",
        "indexes.min_observation = \"35d\" (default \"95d\")\n",
        "indexes.min_reclaim = \"2MB\" (default \"1MB\")\n",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let none = run_pgtend(&["config", "check"]);
    assert!(none.exit == 1 && none.stderr.contains("config init"), "{none:?}");
}

/// Returns every printed statement, including those in comments, without psql's meta-commands.
fn grant_statements(role: &str) -> Vec<String> {
    let printed = run_pgtend(&["config", "grants", "--role", role]);
    assert_eq!(printed.exit, 0, "{printed:?}");
    let statements: Vec<String> = printed
        .stdout
        .lines()
        .map(|line| line.trim_start_matches("-- "))
        .filter(|line| line.ends_with(';'))
        .map(str::to_owned)
        .collect();
    assert_eq!(statements.len(), 6, "{statements:?}");
    statements
}

/// Returns the facts that the role cannot read, and those that no documented role can read.
fn missing_facts(cluster: &Cluster, role: &str, database: &str) -> BTreeSet<String> {
    let conninfo = role_conninfo(cluster, role, database);
    let runs: [&[&str]; 9] = [
        &["overview"],
        &["databases"],
        &["tables"],
        &["tables", "--exact"],
        &["indexes"],
        &["slots"],
        &["wal"],
        &["audit"],
        &["overview", "--all-databases"],
    ];
    let mut missing = BTreeSet::new();
    for arguments in runs {
        let report = report_json(&[arguments, &["-d", &conninfo]].concat());
        for gap in array_field(&report, "unavailable") {
            let is_right = gap["needs_version"].is_null() && gap["not_set_up"] != true;
            if is_right {
                missing.insert(format!("{}: {}", gap["fact"].as_str().unwrap(), gap["reason"].as_str().unwrap()));
            }
        }
    }
    missing
}

#[tokio::test]
async fn config_grants_are_enough_for_every_report() {
    // A private cluster: `audit` reads every database, and the shared ones have those of other tests.
    on_a_major_and_the_newest(13, "role of config grants", async |major, installation| {
        let cluster = &private_cluster(installation, cluster_options());
        let name = crate::clusters::create_database(cluster).await;
        let role = format!("watch \"{name}\"");
        execute_sql(
            cluster,
            &name,
            "create table kept (id serial primary key, n smallint); create sequence s as smallint",
        )
        .await;
        let client = connect_superuser(cluster, &name).await;
        let statements = grant_statements(&role);
        for statement in statements.iter().filter(|statement| {
            !statement.contains("sequences") && !statement.contains("schema pgtend") && !statement.contains("reset")
        }) {
            execute_batch(&client, statement).await;
        }
        assert_eq!(missing_facts(cluster, &role, &name), BTreeSet::new(), "on {major}");
        let check_with = |more: &[&str]| {
            let conninfo = role_conninfo(cluster, &role, &name);
            let arguments = [&["check", "-d", &conninfo, "--format", "json"], more].concat();
            let ended = run_command(&mut pgtend_command(&arguments));
            serde_json::from_str::<serde_json::Value>(&ended.stdout)
                .unwrap_or_else(|error| panic!("{error}: {ended:?}"))
        };
        // Nothing is unknown; the one note is that sequences are not visible.
        let report = check_with(&["--history", "none"]);
        let unknown = array_field(&report, "findings").iter().filter(|finding| finding["status"] == "unknown").count();
        assert_eq!(unknown, 0, "on {major}: {report}");
        let is_passed = |report: &serde_json::Value| {
            array_field(report, "passed").iter().any(|check| check == "sequence-exhaustion")
        };
        assert!(!is_passed(&report), "on {major}: {report}");
        // The role cannot write, not even where it has a privilege to.
        let as_role = role_conninfo(cluster, &role, &name);
        let folder = cluster.socket_dir().display().to_string().replace('/', "%2F");
        let url = format!("postgresql://watch%20%22{name}%22@{folder}:{}/{name}", cluster.port());
        let refused = run_pgtend(&["history", "record", "-d", &as_role, "--history", &url]);
        assert_eq!(refused.exit, 1, "{refused:?}");
        // The remaining statements, as the comments recommend.
        for statement in statements.iter().filter(|statement| {
            statement.contains("sequences") || statement.contains("schema pgtend") || statement.contains("reset")
        }) {
            execute_batch(&client, statement).await;
        }
        let report = check_with(&["--history", &url]);
        assert!(is_passed(&report), "on {major}: {report}");
        let recorded = report_json(&["history", "list", "--history", &url]);
        assert_eq!(array_field(&recorded, "samples").len(), 1, "on {major}");
        drop(client);
        execute_sql(cluster, "postgres", &format!("drop database {name}")).await;
        execute_sql(cluster, "postgres", &format!("drop role \"watch \"\"{name}\"\"\"")).await;
    })
    .await;
}
