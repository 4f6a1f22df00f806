//! `[target.NAME] databases`: databases of a server to read.

use super::ConfigError;
use super::document::Table;
use crate::collect::DatabaseSelection;

/// Reads a list of names, or `"all"`; without the key, the database of the conninfo.
pub(super) fn read_database_selection(table: &Table<'_>) -> Result<DatabaseSelection, ConfigError> {
    const KEY: &str = "databases";
    let name = &table.name;
    let subject = format!("databases of target {name:?}");
    if !table.has_list(KEY) {
        return match table.text(KEY)? {
            None => Ok(DatabaseSelection::Connected),
            Some(text) if text.value == "all" => Ok(DatabaseSelection::All),
            Some(text) => Err(text
                .error(format!("{subject}: must be a list or \"all\""))
                .with_hint(format!("write {KEY} = [\"…\"]"))),
        };
    }
    let mut names: Vec<String> = Vec::new();
    for text in table.texts(KEY)? {
        if text.value.is_empty() {
            return Err(text.error(format!("{subject}: an element is empty")));
        }
        if names.iter().any(|name| name == text.value) {
            return Err(text.error(format!("{subject}: a name is listed twice")));
        }
        names.push(text.value.to_owned());
    }
    if names.is_empty() {
        return Err(table
            .value_error(KEY, format!("{subject}: the list is empty"))
            .with_hint("omit the key to read the database of the conninfo, or write databases = \"all\""));
    }
    Ok(DatabaseSelection::Listed(names))
}
