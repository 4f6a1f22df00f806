//! The files in `packaging/` for the nightly job: run, or validated by the programs that read them.

use crate::{
    check::nightly_runs::write_config,
    clusters::{on_the_newest_shared, print_stderr},
    reports::{
        fixture_servers::role_conninfo,
        program::{python_with, run_pgtend},
    },
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

const PGTEND: &str = env!("CARGO_BIN_EXE_pgtend");

fn packaged_file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name)).unwrap()
}

/// Runs a program. Returns `None` if it is not installed, after printing that.
fn run_if_installed(test: &str, command: &mut Command) -> Option<Output> {
    match command.stdin(Stdio::null()).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            print_stderr(&format!("{test}: NOT RUN: {:?} is not installed", command.get_program()));
            None
        }
        Err(error) => panic!("{command:?}: {error}"),
    }
}

fn output_text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Returns the messages of `systemd-analyze verify` about these units. It reads the machine's other units, too;
/// messages about those are ignored.
fn unit_warnings(units: &[PathBuf]) -> Option<Vec<String>> {
    let mut command = Command::new("systemd-analyze");
    let verified = run_if_installed("systemd units", command.args(["verify", "--man=no"]).args(units))?;
    let names: Vec<&str> = units.iter().filter_map(|unit| unit.file_name()?.to_str()).collect();
    let text = output_text(&verified);
    let own = text.lines().filter(|line| names.iter().any(|name| line.contains(name)));
    let own: Vec<String> = own.map(str::to_owned).collect();
    assert!(verified.status.success() || !own.is_empty(), "{text}");
    Some(own)
}

#[test]
fn packaging_systemd_units_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    let service = packaged_file("systemd/pgtend-check.service");
    assert!(service.contains("ExecStart=/usr/bin/pgtend check "), "{service}");
    let service = service.replace("/usr/bin/pgtend", PGTEND);
    for (name, text) in
        [("pgtend-check.service", &service), ("pgtend-check.timer", &packaged_file("systemd/pgtend-check.timer"))]
    {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let units = ["pgtend-check.service", "pgtend-check.timer"].map(|name| folder.path().join(name));
    let Some(warnings) = unit_warnings(&units) else { return };
    assert_eq!(warnings, [""; 0]);
    let broken = folder.path().join("pgtend-broken.service");
    std::fs::write(&broken, service.replace("ExecStart=", "NoSuchKey=1\nExecStart=")).unwrap();
    let warnings = unit_warnings(&[broken]).unwrap_or_default();
    assert!(warnings.iter().any(|line| line.contains("NoSuchKey")), "{warnings:?}");
    print_stderr("systemd units: verified");
    // 0 is the lowest exposure, 10 the highest; a service without any of these settings has 9.6.
    let mut security = Command::new("systemd-analyze");
    security.args(["security", "--offline=true", "--threshold=40", "--no-pager"]).arg(&units[0]);
    let Some(assessed) = run_if_installed("systemd security", &mut security) else { return };
    if output_text(&assessed).contains("unrecognized option") {
        print_stderr("systemd security: NOT RUN: this version cannot analyze a file");
        return;
    }
    assert!(assessed.status.success(), "{}", output_text(&assessed));
}

#[test]
fn packaging_cron_line_runs() {
    let line = packaged_file("cron/pgtend");
    let line = line.lines().find(|line| !line.starts_with('#')).unwrap();
    assert!(!line.contains('%'), "cron takes it for a line break");
    let mut fields = line.split(' ');
    assert_eq!(fields.by_ref().take(6).collect::<Vec<_>>(), ["17", "3", "*", "*", "*", "pgtend"]);
    let command = fields.collect::<Vec<_>>().join(" ");
    let folder = tempfile::tempdir().unwrap();
    let last = folder.path().join("last.txt");
    let command = command.replace("/etc/pgtend/config.toml", &write_config(folder.path(), ""));
    let command = command.replace("/var/lib/pgtend/last.txt", last.to_str().unwrap());
    let bin = Path::new(PGTEND).parent().unwrap();
    let by_cron = |config: &str| {
        write_config(folder.path(), config);
        std::fs::write(&last, "of yesterday").unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", &command]).env_clear().env("HOME", folder.path());
        shell.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        output_text(&shell.output().unwrap())
    };
    // A run without a result is mailed, without the output of the previous day.
    let mail = by_cron("[target.gone]\nconninfo = \"host=/nonexistent user=x dbname=x\"\n");
    assert!(mail.contains("UNKNOWN") && mail.contains("gone") && !mail.contains("yesterday"), "{mail}");
    let mail = by_cron("[target.gone\n");
    assert!(mail.contains("line 1") && !mail.contains("yesterday"), "{mail}");
}

#[tokio::test]
async fn packaging_cron_line_mails_nothing_if_calm() {
    on_the_newest_shared("cron line", async |major, cluster| {
        let line = packaged_file("cron/pgtend");
        let line = line.lines().find(|line| !line.starts_with('#')).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let conninfo = role_conninfo(cluster, "postgres", "postgres").replace('\'', "");
        let config = write_config(folder.path(), &format!("[target.here]\nconninfo = \"{conninfo}\"\n"));
        let last = folder.path().join("last.txt");
        let command = line.split(' ').skip(6).collect::<Vec<_>>().join(" ");
        let command = command.replace("/etc/pgtend/config.toml", &config);
        let command = command.replace("/var/lib/pgtend/last.txt", last.to_str().unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-c", &command]).env_clear().env("HOME", folder.path());
        shell.env("PATH", format!("{}:/usr/bin:/bin", Path::new(PGTEND).parent().unwrap().display()));
        let mail = output_text(&shell.output().unwrap());
        assert_eq!(mail, "", "on {major}");
        assert!(std::fs::read_to_string(&last).unwrap().contains("1 target: "), "on {major}");
        assert!(folder.path().join(".local/state/pgtend/history.db").exists(), "on {major}");
    })
    .await;
}

/// Returns the documents of the manifest, parsed by PyYAML.
fn manifest_documents() -> Option<Vec<Value>> {
    let script = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.argv[1]))))";
    let Some(python) = python_with("yaml") else {
        print_stderr("Kubernetes manifest: NOT RUN: python3 with yaml is not installed");
        return None;
    };
    let read = run_if_installed(
        "Kubernetes manifest",
        Command::new(python).args(["-c", script, &packaged_file("kubernetes/cronjob.yaml")]),
    )?;
    assert!(read.status.success(), "{}", output_text(&read));
    Some(serde_json::from_slice(&read.stdout).unwrap())
}

