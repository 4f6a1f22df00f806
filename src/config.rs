//! What the user keeps in a file: the servers by name, where the history is, from when on something is called what.
//!
//! The file is `--config FILE`; else `pgtend.toml` in the working directory; else
//! `$XDG_CONFIG_HOME/pgtend/config.toml`. One that was merely found in the working directory may
//! have been put there by anybody, so it may not name secrets, no place where a history is read or written, and nothing
//! that makes judgement laxer than it is without the file.

mod audit;
pub(crate) mod checks;
mod databases;
mod document;
mod error;
mod file;
mod history;
mod indexes;
mod limit;
mod limits;
pub(crate) mod nearest;
mod notify;
mod password;
mod password_command;
mod silences;
mod slots;
mod target;

pub use error::ConfigError;
pub(crate) use file::own_path;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::{
    inspect::Reach,
    judge::{audit::Given, health::Checks, slot},
    model::{IndexLimits, Silence},
    notify::Recipient,
    pg::{
        ReadLimits,
        conninfo::{Environment, Target},
    },
};
use document::Document;
use file::File;

/// The configuration, read and found to be in order. Empty where there is no file.
#[derive(Debug, Default)]
pub struct Config {
    path: Option<PathBuf>,
    targets: BTreeMap<String, target::Entry>,
    /// The targets of the user's own file where the one above was found in the working directory.
    own_targets: BTreeMap<String, target::Entry>,
    history: Option<history::Place>,
    indexes: indexes::Limits,
    slots: slots::Slots,
    audit: Given,
    read_limits: ReadLimits,
    warnings: Vec<String>,
    /// The nightly checks with their limits.
    pub checks: Checks,
    pub silences: Vec<Silence>,
    notify: Vec<notify::Entry>,
}

impl Config {
    /// Reads the file that was named, or else the one that is found.
    pub fn read(explicit: Option<&Path>, environment: &Environment, cwd: &Path) -> Result<Self, ConfigError> {
        let Some(file) = File::find(explicit, environment, cwd)? else { return Ok(Self::default()) };
        let mut config = Self::understand(&file)?;
        if !file.trusted
            && let Some(own) = File::own(environment)?
        {
            config.add_own_targets(Self::understand(&own)?);
        }
        Ok(config)
    }

