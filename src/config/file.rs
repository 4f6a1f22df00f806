use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::ConfigError;
use crate::postgres::conninfo::{Environment, XdgFolder};
use crate::postgres::read_settings_file;

/// A configuration file.
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// Whether it is the user's own file or given with `--config`. A file in the working directory may belong to
    /// another person's repository.
    pub(super) trusted: bool,
    /// Whether group or others have any access to it.
    pub(super) has_group_or_world_access: bool,
    /// File that may contain secrets instead.
    pub(super) user_path: Option<PathBuf>,
}

impl ConfigFile {
    /// Returns the named file, which must exist; otherwise the one in the working directory; otherwise the user's own.
    pub(super) fn find(
        explicit: Option<&Path>,
        environment: &Environment,
        cwd: &Path,
    ) -> Result<Option<Self>, ConfigError> {
        let user_path = user_config_path(environment);
        if let Some(path) = explicit {
            let path = cwd.join(path);
            let found = Self::read(&path, true, user_path)?;
            return found.map(Some).ok_or_else(|| {
                ConfigError::new(format!("{} does not exist", display_path(&path))).with_hint("correct --config")
            });
        }
        if let Some(found) = Self::read(&cwd.join("pgtend.toml"), false, user_path)? {
            return Ok(Some(found));
        }
        Self::read_user_file(environment)
    }

    /// Returns the user's own file, if there is one.
    pub(super) fn read_user_file(environment: &Environment) -> Result<Option<Self>, ConfigError> {
        user_config_path(environment).map_or(Ok(None), |path| Self::read(&path, true, Some(path.clone())))
    }

    fn read(path: &Path, trusted: bool, user_path: Option<PathBuf>) -> Result<Option<Self>, ConfigError> {
        let unreadable = |why: &str| ConfigError::new(format!("{} cannot be read: {why}", display_path(path)));
        let metadata = match path.metadata() {
            Ok(metadata) => metadata,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(unreadable(&error.to_string())),
        };
        // Reading a named pipe in the working directory would block.
        if !trusted && !metadata.is_file() {
            return Err(unreadable("it is not a regular file"));
        }
        let text = read_settings_file(path).map_err(|error| unreadable(&error.to_string()))?;
        let text = String::from_utf8(text).map_err(|_| unreadable("it is not UTF-8"))?;
        let open_to_others = metadata.permissions().mode() & 0o077 != 0;
        Ok(Some(Self { path: path.to_owned(), text, trusted, has_group_or_world_access: open_to_others, user_path }))
    }

    pub(super) fn display(&self) -> String {
        display_path(&self.path)
    }

    /// Returns where to put a target with keys that this file must not have.
    pub(super) fn where_to_move_target(&self) -> String {
        let user_path =
            self.user_path.as_deref().map_or_else(|| "your own configuration file".to_owned(), display_path);
        format!("move the whole target to {user_path}")
    }

    /// Returns where to put a secret that this file must not have.
    pub(super) fn secrets_hint(&self) -> String {
        format!("put the password into a line of ~/.pgpass with this host, or {}", self.where_to_move_target())
    }
}

/// `$XDG_CONFIG_HOME/pgtend/config.toml`.
pub(crate) fn user_config_path(environment: &Environment) -> Option<PathBuf> {
    Some(environment.xdg_folder(XdgFolder::Config)?.join("config.toml"))
}

/// Returns a path for messages, with characters escaped that control a terminal.
pub(super) fn display_path(path: &Path) -> String {
    let text = path.to_string_lossy();
    format!("{text:?}")
}
