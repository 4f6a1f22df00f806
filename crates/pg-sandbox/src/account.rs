//! The unprivileged user that runs the server when we are root, as Postgres refuses to.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::lchown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::IoContext;
use super::{Error, Result};

/// Where the ordinary tools (`id`, `sh`, `ps`, `rm`) are.
const TOOLS_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// An unprivileged user of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its user id.
    pub uid: u32,
    /// Its primary group's id.
    pub gid: u32,
}

impl Account {
    /// The account that has to run a server in our place: `postgres`, else `nobody`, when we are root;
    /// none when we are an ordinary user.
    pub fn server_account() -> Result<Option<Self>> {
        // The standard library cannot ask the kernel who we are.
        let output = clean_command("id", None).arg("-u").output().while_doing(|| "run id".to_owned())?;
        if output.stdout.trim_ascii() == b"0" { Self::unprivileged().map(Some) } else { Ok(None) }
    }

    /// The user `postgres`, else `nobody`.
    pub fn unprivileged() -> Result<Self> {
        ["postgres", "nobody"].into_iter().find_map(Self::lookup).ok_or(Error::NoAccount)
    }

    /// Asks `id` and not /etc/passwd, which knows neither LDAP nor macOS' directory.
    fn lookup(name: &str) -> Option<Self> {
        let read_id = |flag: &str| -> Option<u32> {
            let answer = clean_command("id", None).arg(flag).arg(name).stderr(Stdio::null()).output().ok()?;
            String::from_utf8(answer.stdout).ok()?.trim().parse().ok()
        };
        let (uid, gid) = (read_id("-u")?, read_id("-g")?);
        (uid != 0).then(|| Self { name: name.to_owned(), uid, gid })
    }

    /// Whether this account may enter the folder. A folder that is yet to be made is as reachable as
    /// the nearest one above it that exists. Only root can ask for another.
    pub fn can_enter(&self, folder: &Path) -> bool {
        let existing = folder.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/"));
        clean_command("sh", Some(self))
            .args(["-c", r#"cd -- "$1""#, "sh"])
            .arg(existing)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Gives it everything under `root`.
    pub(super) fn chown_recursive(&self, root: &Path) -> Result<()> {
        let mut waiting = vec![root.to_path_buf()];
        while let Some(path) = waiting.pop() {
            let kind = fs::symlink_metadata(&path).while_doing(|| format!("look at {}", path.display()))?;
            lchown(&path, Some(self.uid), Some(self.gid))
                .while_doing(|| format!("give {} to {}", path.display(), self.name))?;
            if kind.is_dir() {
                waiting.extend(list_folder(&path)?);
            }
        }
        Ok(())
    }
}

/// The paths in a folder.
pub(super) fn list_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .while_doing(|| format!("read {}", folder.display()))
}

/// A command with a clean environment, run by `account` if there is one. No `PG*` variable, locale or
/// time zone of the caller reaches the servers, so a cluster is the same on every machine.
pub(super) fn clean_command(program: impl AsRef<OsStr>, account: Option<&Account>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", TOOLS_PATH).env("LC_ALL", "C").env("TZ", "UTC").stdin(Stdio::null());
    // The caller's folder may be one that the account cannot enter.
    command.current_dir("/");
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}
