//! PostgreSQL server binaries on this machine.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::account::{clean_command, list_folder};
use super::{Error, Result};

/// The supported majors.
pub const MAJORS: RangeInclusive<u32> = 13..=19;

/// A folder of server binaries whose `postgres --version` succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The folder that holds `postgres` and `initdb`.
    pub bin: PathBuf,
    /// The version as the server prints it: `17.10`, `15.18`, `18beta1`.
    pub version: String,
    /// The major version.
    pub major: u32,
}

impl Installation {
    /// Returns the installation in this folder, after running `postgres --version`.
    pub fn from_bin_dir(bin: &Path) -> Result<Self> {
        let refuse = |why: String| Error::NotAnInstallation { bin: bin.to_path_buf(), why };
        let real = fs::canonicalize(bin.join("postgres")).map_err(|e| refuse(format!("postgres: {e}")))?;
        if is_script(&real) {
            return Err(refuse("postgres is a wrapper script".to_owned()));
        }
        // Resolves symbolic links: initdb looks for its siblings and its share folder next to the real
        // program.
        let home = real.parent().unwrap_or(bin).to_path_buf();
        if !home.join("initdb").exists() {
            return Err(refuse("initdb is missing".to_owned()));
        }
        let answer = clean_command(&real, None).arg("--version").output().map_err(|e| refuse(e.to_string()))?;
        if !answer.status.success() {
            return Err(refuse(String::from_utf8_lossy(&answer.stderr).trim().to_owned()));
        }
        let version_output = String::from_utf8_lossy(&answer.stdout);
        let text = version_output.trim();
        let (version, major) =
            parse_version(&version_output).ok_or_else(|| refuse(format!("unexpected version {text:?}")))?;
        Ok(Self { bin: home, version, major })
    }

    /// Returns the path of a program of this installation.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

/// Where to search for installations.
#[derive(Debug, Clone, Default)]
pub struct InstallationSearch {
    /// The folder that the user specified; then no other is searched.
    pub explicit: Option<PathBuf>,
    /// The value of `PATH`.
    pub path: Option<OsString>,
    /// Folders with downloaded packages, see [`super::PackageCache::folder`].
    pub caches: Vec<PathBuf>,
}

/// The result of a search.
#[derive(Debug, Default)]
pub struct FoundInstallations {
    /// Supported installations, newest first.
    pub installations: Vec<Installation>,
    /// Folders that were rejected, with the reason.
    pub rejected: Vec<Error>,
}

impl InstallationSearch {
    /// Searches all places. Only an explicit folder without a usable server is an error.
    pub fn find_installations(&self) -> Result<FoundInstallations> {
        if let Some(bin) = &self.explicit {
            let installation = Installation::from_bin_dir(bin)?;
            if !MAJORS.contains(&installation.major) {
                return Err(unsupported_version(&installation));
            }
            return Ok(FoundInstallations { installations: vec![installation], rejected: Vec::new() });
        }
        let mut found = FoundInstallations::default();
        for bin in self.candidates() {
            match Installation::from_bin_dir(&bin) {
                Ok(new) if !MAJORS.contains(&new.major) => found.rejected.push(unsupported_version(&new)),
                Ok(new) if found.installations.iter().all(|known| known.bin != new.bin) => {
                    found.installations.push(new);
                }
                Ok(_) => {}
                Err(why) => found.rejected.push(why),
            }
        }
        // A stable sort: of two installations of one version, the one on PATH stays first.
        found
            .installations
            .sort_by_key(|installation| std::cmp::Reverse((installation.major, minor_version(&installation.version))));
        Ok(found)
    }

    fn candidates(&self) -> Vec<PathBuf> {
        let mut bins: Vec<PathBuf> = Vec::new();
        for folder in self.path.iter().flat_map(std::env::split_paths) {
            bins.push(folder.clone());
            bins.extend(pg_config_bindir(&folder.join("pg_config")));
        }
        bins.extend(matching_folders("/usr/lib/postgresql", "", "bin"));
        bins.extend(matching_folders("/usr", "pgsql-", "bin"));
        bins.extend(matching_folders("/opt/homebrew/opt", "postgresql@", "bin"));
        bins.extend(matching_folders("/usr/local/opt", "postgresql@", "bin"));
        bins.extend(matching_folders("/Applications/Postgres.app/Contents/Versions", "", "bin"));
        for cache in &self.caches {
            bins.extend(matching_folders(cache, "postgres-", "bin"));
        }
        bins.retain(|bin| bin.join("postgres").exists());
        bins
    }
}

/// Returns the folders `parent/prefix*/tail`; none if the parent does not exist.
fn matching_folders(parent: impl AsRef<Path>, prefix: &str, tail: &str) -> Vec<PathBuf> {
    let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
    let mut folders = list_folder(parent.as_ref()).unwrap_or_default();
    folders.retain(named);
    folders.sort();
    folders.iter().map(|folder| folder.join(tail)).collect()
}

fn pg_config_bindir(pg_config: &Path) -> Option<PathBuf> {
    if !pg_config.exists() {
        return None;
    }
    let answer = clean_command(pg_config, None).arg("--bindir").output().ok()?;
    let bindir_output = String::from_utf8(answer.stdout).ok()?;
    answer.status.success().then(|| PathBuf::from(bindir_output.trim()))
}

fn is_script(program: &Path) -> bool {
    let mut start = [0; 2];
    File::open(program).and_then(|mut file| file.read_exact(&mut start)).is_ok() && &start == b"#!"
}

/// Parses `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` to `("15.18", 15)`.
fn parse_version(output: &str) -> Option<(String, u32)> {
    let version = output.split_once("(PostgreSQL) ")?.1.split_whitespace().next()?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some((version.to_owned(), digits.parse().ok()?))
}

fn minor_version(version: &str) -> u32 {
    version.split_once('.').and_then(|(_, minor)| minor.parse().ok()).unwrap_or(0)
}

fn unsupported_version(installation: &Installation) -> Error {
    let (oldest, newest) = (MAJORS.start(), MAJORS.end());
    Error::NotAnInstallation {
        bin: installation.bin.clone(),
        why: format!("it is PostgreSQL {}; supported are {oldest} to {newest}", installation.version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installation_parses_server_version() {
        let parse = parse_version;
        assert_eq!(parse("postgres (PostgreSQL) 17.10\n"), Some(("17.10".to_owned(), 17)));
        assert_eq!(parse("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(("15.18".to_owned(), 15)));
        assert_eq!(parse("postgres (PostgreSQL) 18beta1"), Some(("18beta1".to_owned(), 18)));
        assert_eq!(parse("psql: not a server"), None);
    }

    #[test]
    fn installation_explicit_folder_needs_server() {
        let search =
            InstallationSearch { explicit: Some(PathBuf::from("/nonexistent")), ..InstallationSearch::default() };
        let error = search.find_installations().unwrap_err().to_string();
        assert!(error.starts_with("no usable PostgreSQL server in /nonexistent"), "{error}");
    }
}
