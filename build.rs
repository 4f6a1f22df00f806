//! Sets the version. A release build contains its commit, if it is known.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-env-changed=PGTEND_COMMIT");
    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets it");
    // Not in a development build, which would be rebuilt after each commit.
    let commit = match env::var("PROFILE").as_deref() {
        Ok("release") => from_environment().or_else(from_checkout).or_else(from_package).or_else(from_archive),
        _ => None,
    };
    let version = commit.map_or_else(|| version.clone(), |commit| format!("{version} ({commit})"));
    println!("cargo::rustc-env=PGTEND_VERSION={version}");
}

/// Returns the commit of `PGTEND_COMMIT`, for builds of packages and images without the repository.
fn from_environment() -> Option<String> {
    env::var("PGTEND_COMMIT").ok().filter(|commit| !commit.is_empty())
}

/// Returns the abbreviated hash and the date of the commit, with a mark if the work tree is modified.
fn from_checkout() -> Option<String> {
    // Only in the repository of pgtend: a package may be unpacked inside another repository.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    for path in ["HEAD", "logs/HEAD", "index"] {
        println!("cargo::rerun-if-changed={}", git(&["rev-parse", "--git-path", path])?);
    }
    let commit = git(&["log", "-1", "--format=%h %cs"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit}, changed") })
}

/// Returns the commit that `cargo package` recorded: `{"git": {"sha1": "…"}}`.
fn from_package() -> Option<String> {
    let text = read(".cargo_vcs_info.json")?;
    let hash: String = text.split("\"sha1\"").nth(1)?.chars().filter(char::is_ascii_hexdigit).take(7).collect();
    (hash.len() == 7).then_some(hash)
}

/// Returns the commit that `git archive` substituted for the format in the file (export-subst in .gitattributes).
fn from_archive() -> Option<String> {
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