#[test]
fn packaging_pod_is_unprivileged_and_read_only() {
    let Some(documents) = manifest_documents() else { return };
    let of_kind =
        |kind: &str| documents.iter().find(|document| document["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"));
    let job = &of_kind("CronJob")["spec"];
    assert_eq!(job["concurrencyPolicy"], "Forbid");
    let pod = &job["jobTemplate"]["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    assert!(pod["securityContext"]["runAsUser"].as_u64().is_some_and(|user| user > 0));
    for key in ["hostNetwork", "hostPID", "hostIPC"] {
        assert!(pod[key].is_null(), "{key}");
    }
    let [container] = &pod["containers"].as_array().unwrap()[..] else { panic!("one container") };
    let security = &container["securityContext"];
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["capabilities"]["drop"], serde_json::json!(["ALL"]));
    assert!(security["privileged"].is_null() && security["capabilities"]["add"].is_null());
    assert!(container["resources"]["limits"]["memory"].is_string());
    let mounts = container["volumeMounts"].as_array().unwrap();
    assert!(mounts.iter().all(|mount| mount["readOnly"] == true), "{mounts:?}");
    assert!(pod["volumes"].as_array().unwrap().iter().all(|volume| volume["configMap"].is_object()));
    // The arguments and the configuration are valid for pgtend.
    let folder = tempfile::tempdir().unwrap();
    let text = of_kind("ConfigMap")["data"]["config.toml"].as_str().unwrap();
    let config = write_config(folder.path(), text);
    let arguments: Vec<String> = container["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|argument| argument.as_str().unwrap().replace("/etc/pgtend/config.toml", &config))
        .collect();
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.push("--help");
    assert_eq!(run_pgtend(&arguments).exit, 0, "{arguments:?}");
    let mut checked = Command::new(PGTEND);
    checked.args(["config", "check", "--config", &config]).env_clear();
    checked.env("PGTEND_SHOP_PASSWORD", "x").env("PGTEND_SLACK_URL", "https://hooks.example.invalid/x");
    let checked = checked.output().unwrap();
    assert!(checked.status.success(), "{}", output_text(&checked));
    print_stderr("Kubernetes manifest: read");
}

/// As in the pod: an unprivileged user, a read-only file system, and the history on a server.
#[tokio::test]
async fn packaging_check_on_read_only_file_system() {
    if !nix::unistd::geteuid().is_root() {
        print_stderr("check on a read-only file system: NOT RUN: needs root");
        return;
    }
    on_the_newest_shared("check on a read-only file system", async |major, cluster| {
        let folder = tempfile::tempdir().unwrap();
        let conninfo = role_conninfo(cluster, "postgres", "postgres").replace('\'', "");
        let config = write_config(folder.path(), &format!("[target.here]\nconninfo = \"{conninfo}\"\n"));
        for path in [folder.path(), Path::new(&config)] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(path, mode).unwrap();
        }
        let program: PathBuf = folder.path().join("pgtend");
        std::fs::copy(PGTEND, &program).unwrap();
        let store = crate::history::create_postgres_store(major).await;
        // All mounts become read-only for this process, so that any write fails.
        let script = "set -e; mount --make-rprivate /; \
            for at in $(findmnt -rno TARGET | grep -Ev '^/(proc|sys)' | sort -ru); do mount -o remount,bind,ro \"$at\"; done; \
            touch \"$FOLDER/written\" 2>/dev/null && echo it is writable && exit 99; \
            exec setpriv --reuid=$USER_ID --regid=65532 --clear-groups --no-new-privs --bounding-set=-all \"$@\"";
        for run in 1..=2 {
            let mut command = Command::new("unshare");
            command.args(["--mount", "sh", "-c", script, "sh"]).arg(&program);
            command.args(["check", "--all-targets", "--jobs", "8", "--config", &config, "--history", &store]);
            command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("FOLDER", folder.path());
            // The only unprivileged user with access to the cluster's folder.
            let owner = std::os::unix::fs::MetadataExt::uid(&cluster.socket_dir().metadata().unwrap());
            assert_ne!(owner, 0);
            command.env("USER_ID", owner.to_string());
            let Some(ended) = run_if_installed("check on a read-only file system", &mut command) else { return };
            let output = output_text(&ended);
            if output.contains("unshare failed") {
                print_stderr("check on a read-only file system: NOT RUN: mount namespaces are not available");
                return;
            }
            assert!(matches!(ended.status.code(), Some(0 | 1)), "on {major}: {:?} {output}", ended.status);
            assert!(output.contains("1 target: ") && !output.contains("UNKNOWN"), "on {major}: {output}");
            let samples = crate::reports::program::report_json(&["history", "list", "--history", &store]);
            assert_eq!(samples["samples"].as_array().unwrap().len(), run, "on {major}");
        }
    })
    .await;
}
