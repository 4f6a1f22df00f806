//! `[target.NAME] databases`: which of a server's databases are read from inside.

use super::ConfigError;
use super::document::Table;
use crate::inspect::Reach;

/// A list of names, or `"all"`; without it the one that the conninfo leads to.
pub(super) fn read(table: &Table<'_>) -> Result<Reach, ConfigError> {
    const KEY: &str = "databases";
    let of = format!("the databases of target {:?}", table.name);
    if !table.has_list(KEY) {
        return match table.text(KEY)? {
            None => Ok(Reach::Connected),
            Some(text) if text.value == "all" => Ok(Reach::All),
            Some(text) => Err(text
                .error(format!("{of} are neither a list nor \"all\""))
                .with_hint(format!("write {KEY} = [\"…\"]"))),
        };
    }
    let mut names: Vec<String> = Vec::new();
    for text in table.texts(KEY)? {
        if text.value.is_empty() {
            return Err(text.error(format!("one of {of} has no name")));
        }
        if names.iter().any(|name| name == text.value) {
            return Err(text.error(format!("{of} name one of them twice")));
        }
        names.push(text.value.to_owned());
    }
    if names.is_empty() {
        return Err(table
            .error_at(KEY, format!("{of} are an empty list"))
            .with_hint("leave the key away for the database of the conninfo, or write databases = \"all\""));
    }
    Ok(Reach::Listed(names))
}
