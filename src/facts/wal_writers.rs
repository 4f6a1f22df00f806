//! Statements, processes and databases that write WAL.

use super::{ForeignObject, LookAlike, Unavailable};
use crate::quote::quote_identifier;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The statement that adds what an older version of the extension lacks.
const UPDATE_EXTENSION: &str = "ALTER EXTENSION pg_stat_statements UPDATE";

/// What pg_stat_statements counted, where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalStatements {
    /// The server runs the library (`shared_preload_libraries`).
    pub is_loaded: bool,
    /// The extension is installed in the database that was asked.
    pub is_installed: bool,
    /// `pg_extension.extversion`; `None` if it is not installed.
    pub extension_version: Option<String>,
    /// Whether the role may see what others run.
    pub sees_all: bool,
    /// An object of the extension that is not trusted; then nothing was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_object: Option<ForeignObject>,
    /// A relation in the extension's schema that is called `pg_stat_statements_info` and is no member of the extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_alike: Option<LookAlike>,
    /// `None` where the extension is not installed or not trusted.
    pub found: Option<CountedStatements>,
}

/// The statements of all databases and roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedStatements {
    /// WAL of all statements it knows of; `None` where it counts none, before its version 1.8.
    pub wal_bytes: Option<u64>,
    /// Since when it counts; `None` before version 1.9 of the extension.
    pub since: Option<Timestamp>,
    /// Those that wrote most, at most ten.
    pub statements: Vec<WalStatement>,
}

/// One normalised statement of one role in one database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalStatement {
    /// A number too large for JSON's, hence text; `None` when hidden.
    pub queryid: Option<String>,
    /// `None` when the database, or the role, has gone.
    pub database: Option<String>,
    /// `None` when the role is gone.
    pub role: Option<String>,
    /// `pg_stat_statements.calls`.
    pub calls: u64,
    /// `pg_stat_statements.wal_bytes`.
    pub wal_bytes: u64,
    /// Full page images.
    pub wal_fpi: u64,
    /// Its first words, up to its first literal and without comments; `None` when hidden.
    pub query: Option<String>,
}

/// A process of the server and the WAL it wrote since it began (`pg_stat_get_backend_wal`, 18 and newer).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalBackend {
    /// `pg_stat_activity.pid`.
    pub pid: i32,
    /// What of another role's process is hidden is `None`.
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
    /// The statements with all their WAL, or why there are none and what would help.
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
                (false, _) => "pg_stat_statements is not there".to_owned(),
            };
            let hint = match self.is_loaded {
                true => "CREATE EXTENSION pg_stat_statements",
                false => "add it to shared_preload_libraries, restart, CREATE EXTENSION pg_stat_statements",
            };
            return Err(Unavailable::new(fact, reason).not_set_up().with_hint(Some(hint)));
        };
        match found.wal_bytes {
            Some(bytes) => Ok((found, bytes)),
            // A sum of no rows is null, too.
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

/// Rows inserted, updated and deleted in a database since its statistics began (`pg_stat_database`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        assert_eq!(new.counted("shop").unwrap().1, 0, "it has seen no statement yet");
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
