//! Sets the version of the program: in release builds with the commit, if it can be determined.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-env-changed=PGTEND_COMMIT");
    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets it");
    // A development build changes between commits and would be rebuilt after each.
    let commit = match env::var("PROFILE").as_deref() {
        Ok("release") => given().or_else(checked_out).or_else(packaged).or_else(exported),
        _ => None,
    };
    let version = commit.map_or_else(|| version.clone(), |commit| format!("{version} ({commit})"));
    println!("cargo::rustc-env=PGTEND_VERSION={version}");
}

/// Returns the commit for builds without the repository, such as packages and images.
fn given() -> Option<String> {
    env::var("PGTEND_COMMIT").ok().filter(|commit| !commit.is_empty())
}

/// Returns the commit's abbreviated hash and date, and whether the tree has changes.
fn checked_out() -> Option<String> {
    // Only in the project's own repository: the sources may be unpacked inside another one.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    for path in ["HEAD", "logs/HEAD", "index"] {
        println!("cargo::rerun-if-changed={}", git(&["rev-parse", "--git-path", path])?);
    }
    let commit = git(&["log", "-1", "--format=%h %cs"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit}, changed") })
}

/// Returns the commit that `cargo package` recorded: `{"git": {"sha1": "…"}}`.
fn packaged() -> Option<String> {
    let text = read(".cargo_vcs_info.json")?;
    let hash: String = text.split("\"sha1\"").nth(1)?.chars().filter(char::is_ascii_hexdigit).take(7).collect();
    (hash.len() == 7).then_some(hash)
}

/// Returns the commit that `git archive` inserted, as .gitattributes specifies.
fn exported() -> Option<String> {
    let text = read("packaging/commit")?;
    let commit = text.trim();
    (!commit.is_empty() && !commit.starts_with('$')).then(|| commit.to_owned())
}

fn read(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    println!("cargo::rerun-if-changed={path}");
    Some(text)
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