    fn understand(file: &File) -> Result<Self, ConfigError> {
        let document = Document::parse(&file.path, &file.text)?;
        let root = document.root();
        root.allow_only(&["target", "history", "indexes", "slots", "audit", "check", "silence", "notify", "limits"])?;
        let mut config = Self { path: Some(file.path.clone()), ..Self::default() };
        if let Some(table) = root.table("history")? {
            config.history = history::Place::read(&table, file)?;
            if config.history.as_ref().is_some_and(history::Place::holds_a_password) && file.open_to_others {
                config.warnings.push(format!(
                    "{} holds the password of the history and has group or world access; permissions should be u=rw (0600)",
                    file.shown()
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
            config.audit = audit::read(&table, file)?;
        }
        if let Some(table) = root.table("limits")? {
            config.read_limits = limits::read(&table, file)?;
        }
        for table in root.tables("target")? {
            let entry = target::Entry::read(&table, file)?;
            if entry.holds_a_password() && file.open_to_others {
                config.warnings.push(format!(
                    "{} holds the password of target {:?} and has group or world access; permissions should be u=rw (0600)",
                    file.shown(),
                    table.name
                ));
            }
            config.targets.insert(table.name.clone(), entry);
        }
        config.checks = checks::read(root.tables("check")?, file)?;
        config.silences = silences::read(&root.list("silence")?, file)?;
        for table in root.tables("notify")? {
            config.notify.push(notify::Entry::read(&table, file)?);
        }
        Ok(config)
    }

    /// Adds the targets of the user's own file. They come before those of the same name in the working directory, which
    /// anyone may have written.
    fn add_own_targets(&mut self, own: Config) {
        self.warnings.extend(own.warnings);
        let (found, own_path) = (self.path.as_deref(), own.path.as_deref());
        let twice: Vec<&str> =
            self.targets.keys().filter(|name| own.targets.contains_key(*name)).map(String::as_str).collect();
        if let (Some(found), Some(own_path), false) = (found, own_path, twice.is_empty()) {
            let (noun, verb) = if twice.len() == 1 { ("target", "is") } else { ("targets", "are") };
            self.warnings.push(format!(
                "{noun} {} {verb} in {} and in {}: the definition in your own file {} is used",
                nearest::quoted(&twice, "and"),
                file::shown(found),
                file::shown(own_path),
                file::shown(own_path),
            ));
        }
        self.own_targets = own.targets;
    }

    /// The file it was read from.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Who is told what changed; each with its name, and why its URL could not be had.
    pub fn recipients(&self, environment: &Environment) -> Vec<(&str, Result<Recipient, String>)> {
        let path = self.path.as_deref().unwrap_or(Path::new("."));
        self.notify.iter().map(|entry| (entry.name(), entry.fetch(environment, path))).collect()
    }

    /// What the user should know about the file.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// `[history] url`: a path, `postgresql://…` or `none`. Fetched only now, as a target's password is.
    pub fn history_url(&self, environment: &Environment) -> Result<Option<String>, ConfigError> {
        match (&self.history, &self.path) {
            (Some(place), Some(path)) => place.url(environment, path).map(Some),
            _ => Ok(None),
        }
    }

    /// `[indexes]`: the limits of verdicts on indexes, where the file does not set them the usual ones.
    pub fn index_limits(&self) -> IndexLimits {
        self.indexes.limits()
    }

    /// `[slots]`: the limits of verdicts on slots, where the file does not set them the usual ones.
    pub fn slot_limits(&self) -> slot::Limits {
        self.slots.limits()
    }

    /// `[slots] droppable`: the slots that may be dropped without being named on the command line.
    pub fn droppable_slots(&self) -> &[String] {
        &self.slots.droppable
    }

    /// `[limits]`: how much of a server's answers is kept.
    pub fn read_limits(&self) -> ReadLimits {
        self.read_limits
    }

    /// The names of all targets, in order.
    pub fn target_names(&self) -> impl Iterator<Item = &str> {
        self.targets.keys().map(String::as_str)
    }

    /// Returns the target of that name. Its password is fetched only now, so that a secret that is missing for one target
    /// does not affect another.
    pub fn target(&self, name: &str, environment: &Environment) -> Result<Target, ConfigError> {
        self.entry(name).ok_or_else(|| self.unknown_target(name, environment))?.target(name, environment)
    }

    /// Returns the standbys of a target, as servers of their own.
    pub fn replicas(&self, name: &str, environment: &Environment) -> Result<Vec<Target>, ConfigError> {
        self.entry(name).ok_or_else(|| self.unknown_target(name, environment))?.replicas(name, environment)
    }

    /// Whether there is a target of that name.
    pub fn has_target(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// Returns the file that a target is from.
    pub fn file_of_target(&self, name: &str) -> Option<&Path> {
        self.entry(name).map(|entry| entry.path.as_path())
    }

    /// Whether a target is from a file that was found in the working directory.
    pub fn is_from_working_directory(&self, name: &str) -> bool {
        self.entry(name).is_some_and(|entry| !entry.trusted)
    }

    /// The user's own target, else the one of the file in the working directory.
    fn entry(&self, name: &str) -> Option<&target::Entry> {
        self.own_targets.get(name).or_else(|| self.targets.get(name))
    }

    /// Which databases of a target are read from inside.
    pub fn reach(&self, name: &str) -> Reach {
        self.entry(name).map(|entry| entry.reach.clone()).unwrap_or_default()
    }

    /// The size of the target's disk, in bytes, where the file tells it.
    pub fn disk_size(&self, name: &str) -> Option<u64> {
        self.entry(name)?.disk_size
    }

    /// What an audit may take for given: of the target, if one is named, and else of `[audit]`.
    pub fn given_for_audits(&self, target: Option<&str>) -> Given {
        let of_target = target.and_then(|name| self.entry(name)).map(|entry| entry.given.clone());
        of_target.unwrap_or_default().or(self.audit.clone())
    }

    fn unknown_target(&self, name: &str, environment: &Environment) -> ConfigError {
        let known: BTreeSet<&str> = self.targets.keys().chain(self.own_targets.keys()).map(String::as_str).collect();
        let known: Vec<&str> = known.into_iter().collect();
        let near = nearest::nearest(name, &known);
        let Some(path) = &self.path else {
            let own = file::own_path(environment).map_or_else(|| "--config FILE".to_owned(), |it| file::shown(&it));
            return ConfigError::new(format!("there is no target {name:?}: there is no configuration file"))
                .with_hint(format!("create pgtend.toml here or {own}, with [target.NAME] and conninfo = \"…\" in it"));
        };
        let error = ConfigError::new(format!("there is no target {name:?} in {}", file::shown(path)));
        match (near.is_empty(), known.is_empty()) {
            (_, true) => error.with_hint("it has no targets: add [target.NAME] with conninfo = \"…\""),
            (true, _) => error.with_hint(format!("it has {}", nearest::quoted(&known, "and"))),
            (false, _) => error.with_hint(format!("did you mean {}?", nearest::quoted(&near, "or"))),
        }
    }
}

#[cfg(test)]
mod tests;
