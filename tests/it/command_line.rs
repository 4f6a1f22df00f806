//! Command-line arguments: targets, passwords, completions, manual pages.

use crate::clusters::{is_short_run, on_the_newest_shared, query_texts, sample_cases};
use assert_cmd::Command as Assert;
use std::{
    io::Write as _,
    os::unix::net::UnixListener,
    process::{Command, Stdio},
};

fn assert_pgtend() -> Assert {
    let mut command = Assert::cargo_bin("pgtend").unwrap();
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PG") || name == "DATABASE_URL") {
        command.env_remove(name);
    }
    command
}

/// A server that accepts connections and never responds keeps pgtend running while the test reads the process list.
#[test]
fn password_argument_leaves_process_list() {
    let folder = tempfile::tempdir().unwrap();
    let _silent = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
    let uri = format!(
        "postgresql://app:s3kr1t-word@/shop?host={}&connect_timeout=30",
        folder.path().display().to_string().replace('/', "%2F")
    );
    let silent = format!("host={} connect_timeout=30", folder.path().display());
    for arguments in [
        vec!["slots", "-d", &uri],
        vec!["-v", "slots", &format!("--dbname={uri}")],
        vec!["slots", &format!("-d{uri}")],
        vec!["indexes", "-d", &silent, "--replica", &uri],
        vec!["indexes", "-d", &silent, "--replica=host=/nowhere password='s3kr1t word'"],
    ] {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin("pgtend"))
            .args(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        let seen = loop {
            let listed = Command::new("ps").args(["-o", "args=", "-p", &child.id().to_string()]).output().unwrap();
            let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
            if listed.contains("env:PGTEND_ARGUMENT_") || std::time::Instant::now() > deadline {
                break listed;
            }
        };
        child.kill().unwrap();
        let rest = child.wait_with_output().unwrap();
        assert!(seen.contains("pgtend") && seen.contains("env:PGTEND_ARGUMENT_"), "{seen}");
        assert!(!seen.contains("s3kr1t"), "{seen}");
        assert!(!String::from_utf8_lossy(&rest.stderr).contains("s3kr1t"));
    }
}

