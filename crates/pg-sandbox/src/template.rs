//! Freshly initialised data directories.

use std::fs::{self, File, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::account::{Account, clean_command, list_folder};
use super::error::IoContext;
use super::folder::{self, Staging};
use super::options::ClusterOptions;
use super::{Error, Installation, Result};

/// The file of a cluster's settings. postgresql.conf includes it last; ALTER SYSTEM overrides it.
pub(super) const SETTINGS_FILE: &str = "sandbox.conf";
const PASSWORD_FILE: &str = "password";
/// The parts of a cluster's folder that a copy needs.
pub(super) const CLUSTER_FILES: [&str; 2] = ["data", PASSWORD_FILE];

/// Creates `data/` and `password` in `home`, a cluster's folder: from a template if templates are used,
/// otherwise with initdb. `account` owns both afterwards.
pub(super) fn fill_cluster_folder(
    home: &Path,
    installation: &Installation,
    options: &ClusterOptions,
    account: Option<&Account>,
) -> Result<()> {
    let Some(templates) = &options.templates else {
        return run_initdb(home, installation, options, account);
    };
    let template = templates.join(template_name(installation, options));
    fs::create_dir_all(templates).while_doing(|| format!("create {}", templates.display()))?;
    let lock_path = templates.join(format!(".{}.lock", template_name(installation, options)));
    let lock = File::create(&lock_path).while_doing(|| format!("create {}", lock_path.display()))?;
    lock.lock().while_doing(|| format!("wait for {}", lock_path.display()))?;
    if !template.exists() {
        // Created in the cluster's folder first: the server's user may be unable to write to the folder of
        // templates.
        run_initdb(home, installation, options, account)?;
        let staging = Staging::next_to(&template)?;
        let complete_template = staging.path().join("template");
        copy_recursive(home, &complete_template)?;
        return fs::rename(&complete_template, &template).while_doing(|| format!("move it to {}", template.display()));
    }
    drop(lock);
    copy_saved(home, &template, account)
}

/// Copies `data/` and `password` from a folder to `home`.
pub(super) fn copy_saved(home: &Path, saved: &Path, account: Option<&Account>) -> Result<()> {
    for part in CLUSTER_FILES {
        copy_recursive(&saved.join(part), &home.join(part))?;
    }
    account.map_or(Ok(()), |account| account.chown_recursive(home))
}

/// Returns the superuser's password, which is random and needed only on TCP.
pub(super) fn read_password(home: &Path) -> Result<String> {
    let file = home.join(PASSWORD_FILE);
    let text = fs::read_to_string(&file).while_doing(|| format!("read {}", file.display()))?;
    Ok(text.trim().to_owned())
}

/// Returns a name that depends on everything that determines initdb's result.
fn template_name(installation: &Installation, options: &ClusterOptions) -> String {
    let mut hasher = DefaultHasher::new();
    (&installation.bin, &options.initdb).hash(&mut hasher);
    format!("template-{}-{:016x}", installation.version, hasher.finish())
}

fn run_initdb(
    home: &Path,
    installation: &Installation,
    options: &ClusterOptions,
    account: Option<&Account>,
) -> Result<()> {
    let secret = home.join(PASSWORD_FILE);
    fs::write(&secret, format!("{:016x}{:016x}\n", folder::random(), folder::random()))
        .and_then(|()| fs::set_permissions(&secret, Permissions::from_mode(0o600)))
        .while_doing(|| format!("write {}", secret.display()))?;
    account.map_or(Ok(()), |account| account.chown_recursive(home))?;

    let data = home.join("data");
    let run = |locale: &str| {
        clean_command(installation.program("initdb"), account)
            .arg("-D")
            .arg(&data)
            .args(["-U", "postgres", "--no-sync", "--encoding=UTF8", "--auth-local=trust", "--auth-host=scram-sha-256"])
            .arg(format!("--locale={locale}"))
            .arg(format!("--pwfile={}", secret.display()))
            .args(&options.initdb)
            .output()
            .while_doing(|| format!("run initdb of {}", installation.bin.display()))
    };
    let mut answer = run("C.UTF-8")?;
    if !answer.status.success() && String::from_utf8_lossy(&answer.stderr).contains("locale") {
        // Not every system has this locale; initdb has removed its files.
        answer = run("C")?;
    }
    if !answer.status.success() {
        let output = [answer.stdout, answer.stderr].map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        return Err(Error::Initdb { output: output.join("\n") });
    }
    include_settings(&data)
}

fn include_settings(data: &Path) -> Result<()> {
    let conf = data.join("postgresql.conf");
    let text = fs::read_to_string(&conf).while_doing(|| format!("read {}", conf.display()))?;
    fs::write(&conf, format!("{text}\ninclude_if_exists = '{SETTINGS_FILE}'\n"))
        .while_doing(|| format!("write {}", conf.display()))
}

/// Copies a file, a link or a folder with all in it. The copies belong to us.
pub(super) fn copy_recursive(from: &Path, to: &Path) -> Result<()> {
    let doing = || format!("copy {} to {}", from.display(), to.display());
    let kind = fs::symlink_metadata(from).while_doing(doing)?;
    if kind.is_dir() {
        fs::create_dir(to).while_doing(doing)?;
        fs::set_permissions(to, Permissions::from_mode(0o700)).while_doing(doing)?;
        return list_folder(from)?
            .iter()
            .try_for_each(|inner| inner.file_name().map_or(Ok(()), |name| copy_recursive(inner, &to.join(name))));
    }
    if kind.is_symlink() {
        return fs::read_link(from).and_then(|target: PathBuf| symlink(target, to)).while_doing(doing);
    }
    // Sockets cannot be copied and are not part of a data directory.
    if kind.is_file() {
        fs::copy(from, to).map(drop).while_doing(doing)?;
    }
    Ok(())
}

/// Writes a file that only its owner can read, and makes the account its owner.
pub(super) fn write_private_file(account: Option<&Account>, path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    let mut open = File::options();
    open.write(true).create(true).truncate(true).mode(0o600);
    open.open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .while_doing(|| format!("write {}", path.display()))?;
    account.map_or(Ok(()), |account| account.chown_recursive(path))
}
