//! A TOML text whose errors have line numbers.
//!
//! It is not decoded by serde: serde's messages quote values, and the parser's own `Display` quotes
//! the whole line. Either may be a password.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::units::parse_seconds;

use super::ConfigError;
use super::file::{self, ConfigFile};
use super::nearest::{nearest_names, quoted_list};

/// Former names of keys, with the present ones.
const RENAMED_KEYS: [(&str, &str); 1] = [("way", "method")];

/// A valid TOML text.
pub(super) struct Document<'a> {
    source: Source<'a>,
    table: Spanned<DeTable<'a>>,
}

#[derive(Clone, Copy)]
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

/// A table of the text.
pub(super) struct Table<'a> {
    /// Last part of its name.
    pub(super) name: String,
    /// Heading such as `[target."prod"]`; `None` for the whole file.
    title: Option<String>,
    span: Range<usize>,
    source: Source<'a>,
    table: &'a DeTable<'a>,
}

/// A string with its position.
pub(super) struct Text<'a> {
    pub(super) value: &'a str,
    span: Range<usize>,
    source: Source<'a>,
}

/// A key with its value of any type.
pub(super) struct Value<'a> {
    pub(super) key: String,
    key_span: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
    source: Source<'a>,
}

impl Value<'_> {
    /// Returns the value without its position.
    pub(super) fn get(&self) -> &DeValue<'_> {
        self.value.get_ref()
    }

    pub(super) fn key_error(&self, message: impl AsRef<str>) -> ConfigError {
        self.source.error(&self.key_span, message)
    }

    /// Returns an error at the value. It does not quote the value.
    pub(super) fn error(&self, message: impl AsRef<str>) -> ConfigError {
        self.source.error(&self.value.span(), message)
    }
}

impl<'a> Document<'a> {
    pub(super) fn parse(path: &'a Path, text: &'a str) -> Result<Self, ConfigError> {
        let source = Source { path, text };
        let table =
            DeTable::parse(text).map_err(|error| source.error(&error.span().unwrap_or_default(), error.message()))?;
        Ok(Self { source, table })
    }

    pub(super) fn root(&'a self) -> Table<'a> {
        Table { name: String::new(), title: None, span: 0..0, source: self.source, table: self.table.get_ref() }
    }
}

impl Source<'_> {
    fn error(&self, range: &Range<usize>, message: impl AsRef<str>) -> ConfigError {
        let before = self.text.get(..range.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        ConfigError::new(format!("{}, line {line}: {}", file::display_path(self.path), message.as_ref()))
    }
}

impl<'a> Table<'a> {
    /// Refuses keys that are not in `known`.
    pub(super) fn allow_only(&self, known: &[&str]) -> Result<(), ConfigError> {
        let unknown = |key: &&Spanned<_>| !known.contains(&AsRef::<str>::as_ref(Spanned::get_ref(key)));
        let mut keys: Vec<&Spanned<_>> = self.table.keys().filter(unknown).collect();
        keys.sort_by_key(|key| key.span().start);
        let Some(key) = keys.first() else { return Ok(()) };
        let (name, place) =
            (key.get_ref(), self.title.as_ref().map_or_else(String::new, |title| format!(" in {title}")));
        if let Some((_, near)) = RENAMED_KEYS.iter().find(|(old, new)| name.as_ref() == *old && known.contains(new)) {
            let error = self.source.error(&key.span(), format!("{name:?}{place} is now called {near:?}"));
            return Err(error.with_hint(format!("write {near} = … with the same value")));
        }
        let error = self.source.error(&key.span(), format!("unknown key {name:?}{place}"));
        Err(match nearest_names(name, known).first() {
            Some(near) => error.with_hint(format!("did you mean {near:?}?")),
            None => error.with_hint(format!("known keys: {}", quoted_list(known, "and"))),
        })
    }

