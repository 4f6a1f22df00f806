//! A password, from any source, is in no output, trace, file or process list; and files with a password are readable by
//! their owner only.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use pg_sandbox::Cluster;

use crate::check::nightly_runs::write_config;
use crate::clusters::{on_a_major_and_the_newest_shared, print_stderr, wait_until};
use crate::migrations::program::files_below;
use crate::proxy::{Behaviour, Proxy};
use crate::reports::program::{pgtend_command, run_command};

/// The sources of a password.
const PASSWORD_SOURCES: [&str; 8] =
    ["environment", "pgpass", "service", "uri", "conninfo", "database_url", "config", "secret file"];

/// Commands that read, fail and write.
const COMMAND_RUNS: [&[&str]; 7] = [
    &["overview"],
    &["check", "--format", "json"],
    &["snapshot"],
    &["history", "record"],
    &["slots", "drop", "no_such_slot", "--yes"],
    &["slots", "why", "no_such_slot"],
    &["indexes", "migrate", "--framework", "sql", "--output", "m", "--yes"],
];

fn write_file(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("it is written");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
}

/// The program with the password from that source, with all tracing enabled.
fn command_with_password(source: &str, password: &str, port: u16, folder: &Path, run: &[&str]) -> Command {
    let file_path = |name: &str| folder.join(name);
    let text = |name: &str| file_path(name).to_str().expect("UTF-8").to_owned();
    let uri = format!("postgresql://postgres:{password}@127.0.0.1:{port}/postgres?sslmode=disable");
    let conninfo = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode=disable");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
    command.env_clear().env("HOME", folder).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full").current_dir(folder);
    command.args(run).args(["-vv", "-w"]);
    match source {
        "environment" => command.env("PGPASSWORD", password).args(["-d", &conninfo]),
        "pgpass" => {
            write_file(&file_path(".pgpass"), &format!("127.0.0.1:*:*:*:{password}\n"), 0o600);
            command.args(["-d", &conninfo])
        }
        "service" => {
            let lines = conninfo.replace(' ', "\n");
            write_file(&file_path(".pg_service.conf"), &format!("[prod]\n{lines}\npassword={password}\n"), 0o600);
            command.args(["-d", "service=prod"])
        }
        "uri" => command.args(["-d", &uri]),
        "conninfo" => command.args(["-d", &format!("{conninfo} password={password}")]),
        "database_url" => command.env("DATABASE_URL", &uri),
        "config" => {
            write_config(folder, &format!("[target.prod]\nconninfo = \"{conninfo}\"\npassword = \"{password}\"\n"));
            command.args(["--config", &text("config.toml"), "--target", "prod"])
        }
        _ => {
            write_file(&file_path("secret"), &format!("{password}\n"), 0o600);
            let secret = text("secret");
            write_config(folder, &format!("[target.prod]\nconninfo = \"{conninfo}\"\npassword = \"file:{secret}\"\n"));
            command.args(["--config", &text("config.toml"), "--target", "prod"])
        }
    };
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn password_is_hidden_from_every_source() {
    let cases = std::sync::atomic::AtomicU32::new(0);
    on_a_major_and_the_newest_shared(13, "passwords", async |major, cluster| {
        for (row, source) in PASSWORD_SOURCES.iter().enumerate() {
            for (column, run) in COMMAND_RUNS.iter().enumerate() {
                // Each major runs a sixth of the cases, with the correct password and with a wrong one.
                if !(row + column + major as usize).is_multiple_of(6) {
                    continue;
                }
                for password in [cluster.password(), "hunter2-is-wrong"] {
                    assert_password_hidden(cluster, source, run, password);
                    cases.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            }
        }
    })
    .await;
    print_stderr(&format!("passwords: {} runs", cases.load(std::sync::atomic::Ordering::Relaxed)));
}

fn assert_password_hidden(cluster: &Cluster, source: &str, run: &[&str], password: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = command_with_password(source, password, cluster.port(), folder.path(), run)
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let output_text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let case = format!("{source}, {run:?}: {:?}: {output_text}", output.status);
    assert!(!output_text.contains(password), "{case}");
    assert!(output.status.code() != Some(70) && !output_text.contains("a bug"), "{case}");
    let is_right = password == cluster.password();
    let is_connected = !output_text.contains("password authentication failed");
    assert_eq!(is_right, is_connected, "{case}");
    let password_files = ["config.toml", "secret", ".pgpass", ".pg_service.conf"];
    for path in files_below(folder.path()).iter().filter(|path| path.is_file()) {
        let is_given = path.file_name().is_some_and(|name| password_files.contains(&&*name.to_string_lossy()));
        let text = fs::read(path).expect("readable");
        let holds = text.windows(password.len()).any(|part| part == password.as_bytes());
        assert!(is_given || !holds, "{case}: {} holds it", path.display());
    }
}

/// The program waits for a server that does not respond.
#[tokio::test(flavor = "multi_thread")]
async fn password_is_not_in_the_process_list() {
    on_a_major_and_the_newest_shared(13, "password in the process list", async |_, cluster| {
        for source in PASSWORD_SOURCES {
            let stalled = Behaviour { stalled: true, ..Behaviour::default() };
            let proxy = Proxy::new(cluster.host(), cluster.port(), stalled);
            let folder = tempfile::tempdir().expect("a folder");
            let mut command =
                command_with_password(source, cluster.password(), proxy.port(), folder.path(), &["overview"]);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
            wait_until(&format!("{source}: it connects"), async || proxy.connections() > 0).await;
            let command_line = fs::read(format!("/proc/{}/cmdline", child.id())).expect("it runs");
            child.kill().expect("it ends");
            child.wait().expect("it ended");
            let command_line = String::from_utf8_lossy(&command_line).replace('\0', " ");
            assert!(
                command_line.contains("overview") && !command_line.contains(cluster.password()),
                "{source}: {command_line}"
            );
        }
    })
    .await;
}

#[test]
fn password_file_readable_by_others_warns() {
    let folder = tempfile::tempdir().expect("a folder");
    let file_path = |name: &str| folder.path().join(name);
    for mode in [0o600, 0o640, 0o604] {
        write_file(&file_path("pass"), "*:*:*:*:hunter2\n", mode);
        write_file(
            &file_path("service"),
            "[prod]\nhost=/nowhere\nuser=x\npassword=hunter2\n[bare]\nhost=/nowhere\nuser=x\n",
            mode,
        );
        write_file(
            &file_path("config"),
            "[target.prod]\nconninfo = 'host=/nowhere user=x'\npassword = 'hunter2'\n",
            mode,
        );
        let file = |name: &str| file_path(name).to_str().expect("UTF-8").to_owned();
        let base = ["slots", "-w", "--history", "none"];
        let mut passfile = pgtend_command(&[&base[..], &["-d", "host=/nowhere user=x"]].concat());
        passfile.env("PGPASSFILE", file("pass"));
        let mut service = pgtend_command(&[&base[..], &["-d", "service=prod"]].concat());
        service.env("PGSERVICEFILE", file("service"));
        let config = file("config");
        let mut target = pgtend_command(&[&base[..], &["--config", &config, "--target", "prod"]].concat());
        for (what, command) in [("pass", &mut passfile), ("service", &mut service), ("config", &mut target)] {
            let stderr = run_command(command).stderr;
            assert_eq!(stderr.contains("warning"), mode != 0o600, "{what}, {mode:o}: {stderr}");
            assert!(!stderr.contains("hunter2"), "{what}: {stderr}");
        }
        let mut bare = pgtend_command(&[&base[..], &["-d", "service=bare"]].concat());
        let stderr = run_command(bare.env("PGSERVICEFILE", file("service"))).stderr;
        assert!(!stderr.contains("warning"), "a service without a password, {mode:o}: {stderr}");
    }
}
