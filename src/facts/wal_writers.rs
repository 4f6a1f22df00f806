//! Statements, processes and databases that write WAL.

use super::{ForeignObject, LookAlike, Unavailable};
use crate::quote::quote_identifier;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Statement that updates an older version of the extension.
const UPDATE_EXTENSION: &str = "ALTER EXTENSION pg_stat_statements UPDATE";

/// Counters of pg_stat_statements, if it is installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct WalStatements {
    /// Whether the library is loaded (`shared_preload_libraries`).
    pub is_loaded: bool,
    /// Whether the extension is installed in the connected database.
    pub is_installed: bool,
    /// `pg_extension.extversion`; `None` if it is not installed.
    pub extension_version: Option<String>,
    /// Whether the role can see statements of other roles.
    pub sees_all: bool,
    /// An untrusted object of the extension; if present, nothing was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_object: Option<ForeignObject>,
    /// A relation `pg_stat_statements_info` in the schema of the extension that is not a member of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_alike: Option<LookAlike>,
    /// Counters; `None` if the extension is not installed or not trusted.
    pub found: Option<CountedStatements>,
}

/// The statements of all databases and roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct CountedStatements {
    /// WAL of all its statements in bytes; `None` before version 1.8 of the extension.
    pub wal_bytes: Option<u64>,
    /// Time of the last reset; `None` before version 1.9 of the extension.
    pub since: Option<Timestamp>,
    /// The statements with the most WAL, at most ten.
    pub statements: Vec<WalStatement>,
}

/// One normalised statement of one role in one database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct WalStatement {
    /// `queryid` as text, because it exceeds JSON numbers; `None` when hidden.
    pub queryid: Option<String>,
    /// Name of the database; `None` if the database or the role was dropped.
    pub database: Option<String>,
    /// Name of the role; `None` if it was dropped.
    pub role: Option<String>,
    /// `pg_stat_statements.calls`.
    pub calls: u64,
    /// `pg_stat_statements.wal_bytes`.
    pub wal_bytes: u64,
    /// Full page images.
    pub wal_fpi: u64,
    /// Beginning of the query, up to its first literal and without comments; `None` when hidden.
    pub query: Option<String>,
}

/// A server process and the WAL that it has written since its start (`pg_stat_get_backend_wal`, 18 and newer).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct WalBackend {
    /// `pg_stat_activity.pid`.
    pub pid: i32,
    /// `pg_stat_activity.backend_type`; this and the following columns are `None` when hidden.
    pub backend_type: Option<String>,
    /// `pg_stat_activity.datname`.
    pub database: Option<String>,
    /// `pg_stat_activity.usename`.
    pub role: Option<String>,
    /// `pg_stat_activity.application_name`.
    pub application_name: Option<String>,
    /// `pg_stat_activity.backend_start`.
    pub backend_start: Option<Timestamp>,
    /// WAL in bytes.
    pub wal_bytes: u64,
    /// Number of full-page images.
    pub wal_fpi: u64,
}

impl WalStatements {
    /// Returns the statements and the sum of their WAL in bytes, or the reason why they are unavailable.
    pub fn counted(&self, database: &str) -> Result<(&CountedStatements, u64), Unavailable> {
        let fact = "wal of statements";
        if let Some(object) = &self.foreign_object {
            return Err(object.unavailable(fact));
        }
        let Some(found) = &self.found else {
            if self.is_installed && self.is_loaded {
                let version = self.extension_version.as_deref().unwrap_or("?");
                let reason = format!("extension pg_stat_statements {version} has no member view pg_stat_statements");
                return Err(Unavailable::new(fact, reason).with_hint(Some(UPDATE_EXTENSION)));
            }
            let reason = match (self.is_loaded, self.is_installed) {
                (true, _) => format!("pg_stat_statements is loaded, but not installed in database {database}"),
                (false, _) => "pg_stat_statements is not loaded".to_owned(),
            };
            let hint = match self.is_loaded {
                true => "CREATE EXTENSION pg_stat_statements",
                false => "add it to shared_preload_libraries, restart the server, CREATE EXTENSION pg_stat_statements",
            };
            return Err(Unavailable::new(fact, reason).not_set_up().with_hint(Some(hint)));
        };
        match found.wal_bytes {
            Some(bytes) => Ok((found, bytes)),
            // A sum of no rows is also null.
            None if found.statements.is_empty() && !self.is_older_than_1_8() => Ok((found, 0)),
            None => {
                let version = self.extension_version.as_deref().unwrap_or("?");
                let reason = format!("pg_stat_statements {version} does not count WAL");
                Err(Unavailable::new(fact, reason).not_set_up().with_hint(Some(UPDATE_EXTENSION)))
            }
        }
    }

