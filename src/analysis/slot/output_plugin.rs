//! Output plugins that the server allows: `output_plugin_libraries` (19, and the minor releases of August 2026;
//! docs/reference/slots.md#output-plugins).

use crate::facts::{Provider, Snapshot, Unavailable};
use crate::quote::{grant, quote_literal};

/// Default of `output_plugin_libraries`.
pub const DEFAULT_OUTPUT_PLUGINS: [&str; 2] = ["pgoutput", "test_decoding"];

/// Returns the libraries in a list of names as the server prints it: separated by commas, in double quotes where needed.
fn listed_libraries(list: &str) -> Vec<String> {
    let mut libraries = Vec::new();
    let (mut name, mut is_quoted) = (String::new(), false);
    let mut characters = list.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                name.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => libraries.push(std::mem::take(&mut name)),
            character if character.is_whitespace() && !is_quoted => {}
            character => name.push(character),
        }
    }
    libraries.push(name);
    libraries.retain(|name| !name.is_empty());
    libraries
}

/// Returns why it is unknown whether the server allows an output plugin: it has the setting, and the role cannot read it.
/// Which minor releases have it is known from their settings (docs/reference/slots.md#output-plugins).
pub fn hidden_plugin_list(snapshot: &Snapshot) -> Option<Unavailable> {
    let settings = snapshot.settings.known()?;
    let server = &snapshot.server;
    let first = match server.major() {
        ..15 => return None,
        15 => 150_019,
        16 => 160_015,
        17 => 170_011,
        18 => 180_006,
        19.. => 190_000,
    };
    (server.version_num >= first && settings.get("output_plugin_libraries").is_none()).then(|| {
        Unavailable::new("settings", "output_plugin_libraries is hidden from this role")
            .with_hint(Some(grant("pg_read_all_settings", &server.role)))
    })
}

/// Returns how to make the server allow a plugin; `None` when it does, when it has no such setting, or when the setting is
/// hidden from the role (it needs pg_read_all_settings).
pub fn plugin_remedy(snapshot: &Snapshot, plugin: &str) -> Option<String> {
    let setting = snapshot.settings.known()?.get("output_plugin_libraries")?;
    let mut libraries = listed_libraries(&setting.setting);
    if libraries.iter().any(|listed| listed == plugin) {
        return None;
    }
    libraries.push(plugin.to_owned());
    // One literal per name: the server takes a single literal with commas for one name.
    let list: Vec<String> = libraries.iter().map(|name| quote_literal(name)).collect();
    let list = list.join(", ");
    Some(match snapshot.provider() {
        Provider::Unknown => {
            format!("ALTER SYSTEM SET output_plugin_libraries = {list}; SELECT pg_reload_conf();")
        }
        _ => format!("set output_plugin_libraries to {list} in the parameters of the service"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn remedy(setting: Option<&str>, plugin: &str) -> Option<String> {
        let now = "2026-11-01T00:00:00Z";
        let settings: Vec<_> = setting
            .iter()
            .map(|list| {
                json!({"name": "output_plugin_libraries", "setting": list, "unit": null, "source": "default",
                       "pending_restart": false})
            })
            .collect();
        let snapshot: Snapshot = serde_json::from_value(json!({
            "schema_version": 1, "command": "snapshot", "pgtend_version": "0", "collected_at": now,
            "server": {"version_num": 150_020, "version": "", "database": "shop", "role": "me",
                "role_is_superuser": true, "role_may_replicate": true, "role_is_monitor": true, "in_recovery": false,
                "started_at": now, "requested_at": now, "block_size_bytes": 8192, "wal_segment_bytes": 1 << 24},
            "settings": {"known": settings},
        }))
        .unwrap();
        plugin_remedy(&snapshot, plugin)
    }

    #[test]
    fn plugin_remedy_adds_the_plugin() {
        assert_eq!(remedy(None, "wal2json"), None, "no such setting, or hidden");
        assert_eq!(remedy(Some("pgoutput, test_decoding"), "test_decoding"), None);
        assert_eq!(
            remedy(Some("pgoutput, test_decoding"), "wal2json").as_deref(),
            Some(
                "ALTER SYSTEM SET output_plugin_libraries = 'pgoutput', 'test_decoding', 'wal2json'; \
                 SELECT pg_reload_conf();"
            )
        );
        assert!(remedy(Some("\"pgoutput, test_decoding\""), "pgoutput").is_some(), "one name with a comma");
        assert_eq!(remedy(Some("\"My Plug\",pgoutput"), "My Plug"), None);
        assert!(remedy(Some(""), "pgoutput").unwrap().contains("= 'pgoutput';"));
    }
}
