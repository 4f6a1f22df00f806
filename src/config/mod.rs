//! The configuration file: targets, the history store, and the thresholds of checks and verdicts.
//!
//! The file is `--config FILE`, otherwise `pgtend.toml` in the working directory, otherwise
//! `$XDG_CONFIG_HOME/pgtend/config.toml`. A file that was found in the working directory may come from anyone. So it
//! must not refer to secrets or a history store, and must not make verdicts less strict than without the file.

mod audit;
pub(crate) mod checks;
mod databases;
mod document;
mod error;
mod file;
mod history;
mod indexes;
pub(crate) mod nearest;
mod notify;
mod password;
mod password_command;
mod silences;
mod size_limits;
mod slots;
mod target;

pub use error::ConfigError;
pub(crate) use file::user_config_path;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::analysis::downsize::Overrides;
use crate::analysis::index::IndexLimits;
use crate::analysis::slot;
use crate::checks::runner::Checks;
use crate::collect::DatabaseSelection;
use crate::facts::{Measure, Silence};
use crate::monitor::notify::Recipient;
use crate::postgres::ReadLimits;
use crate::postgres::conninfo::{Environment, Target};
use document::Document;
use file::ConfigFile;

/// The validated configuration; empty without a file.
#[derive(Debug, Default)]
pub struct Config {
    path: Option<PathBuf>,
    targets: BTreeMap<String, target::TargetEntry>,
    /// Targets of the user's own file, if the file above was found in the working directory.
    user_targets: BTreeMap<String, target::TargetEntry>,
    history: Option<history::HistoryEntry>,
    indexes: indexes::Limits,
    slots: slots::Slots,
    audit: Overrides,
    read_limits: ReadLimits,
    warnings: Vec<String>,
    /// Checks with their limits.
    pub checks: Checks,
    /// Silences of findings.
    pub silences: Vec<Silence>,
    notify: Vec<notify::NotifyEntry>,
}

impl Config {
    /// Reads the given file, otherwise the one that is found.
    ///
    /// # Errors
    ///
    /// The file cannot be read, has an error, or has keys that it must not have.
    pub fn read(explicit: Option<&Path>, environment: &Environment, cwd: &Path) -> Result<Self, ConfigError> {
        let Some(file) = ConfigFile::find(explicit, environment, cwd)? else { return Ok(Self::default()) };
        let mut config = Self::parse_file(&file)?;
        if !file.trusted
            && let Some(own) = ConfigFile::read_user_file(environment)?
        {
            config.add_user_targets(Self::parse_file(&own)?);
        }
        Ok(config)
    }

    fn parse_file(file: &ConfigFile) -> Result<Self, ConfigError> {
        let document = Document::parse(&file.path, &file.text)?;
        let root = document.root();
        root.allow_only(&["target", "history", "indexes", "slots", "audit", "check", "silence", "notify", "limits"])?;
        let mut config = Self { path: Some(file.path.clone()), ..Self::default() };
        if let Some(table) = root.table("history")? {
            config.history = history::HistoryEntry::read(&table, file)?;
            if config.history.as_ref().is_some_and(history::HistoryEntry::contains_password)
                && file.has_group_or_world_access
            {
                config.warnings.push(format!(
                    "{} contains the password of the history and has group or world access; permissions should be u=rw (0600)",
                    file.display()
                ));
            }
        }
        if let Some(table) = root.table("indexes")? {
            config.indexes = indexes::Limits::read(&table, file)?;
        }
        if let Some(table) = root.table("slots")? {
            config.slots = slots::Slots::read(&table, file)?;
        }
        if let Some(table) = root.table("audit")? {
            config.audit = audit::read_audit_overrides(&table, file)?;
        }
        if let Some(table) = root.table("limits")? {
            config.read_limits = size_limits::read_size_limits(&table, file)?;
        }
        for table in root.tables("target")? {
            let entry = target::TargetEntry::read(&table, file)?;
            if entry.contains_password() && file.has_group_or_world_access {
                let (file, name) = (file.display(), &table.name);
                config.warnings.push(format!(
                    "{file} contains the password of target {name:?} and has group or world access; permissions should be u=rw (0600)"
                ));
            }
            config.targets.insert(table.name.clone(), entry);
        }
        config.checks = checks::read_checks(root.tables("check")?, file)?;
        config.silences = silences::read_silences(&root.table_list("silence")?, file)?;
        for table in root.tables("notify")? {
            config.notify.push(notify::NotifyEntry::read(&table, file)?);
        }
        Ok(config)
    }

    /// Adds the targets of the user's own file. They have precedence over those of the same name in the working
    /// directory, which anyone may have written.
    fn add_user_targets(&mut self, user_config: Config) {
        self.warnings.extend(user_config.warnings);
        let (found, own_path) = (self.path.as_deref(), user_config.path.as_deref());
        let duplicates: Vec<&str> =
            self.targets.keys().filter(|name| user_config.targets.contains_key(*name)).map(String::as_str).collect();
        if let (Some(found), Some(own_path), false) = (found, own_path, duplicates.is_empty()) {
            let (noun, verb) = if duplicates.len() == 1 { ("target", "is") } else { ("targets", "are") };
            self.warnings.push(format!(
                "{noun} {} {verb} defined in {} and in {}; the definition in {} is used",
                nearest::quoted_list(&duplicates, "and"),
                file::display_path(found),
                file::display_path(own_path),
                file::display_path(own_path),
            ));
        }
        self.user_targets = user_config.targets;
    }