    /// Returns why the time of the last reset is unknown; `None` when it is known. `major` is the server's major version:
    /// PostgreSQL 13 has no newer pg_stat_statements than 1.8.
    pub fn since_unavailable(&self, major: u32) -> Option<Unavailable> {
        if self.found.as_ref().is_none_or(|found| found.since.is_some()) {
            return None;
        }
        let version = self.extension_version.as_deref().unwrap_or("?");
        let fact = "reset of statement statistics";
        if let Some(LookAlike { name, owner }) = &self.look_alike {
            let owner = quote_identifier(owner);
            let reason = format!(
                "{name} (owner {owner}) is not a member of extension pg_stat_statements {version}; pgtend does not execute it"
            );
            let hint = match major {
                13 => "rename or drop it".to_owned(),
                _ => format!("rename or drop it, then {UPDATE_EXTENSION}"),
            };
            return Some(Unavailable::new(fact, reason).with_hint(Some(hint)));
        }
        let reason = format!("pg_stat_statements {version} has no view pg_stat_statements_info");
        let why = Unavailable::new(fact, reason).not_set_up();
        Some(match major {
            13 => Unavailable { needs_version: Some(14), ..why },
            _ => why.with_hint(Some(UPDATE_EXTENSION)),
        })
    }

    fn is_older_than_1_8(&self) -> bool {
        let Some(version) = &self.extension_version else { return false };
        let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) < (1, 8)
    }
}

/// Rows inserted, updated and deleted in a database since the last reset (`pg_stat_database`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct DatabaseWrites {
    /// `pg_stat_database.datname`.
    pub database: String,
    /// Sum of `tup_inserted`, `tup_updated` and `tup_deleted`.
    pub rows_written: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(json: serde_json::Value) -> WalStatements {
        let mut row = serde_json::json!({"is_loaded": true, "is_installed": true, "extension_version": "1.10",
            "sees_all": true, "found": null});
        row.as_object_mut().unwrap().extend(json.as_object().unwrap().clone());
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn counted_statements_hint_names_the_remedy() {
        let hint = |json| statements(json).counted("shop").unwrap_err().hint.unwrap();
        assert!(hint(serde_json::json!({"is_loaded": false})).contains("shared_preload_libraries"));
        assert_eq!(hint(serde_json::json!({"is_installed": false})), "CREATE EXTENSION pg_stat_statements");
        let empty = serde_json::json!({"wal_bytes": null, "since": null, "statements": []});
        let old = serde_json::json!({"extension_version": "1.7", "found": empty});
        assert_eq!(hint(old), "ALTER EXTENSION pg_stat_statements UPDATE");
        let new = statements(serde_json::json!({"found": empty}));
        assert_eq!(new.counted("shop").unwrap().1, 0, "no statement was counted yet");
    }

    #[test]
    fn untrusted_extension_is_a_gap() {
        let object = serde_json::json!({"extension": "pg_stat_statements", "kind": "VIEW",
            "name": "public.pg_stat_statements", "owner": "app", "superuser": "postgres"});
        let why = statements(serde_json::json!({"foreign_object": object})).counted("shop").unwrap_err();
        assert!(why.reason.contains("public.pg_stat_statements") && why.reason.contains("role app"), "{why:?}");
        assert_eq!(
            why.hint.as_deref(),
            Some("check its definition, then ALTER VIEW public.pg_stat_statements OWNER TO postgres")
        );
        let why = statements(serde_json::json!({})).counted("shop").unwrap_err();
        assert!(why.reason.contains("has no member view pg_stat_statements"), "{why:?}");
        assert_eq!(why.hint.as_deref(), Some(UPDATE_EXTENSION));
    }

    #[test]
    fn unknown_reset_names_the_look_alike() {
        let found = serde_json::json!({"wal_bytes": 5, "since": null, "statements": []});
        let old = serde_json::json!({"extension_version": "1.8", "found": found});
        assert_eq!(statements(old.clone()).since_unavailable(14).unwrap().hint.as_deref(), Some(UPDATE_EXTENSION));
        assert_eq!(statements(old.clone()).since_unavailable(13).unwrap().hint, None);
        let mut with_look_alike = statements(old);
        with_look_alike.look_alike =
            Some(LookAlike { name: "public.pg_stat_statements_info".into(), owner: "app".into() });
        let why = with_look_alike.since_unavailable(14).unwrap();
        assert!(why.reason.contains("public.pg_stat_statements_info (owner app) is not a member"), "{why:?}");
        let found = serde_json::json!({"wal_bytes": 5, "since": "2026-01-01T00:00:00Z", "statements": []});
        assert_eq!(statements(serde_json::json!({"found": found})).since_unavailable(14), None);
    }
}
