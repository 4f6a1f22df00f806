use std::path::{Path, PathBuf};

use crate::postgres::conninfo::{Environment, Sensitive};
use crate::postgres::read_settings_file;

/// The place of a secret.
#[derive(Clone, Debug)]
pub(super) enum SecretSource {
    /// In the configuration itself.
    Literal(Sensitive),
    /// `env:NAME`
    Variable(String),
    /// `file:PATH`, relative to the folder of the configuration, or to the home directory with `
    /// /`.
    File(String),
}

impl SecretSource {
    /// Parses the value of the configuration. The error is a message.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        match (text.strip_prefix("env:"), text.strip_prefix("file:")) {
            (Some(""), _) => Err("\"env:\" has no variable name"),
            (_, Some("")) => Err("\"file:\" has no path"),
            (Some(name), _) => Ok(Self::Variable(name.to_owned())),
            (_, Some(path)) => Ok(Self::File(path.to_owned())),
            _ if text.is_empty() => Err("\"password\" is empty"),
            _ => Ok(Self::Literal(text.into())),
        }
    }

    /// Reads the secret. The error is the reason.
    pub(super) fn fetch(&self, environment: &Environment, folder: &Path) -> Result<Sensitive, String> {
        match self {
            Self::Literal(secret) => Ok(secret.clone()),
            Self::Variable(name) => match environment.var(name) {
                Some(text) => Ok(text.into()),
                None => Err(format!("the environment variable {name:?} is not set")),
            },
            Self::File(path) => read_secret_file(&resolve_secret_path(path, environment, folder)),
        }
    }
}

fn resolve_secret_path(path: &str, environment: &Environment, folder: &Path) -> PathBuf {
    match (path.strip_prefix("~/"), &environment.home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => folder.join(path),
    }
}

/// Reads a file without the line break at its end.
fn read_secret_file(path: &Path) -> Result<Sensitive, String> {
    let shown = super::file::display_path(path);
    let text = read_settings_file(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let text = String::from_utf8(text).map_err(|_| format!("{shown} is not UTF-8"))?;
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if line.is_empty() {
        return Err(format!("{shown} is empty"));
    }
    if line.contains('\n') {
        return Err(format!("{shown} has more than one line"));
    }
    Ok(line.into())
}