/// psql accepts a connection string in any position. In a wrong one, pgtend must not repeat its password: error output
/// may be sent by email.
#[test]
fn password_in_wrong_argument_is_not_repeated() {
    let commands = [
        "",
        "overview",
        "databases",
        "tables",
        "indexes",
        "indexes migrate",
        "indexes verify",
        "slots",
        "slots list",
        "slots drop",
        "slots why",
        "wal",
        "check",
        "audit",
        "snapshot",
        "history",
        "history record",
        "history growth",
        "history journal",
        "history prune",
        "explain",
        "config",
        "config init",
        "config check",
        // Needs binaries of PostgreSQL.
        "demo --pg-bin /nowhere",
        "completions",
        "man",
        "help",
    ];
    let options = [
        "",
        "--limit ",
        "--format=",
        "--color=",
        "--jobs=",
        "--from ",
        "--since ",
        "--target ",
        "-p",
        "-U",
        "--output=/nowhere/",
        "--history ",
        "--config ",
        "--schema ",
        "--only ",
        "--framework ",
        "--nonsense=",
        "--",
    ];
    let strings = ["postgresql://app:s3kr1t@localhost:1/shop", "host=/nowhere user=app password=s3kr1t"];
    let mut repeated = 0;
    for (position, command) in sample_cases("password in an argument", commands.iter().enumerate(), 4) {
        for (option, string) in options.iter().zip(strings.iter().cycle().skip(position % 2)) {
            let typed = match option.strip_suffix(' ') {
                Some(option) => vec![option.to_owned(), string.to_string()],
                None => vec![format!("{option}{string}")],
            };
            // A configuration may be named like a connection string.
            let folder = tempfile::tempdir().unwrap();
            let mut pgtend = assert_pgtend();
            pgtend.args(command.split_whitespace()).args(&typed);
            pgtend.env("HOME", folder.path()).env("PGHOST", "/nowhere").current_dir(folder.path());
            let output = pgtend.timeout(std::time::Duration::from_secs(20)).output().unwrap();
            for text in [&output.stdout, &output.stderr] {
                let text = String::from_utf8_lossy(text);
                assert!(!text.contains("s3kr1t"), "pgtend {command} {typed:?}: {text}");
                repeated += usize::from(text.contains("…"));
            }
        }
    }
    assert!(repeated > if is_short_run() { 30 } else { 150 }, "{repeated}");
    let output = assert_pgtend().args(["tables", strings[0]]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        stderr.contains("'postgresql://app:…@localhost:1/shop'")
            && stderr.contains("tip: specify a connection string with -d"),
        "{stderr}"
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn target_unknown_suggests_nearest_name() {
    let folder = tempfile::tempdir().unwrap();
    let output = assert_pgtend().args(["slots", "--target", "prod"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");

    let mut file = std::fs::File::create(folder.path().join("pgtend.toml")).unwrap();
    writeln!(file, "[target.prod]\nconninfo = \"host=/nowhere\"").unwrap();
    let output = assert_pgtend().args(["slots", "--target", "prd"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean \"prod\"?"), "{output:?}");

    let output =
        assert_pgtend().args(["slots", "--target", "prod", "-h", "x"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "a target and a host contradict each other: {output:?}");
}

#[tokio::test]
async fn target_of_config_is_used_by_reports() {
    on_the_newest_shared("target of the configuration", async |_, cluster| {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("[target.prod]\nconninfo = \"{}\"\n", cluster.conninfo());
        std::fs::write(folder.path().join("pgtend.toml"), text).unwrap();
        let arguments = ["databases", "--target", "prod", "--format", "json"];
        let output = assert_pgtend().args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        crate::schemas::assert_output_is_valid(&output.stdout);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let listed: Vec<&str> =
            report["databases"].as_array().unwrap().iter().filter_map(|row| row["database"].as_str()).collect();
        let templates = "select datname::text from pg_database where datistemplate";
        for database in query_texts(cluster, "postgres", templates).await.into_iter().flatten().flatten() {
            assert!(listed.contains(&database.as_str()), "{database} is not in {listed:?}");
        }
    })
    .await;
}

#[test]
fn completions_and_man_pages_are_generated() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = assert_pgtend().args(["completions", shell]).output().unwrap();
        let script = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && script.contains("all-databases"), "{shell}: {output:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(assert_pgtend().args(["man", "--dir"]).arg(folder.path()).output().unwrap().status.success());
    for page in ["pgtend.1", "pgtend-slots.1"] {
        let text = std::fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(text.contains(".TH"), "{page}: {text}");
    }
    let main = String::from_utf8_lossy(&assert_pgtend().arg("man").output().unwrap().stdout).into_owned();
    for section in ["NAME", "SYNOPSIS", "EXAMPLES", "\"EXIT STATUS\"", "ENVIRONMENT", "FILES"] {
        assert!(main.contains(&format!(".SH {}\n", section.trim_matches('"'))), "{section}: {main}");
    }
    // All named pages exist, and global options are on the main page only.
    let lines = main.lines().filter_map(|line| line.strip_suffix("(1)").filter(|line| line.starts_with("pgtend")));
    let named: Vec<String> = lines.map(|name| format!("{}.1", name.replace('\\', ""))).collect();
    assert!(named.len() > 10, "{named:?}");
    for page in named {
        let text = std::fs::read_to_string(folder.path().join(&page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert!(!text.contains("no\\-password") && text.contains("SEE ALSO"), "{page}: {text}");
    }
    assert!(main.contains("no\\-password"));
}

#[test]
fn explain_has_a_page_for_every_finding() {
    let explain_output = |arguments: &[&str]| {
        let output = assert_pgtend().args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (exit, listed, _) = explain_output(&["explain"]);
    assert_eq!((exit, listed.lines().count()), (Some(0), pgtend::checks::CHECKS.len()));
    for check in pgtend::checks::CHECKS {
        assert!(listed.contains(check.name));
        assert_eq!(explain_output(&["explain", check.name]), (Some(0), check.page.to_owned(), String::new()));
    }
    let (exit, shown, refused) = explain_output(&["explain", "unusd-index"]);
    assert_eq!((exit, shown.as_str()), (Some(2), ""));
    assert!(refused.contains("unused-index"), "{refused}");
    assert_eq!(explain_output(&["explain", "nonsense"]).0, Some(2));
}