    /// Returns the string of a key; `None` without the key.
    pub(super) fn text(&self, key: &str) -> Result<Option<Text<'a>>, ConfigError> {
        let Some((_, value)) = self.find(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::String(text) => Ok(Some(Text { value: text.as_ref(), span: value.span(), source: self.source })),
            other => {
                Err(self.source.error(&value.span(), format!("{key:?} must be a string, not a {}", type_name(other))))
            }
        }
    }

    /// Returns a number or string as it is written; `None` without the key.
    pub(super) fn number_or_text(&self, key: &str) -> Result<Option<Text<'a>>, ConfigError> {
        let Some((_, value)) = self.find(key) else { return Ok(None) };
        let written = match value.get_ref() {
            DeValue::String(text) => text.as_ref(),
            DeValue::Integer(number) => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            other => {
                let message = format!("{key:?} must be a number or a string, not a {}", type_name(other));
                return Err(self.source.error(&value.span(), message));
            }
        };
        Ok(Some(Text { value: written, span: value.span(), source: self.source }))
    }

    /// Returns a duration in seconds; `None` without the key. A file in the working directory may make verdicts only
    /// stricter: its duration must not be less than `default_seconds`.
    pub(super) fn duration(
        &self,
        key: &str,
        file: &ConfigFile,
        default_seconds: u64,
    ) -> Result<Option<u64>, ConfigError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let seconds = parse_seconds(text.value).map_err(|error| text.error(error.to_string()))?;
        if !file.trusted && seconds < default_seconds {
            let default_text = match default_seconds {
                seconds if seconds < 86_400 => format!("{} hours", seconds / 3_600),
                seconds => format!("{} days", seconds / 86_400),
            };
            return Err(text
                .error(format!("{key} below {default_text} is not allowed in a file found in the working directory"))
                .with_hint("read the file with --config, if you trust it, or use the flag"));
        }
        Ok(Some(seconds))
    }

    /// Returns a boolean; `None` without the key.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, ConfigError> {
        let Some((_, value)) = self.find(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::Boolean(flag) => Ok(Some(*flag)),
            other => {
                let message = format!("{key:?} must be true or false, not a {}", type_name(other));
                Err(self.source.error(&value.span(), message))
            }
        }
    }

    /// Returns the string of a required key.
    pub(super) fn required_text(&self, key: &str) -> Result<Text<'a>, ConfigError> {
        let missing = || {
            let title = self.title.as_deref().unwrap_or("the file");
            self.source.error(&self.span, format!("{title} has no {key}")).with_hint(format!("add {key} = \"…\""))
        };
        self.text(key)?.ok_or_else(missing)
    }

    /// Returns whether the key exists.
    pub(super) fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Returns whether the key exists and is a list.
    pub(super) fn has_list(&self, key: &str) -> bool {
        self.find(key).is_some_and(|(_, value)| matches!(value.get_ref(), DeValue::Array(_)))
    }

    /// Returns the strings of a list; empty without the key.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<Text<'a>>, ConfigError> {
        let Some((_, value)) = self.find(key) else { return Ok(Vec::new()) };
        let DeValue::Array(values) = value.get_ref() else {
            let message = format!("{key:?} must be a list, not a {}", type_name(value.get_ref()));
            return Err(self.source.error(&value.span(), message).with_hint(format!("write {key} = [\"…\"]")));
        };
        let texts = values.iter().map(|value| match value.get_ref() {
            DeValue::String(text) => Ok(Text { value: text.as_ref(), span: value.span(), source: self.source }),
            other => {
                let message = format!("an element of {key:?} must be a string, not a {}", type_name(other));
                Err(self.source.error(&value.span(), message))
            }
        });
        texts.collect()
    }

    /// Returns the table `[key]`; `None` without it.
    pub(super) fn table(&self, key: &str) -> Result<Option<Table<'a>>, ConfigError> {
        let Some((name, value)) = self.find(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::Table(table) => Ok(Some(Table {
                name: key.to_owned(),
                title: Some(format!("[{key}]")),
                span: name.span(),
                source: self.source,
                table,
            })),
            other => {
                let message = format!("{key:?} must be a table, not a {}", type_name(other));
                Err(self.source.error(&value.span(), message).with_hint(format!("write [{key}]")))
            }
        }
    }

    /// Returns the tables `[key.NAME]` in the order of their names.
    pub(super) fn tables(&self, key: &str) -> Result<Vec<Table<'a>>, ConfigError> {
        let Some((_, value)) = self.find(key) else { return Ok(Vec::new()) };
        let write = format!("write [{key}.NAME]");
        let DeValue::Table(tables) = value.get_ref() else {
            let message = format!("{key:?} must be a table, not a {}", type_name(value.get_ref()));
            return Err(self.source.error(&value.span(), message).with_hint(write));
        };
        let tables = tables.iter().map(|(name, value)| match value.get_ref() {
            DeValue::Table(table) => {
                let name_text = name.get_ref().to_string();
                let title = Some(format!("[{key}.{name_text:?}]"));
                Ok(Table { name: name_text, title, span: name.span(), source: self.source, table })
            }
            other => {
                let (name, span) = (name.get_ref(), name.span());
                let message = format!("{name:?} in [{key}] must be a table, not a {}", type_name(other));
                Err(self.source.error(&span, message).with_hint(write.clone()))
            }
        });
        tables.collect()
    }

    /// Returns the tables `[[key]]` in the order of the file.
    pub(super) fn table_list(&self, key: &str) -> Result<Vec<Table<'a>>, ConfigError> {
        let Some((_, value)) = self.find(key) else { return Ok(Vec::new()) };
        let wrong = |range: &Range<usize>, found: &DeValue<'_>| {
            self.source
                .error(range, format!("{key:?} must be a list of tables, not a {}", type_name(found)))
                .with_hint(format!("write [[{key}]]"))
        };
        let DeValue::Array(elements) = value.get_ref() else { return Err(wrong(&value.span(), value.get_ref())) };
        let tables = elements.iter().map(|value| match value.get_ref() {
            DeValue::Table(table) => {
                let title = Some(format!("[[{key}]]"));
                Ok(Table { name: key.to_owned(), title, span: value.span(), source: self.source, table })
            }
            other => Err(wrong(&value.span(), other)),
        });
        tables.collect()
    }

    /// Returns every key with its value in the order of the file.
    pub(super) fn values(&self) -> Vec<Value<'a>> {
        let mut values: Vec<Value<'a>> = self
            .table
            .iter()
            .map(|(key, value)| Value {
                key: key.get_ref().to_string(),
                key_span: key.span(),
                value,
                source: self.source,
            })
            .collect();
        values.sort_by_key(|value| value.key_span.start);
        values
    }

    /// Returns an error at the value of a key.
    pub(super) fn value_error(&self, key: &str, message: impl AsRef<str>) -> ConfigError {
        let range = self.find(key).map_or_else(|| self.span.clone(), |(_, value)| value.span());
        self.source.error(&range, message)
    }

    /// Returns an error at the table.
    pub(super) fn error(&self, message: impl AsRef<str>) -> ConfigError {
        self.source.error(&self.span, message)
    }

    fn find(&self, wanted: &str) -> Option<(&'a Spanned<toml::de::DeString<'a>>, &'a Spanned<DeValue<'a>>)> {
        self.table.iter().find(|(key, _)| key.get_ref() == wanted)
    }
}

impl Text<'_> {
    /// Returns an error at the string. It does not quote the string.
    pub(super) fn error(&self, message: impl AsRef<str>) -> ConfigError {
        self.source.error(&self.span, message)
    }
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "string",
        DeValue::Integer(_) | DeValue::Float(_) => "number",
        DeValue::Boolean(_) => "boolean",
        DeValue::Datetime(_) => "date",
        DeValue::Array(_) => "list",
        DeValue::Table(_) => "table",
    }
}
