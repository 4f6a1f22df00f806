//! The unprivileged user that runs the server instead of root, which PostgreSQL refuses.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::lchown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::IoContext;
use super::{Error, Result};

/// Folders of the standard tools (`id`, `sh`, `ps`, `rm`).
const TOOLS_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// An unprivileged user of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// User name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Id of the primary group.
    pub gid: u32,
}

impl Account {
    /// Returns the account that has to run the server: `postgres`, else `nobody`, if this process runs
    /// as root; `None` otherwise.
    pub fn server_account() -> Result<Option<Self>> {
        // The standard library does not provide the effective user id.
        let output = clean_command("id", None).arg("-u").output().while_doing(|| "run id".to_owned())?;
        if output.stdout.trim_ascii() == b"0" { Self::unprivileged().map(Some) } else { Ok(None) }
    }

    /// Returns the user `postgres`, else `nobody`.
    pub fn unprivileged() -> Result<Self> {
        ["postgres", "nobody"].into_iter().find_map(Self::lookup).ok_or(Error::NoAccount)
    }

    /// Uses `id`: /etc/passwd contains users neither of LDAP nor of macOS.
    fn lookup(name: &str) -> Option<Self> {
        let read_id = |flag: &str| -> Option<u32> {
            let answer = clean_command("id", None).arg(flag).arg(name).stderr(Stdio::null()).output().ok()?;
            String::from_utf8(answer.stdout).ok()?.trim().parse().ok()
        };
        let (uid, gid) = (read_id("-u")?, read_id("-g")?);
        (uid != 0).then(|| Self { name: name.to_owned(), uid, gid })
    }

    /// Returns whether this account can enter the folder. For a folder that does not exist, its nearest
    /// existing ancestor counts. Only root can check this for another account.
    pub fn can_enter(&self, folder: &Path) -> bool {
        let existing = folder.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/"));
        clean_command("sh", Some(self))
            .args(["-c", r#"cd -- "$1""#, "sh"])
            .arg(existing)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Makes this account the owner of everything under `root`.
    pub(super) fn chown_recursive(&self, root: &Path) -> Result<()> {
        let mut waiting = vec![root.to_path_buf()];
        while let Some(path) = waiting.pop() {
            let kind = fs::symlink_metadata(&path).while_doing(|| format!("read {}", path.display()))?;
            lchown(&path, Some(self.uid), Some(self.gid))
                .while_doing(|| format!("change the owner of {} to {}", path.display(), self.name))?;
            if kind.is_dir() {
                waiting.extend(list_folder(&path)?);
            }
        }
        Ok(())
    }
}

/// Returns the paths in a folder.
pub(super) fn list_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .while_doing(|| format!("read {}", folder.display()))
}

/// Returns a command with a clean environment, run by `account` if there is one. No `PG*` variable,
/// locale or time zone of the caller reaches the servers, so that clusters are the same on every machine.
pub(super) fn clean_command(program: impl AsRef<OsStr>, account: Option<&Account>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", TOOLS_PATH).env("LC_ALL", "C").env("TZ", "UTC").stdin(Stdio::null());
    // The account may be unable to enter the caller's working directory.
    command.current_dir("/");
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid);
    }
    command
}