    /// Returns the path of the file; `None` without one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the recipients of notifications with their names, or the reason why a URL could not be read.
    pub fn recipients(&self, environment: &Environment) -> Vec<(&str, Result<Recipient, String>)> {
        let path = self.path.as_deref().unwrap_or(Path::new("."));
        self.notify.iter().map(|entry| (entry.name(), entry.fetch(environment, path))).collect()
    }

    /// Returns warnings about the file.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns `[history] url`: a path, `postgresql://…` or `none`; `None` without the key. The secret is read by
    /// this call.
    ///
    /// # Errors
    ///
    /// The secret could not be read.
    pub fn history_url(&self, environment: &Environment) -> Result<Option<String>, ConfigError> {
        match (&self.history, &self.path) {
            (Some(place), Some(path)) => place.url(environment, path).map(Some),
            _ => Ok(None),
        }
    }

    /// Returns the limits of verdicts on indexes: those of `[indexes]`, otherwise the defaults.
    pub fn index_limits(&self) -> IndexLimits {
        let mut limits = self.indexes.limits();
        // `pgtend indexes` and the check use the same threshold.
        if let Some(Measure::Percent(share)) = self.checks.limit("index-bloat", "warning") {
            limits.bloated_share = share / 100.0;
        }
        if let Some(Measure::Bytes(bytes)) = self.checks.limit("index-bloat", "minimum") {
            limits.bloated_bytes = bytes;
        }
        limits
    }

    /// Returns the limits of verdicts on slots: those of `[slots]`, otherwise the defaults.
    pub fn slot_limits(&self) -> slot::Limits {
        self.slots.limits()
    }

    /// Returns `[slots] droppable`: slots that can be dropped without their name on the command line.
    pub fn droppable_slots(&self) -> &[String] {
        &self.slots.droppable
    }

    /// Returns `[limits]`: memory limits for the answers of a server.
    pub fn read_limits(&self) -> ReadLimits {
        self.read_limits
    }

    /// Returns the names of all targets in order.
    pub fn target_names(&self) -> impl Iterator<Item = &str> {
        self.targets.keys().map(String::as_str)
    }

    /// Returns the target with this name. Its password is read by this call, so that a missing secret affects no other
    /// target.
    ///
    /// # Errors
    ///
    /// There is no such target, or its password could not be read.
    pub fn target(&self, name: &str, environment: &Environment) -> Result<Target, ConfigError> {
        self.entry(name).ok_or_else(|| self.unknown_target(name, environment))?.target(name, environment)
    }

    /// Returns the standbys of a target as targets of their own.
    ///
    /// # Errors
    ///
    /// There is no such target, or a password could not be read.
    pub fn replicas(&self, name: &str, environment: &Environment) -> Result<Vec<Target>, ConfigError> {
        self.entry(name).ok_or_else(|| self.unknown_target(name, environment))?.replicas(name, environment)
    }

    /// Returns whether there is a target with this name.
    pub fn has_target(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// Returns the file with the target; `None` without such a target.
    pub fn file_of_target(&self, name: &str) -> Option<&Path> {
        self.entry(name).map(|entry| entry.path.as_path())
    }

    /// Returns whether the target is from a file that was found in the working directory.
    pub fn is_from_working_directory(&self, name: &str) -> bool {
        self.entry(name).is_some_and(|entry| !entry.trusted)
    }

    /// Returns the user's own target, otherwise that of the working directory.
    fn entry(&self, name: &str) -> Option<&target::TargetEntry> {
        self.user_targets.get(name).or_else(|| self.targets.get(name))
    }

    /// Returns the databases of a target to read.
    pub fn database_selection(&self, name: &str) -> DatabaseSelection {
        self.entry(name).map(|entry| entry.database_selection.clone()).unwrap_or_default()
    }

    /// Returns the size of the target's disk in bytes; `None` without the key.
    pub fn disk_size(&self, name: &str) -> Option<u64> {
        self.entry(name)?.disk_size
    }

    /// Returns the assumptions of audits: those of the target, otherwise those of `[audit]`.
    pub fn audit_overrides(&self, target: Option<&str>) -> Overrides {
        let of_target = target.and_then(|name| self.entry(name)).map(|entry| entry.overrides.clone());
        of_target.unwrap_or_default().or(self.audit.clone())
    }

    fn unknown_target(&self, name: &str, environment: &Environment) -> ConfigError {
        let known: BTreeSet<&str> = self.targets.keys().chain(self.user_targets.keys()).map(String::as_str).collect();
        let known: Vec<&str> = known.into_iter().collect();
        let suggestions = nearest::nearest_names(name, &known);
        let Some(path) = &self.path else {
            let own = file::user_config_path(environment)
                .map_or_else(|| "--config FILE".to_owned(), |path| file::display_path(&path));
            return ConfigError::new(format!("unknown target {name:?}: no configuration file found"))
                .with_hint(format!("create pgtend.toml here or {own}, with [target.NAME] and conninfo = \"…\" in it"));
        };
        let error = ConfigError::new(format!("unknown target {name:?}: not in {}", file::display_path(path)));
        match (suggestions.is_empty(), known.is_empty()) {
            (_, true) => error.with_hint("the file has no targets: add [target.NAME] with conninfo = \"…\""),
            (true, _) => error.with_hint(format!("configured targets: {}", nearest::quoted_list(&known, "and"))),
            (false, _) => error.with_hint(format!("did you mean {}?", nearest::quoted_list(&suggestions, "or"))),
        }
    }
}

#[cfg(test)]
mod tests;
