//! `[notify.NAME]`: recipients of notifications.

use super::{
    ConfigError,
    document::{Table, Text},
    file::ConfigFile,
    password::SecretSource,
};
use crate::monitor::notify::{Recipient, RecipientKind};
use crate::postgres::conninfo::Environment;
use crate::units::parse_seconds;
use std::path::Path;

const DEFAULT_REMIND_SECONDS: u64 = 7 * 86_400;

/// One recipient, before its URL is read.
#[derive(Debug)]
pub(super) struct NotifyEntry {
    name: String,
    kind: RecipientKind,
    url: SecretSource,
    remind_seconds: u64,
    hygiene: bool,
}

impl NotifyEntry {
    pub(super) fn read(table: &Table<'_>, file: &ConfigFile) -> Result<NotifyEntry, ConfigError> {
        if !file.trusted {
            return Err(table
                .error("[notify] is not allowed in a file found in the working directory")
                .with_hint("move it to your own configuration file and read that with --config"));
        }
        table.allow_only(&["type", "url", "remind_every", "hygiene"])?;
        let name = &table.name;
        let kind = table.required_text("type")?;
        let kind = match kind.value {
            "slack" => RecipientKind::Slack,
            "webhook" => RecipientKind::Webhook,
            "heartbeat" => RecipientKind::Heartbeat,
            _ => return Err(kind.error(format!("the type of {name:?} must be slack, webhook or heartbeat"))),
        };
        let url = table.required_text("url")?;
        let remind_seconds = match table.text("remind_every")? {
            None => DEFAULT_REMIND_SECONDS,
            Some(text) => parse_seconds(text.value)
                .ok()
                .filter(|seconds| *seconds > 0)
                .ok_or_else(|| text.error("\"remind_every\" must be a duration with a unit, e.g. \"7d\""))?,
        };
        let hygiene = table.flag("hygiene")?.unwrap_or(false);
        Ok(NotifyEntry { name: name.clone(), kind, url: parse_secret_reference(&url)?, remind_seconds, hygiene })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the recipient with its URL.
    pub(super) fn fetch(&self, environment: &Environment, config: &Path) -> Result<Recipient, String> {
        let url = self.url.fetch(environment, config.parent().unwrap_or(config))?;
        crate::redact::register(url.expose().trim());
        Ok(Recipient {
            name: self.name.clone(),
            kind: self.kind,
            url: url.expose().to_owned(),
            remind_seconds: self.remind_seconds,
            hygiene: self.hygiene,
        })
    }
}

/// Parses the reference to a URL. The URL of a webhook permits posting to it, so it is a secret and must not be in the
/// file.
fn parse_secret_reference(text: &Text<'_>) -> Result<SecretSource, ConfigError> {
    match SecretSource::parse(text.value).map_err(|why| text.error(why))? {
        SecretSource::Literal(_) => Err(text
            .error("the URL of a webhook is a secret and must not be in the file")
            .with_hint("write url = \"env:NAME\" or \"file:PATH\"")),
        reference => Ok(reference),
    }
}
