//! The version a release build tells: with the commit it was made of, where that can be known.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-env-changed=PGTEND_COMMIT");
    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets it");
    // A development build changes between commits, and would be made anew at each.
    let commit = match env::var("PROFILE").as_deref() {
        Ok("release") => given().or_else(checked_out),
        _ => None,
    };
    let told = commit.map_or_else(|| version.clone(), |commit| format!("{version} ({commit})"));
    println!("cargo::rustc-env=PGTEND_VERSION={told}");
}

/// For builds without the repository: a package's, an image's.
fn given() -> Option<String> {
    env::var("PGTEND_COMMIT").ok().filter(|commit| !commit.is_empty())
}

/// The commit's short name and day, and whether the tree differs from it.
fn checked_out() -> Option<String> {
    // Only of our own repository: a package unpacked inside another one is not made of that one's commit.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    for path in ["HEAD", "logs/HEAD", "index"] {
        println!("cargo::rerun-if-changed={}", git(&["rev-parse", "--git-path", path])?);
    }
    let commit = git(&["log", "-1", "--format=%h %cs"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit}, changed") })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
