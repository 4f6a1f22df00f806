use std::path::Path;

use super::ConfigError;
use super::document::Table;
use super::file::{self, ConfigFile};
use super::password::SecretSource;
use crate::history::StoreName;
use crate::postgres::conninfo::Environment;

/// `[history]`
#[derive(Debug)]
pub(super) struct HistoryEntry {
    url: SecretSource,
}

impl HistoryEntry {
    /// A file in the working directory may only disable the history. The store contains data of the user's servers, and
    /// determines what can be dropped.
    pub(super) fn read(table: &Table<'_>, file: &ConfigFile) -> Result<Option<Self>, ConfigError> {
        table.allow_only(&["url"])?;
        let Some(text) = table.text("url")? else { return Ok(None) };
        if !file.trusted && text.value != "none" {
            return Err(text
                .error("a history store is not allowed in a file found in the working directory, except \"none\"")
                .with_hint("specify it with --history, PGTEND_HISTORY, or in your own configuration file"));
        }
        let url = SecretSource::parse(text.value).map_err(|_| text.error("\"url\" is empty"))?;
        if let SecretSource::Literal(url) = &url
            && StoreName::parse(url.expose()).is_err()
        {
            return Err(text
                .error("\"url\" is not the address of a history store")
                .with_hint("name a file, sqlite:FILE, postgresql://…, a key=value conninfo, none, or env:NAME or file:PATH that hold one"));
        }
        Ok(Some(Self { url }))
    }

    /// Returns whether the file itself has the store's password.
    pub(super) fn contains_password(&self) -> bool {
        let SecretSource::Literal(url) = &self.url else { return false };
        StoreName::parse(url.expose()).is_ok_and(|name| name.has_password())
    }

    /// Returns the URL. A relative path starts at the folder of the configuration.
    pub(super) fn url(&self, environment: &Environment, config: &Path) -> Result<String, ConfigError> {
        let folder = config.parent().unwrap_or(config);
        let url = self.url.fetch(environment, folder).map_err(|why| {
            ConfigError::new(format!("[history] url: {why}"))
                .with_hint(format!("correct [history] in {}", file::display_path(config)))
        })?;
        let url = url.expose();
        Ok(match (url, StoreName::parse(url)) {
            ("none", _) => url.to_owned(),
            (_, Ok(StoreName::File(path))) => match (path.strip_prefix("~"), &environment.home) {
                (Ok(rest), Some(home)) => home.join(rest).display().to_string(),
                _ => folder.join(path).display().to_string(),
            },
            _ => url.to_owned(),
        })
    }
}
