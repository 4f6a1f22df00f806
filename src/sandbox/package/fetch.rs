//! Fetching a package.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use super::super::account::entries;
use super::super::error::Doing;
use super::super::folder::Staging;
use super::super::{Error, Installation, Result};
use super::{Package, symlinks};

/// What is about to be fetched, for the caller to say before it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchPlan {
    /// The package.
    pub package: Package,
    /// The folder that it will be in.
    pub target: PathBuf,
}

impl FetchPlan {
    /// Fetches it. Who finds it already there takes it; the folder appears complete or not at all.
    pub fn fetch(&self) -> Result<Installation> {
        let cache = self.target.parent().unwrap_or(Path::new("/"));
        make_enterable(cache)?;
        let turn = cache.join(format!(".{}.lock", self.package.folder_name()));
        let lock = File::create(&turn).doing(|| format!("make {}", turn.display()))?;
        lock.lock().doing(|| format!("wait for {}", turn.display()))?;
        if self.target.exists() {
            return Installation::at(&self.target.join("bin"));
        }

        let staging = Staging::beside(&self.target)?;
        self.ask_npm(staging.path())?;
        let package = staging.path().join("node_modules").join(self.package.name());
        symlinks::create(&package)?;
        let native = package.join("native");
        open_to_all(&native)?;
        // Nothing that does not run may be taken for a finished package.
        Installation::at(&native.join("bin"))?;
        fs::rename(&native, &self.target).doing(|| format!("move it to {}", self.target.display()))?;
        // It was verified by another name; what is handed out must carry the lasting one.
        Installation::at(&self.target.join("bin"))
    }

    /// npm keeps the environment of the caller: their registry, proxy and certificates are in it.
    fn ask_npm(&self, staging: &Path) -> Result<()> {
        for (file, text) in [("package.json", self.manifest()), ("package-lock.json", self.lock_file())] {
            let path = staging.join(file);
            fs::write(&path, text.to_string()).doing(|| format!("write {}", path.display()))?;
        }
        let answer = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"])
            .current_dir(staging)
            .stdin(Stdio::null())
            .output()
            .doing(|| "run npm".to_owned())?;
        if answer.status.success() {
            return Ok(());
        }
        let package = self.package.to_string();
        let output = String::from_utf8_lossy(&answer.stderr).trim().to_owned();
        Err(if output.contains("EINTEGRITY") {
            Error::Tampered { package, output }
        } else {
            Error::Fetch { package, output }
        })
    }

    fn manifest(&self) -> serde_json::Value {
        json!({ "name": "pgtend-server", "version": "1.0.0", "private": true, "dependencies": self.dependency() })
    }

    /// Without `resolved`, so that npm asks the registry that this machine is set up for.
    fn lock_file(&self) -> serde_json::Value {
        let root = json!({ "name": "pgtend-server", "version": "1.0.0", "dependencies": self.dependency() });
        let pinned = json!({ "version": self.package.version, "integrity": self.package.integrity });
        let place = format!("node_modules/{}", self.package.name());
        json!({
            "name": "pgtend-server", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
            "packages": { "": root, place: pinned },
        })
    }

    fn dependency(&self) -> serde_json::Value {
        json!({ self.package.name(): self.package.version })
    }
}

/// Makes the folder and those above it, and lets others enter what was made, whatever the umask is.
fn make_enterable(folder: &Path) -> Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
    fs::create_dir_all(folder).doing(|| format!("make {}", folder.display()))?;
    missing.into_iter().try_for_each(|made| {
        fs::set_permissions(made, Permissions::from_mode(0o755)).doing(|| format!("open {}", made.display()))
    })
}

/// A strict umask of root must not keep the server's user from the binaries.
fn open_to_all(path: &Path) -> Result<()> {
    let about = fs::symlink_metadata(path).doing(|| format!("look at {}", path.display()))?;
    if about.is_symlink() {
        return Ok(());
    }
    let mode = about.permissions().mode();
    let open = mode | 0o444 | if about.is_dir() || mode & 0o100 != 0 { 0o111 } else { 0 };
    fs::set_permissions(path, Permissions::from_mode(open)).doing(|| format!("open {}", path.display()))?;
    if about.is_dir() {
        entries(path)?.iter().try_for_each(|inner| open_to_all(inner))?;
    }
    Ok(())
}
