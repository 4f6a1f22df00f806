//! The managed service that runs the server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The managed service that runs a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// No managed service was detected.
    Unknown,
    /// Amazon RDS for PostgreSQL.
    Rds,
    /// Amazon Aurora PostgreSQL.
    Aurora,
    /// Google Cloud SQL for PostgreSQL.
    Cloudsql,
    /// Azure Database for PostgreSQL.
    Azure,
    /// Google AlloyDB.
    Alloydb,
    /// Neon.
    Neon,
    /// Supabase, also self-hosted.
    Supabase,
}

impl Provider {
    /// Returns the name in options and configuration.
    const NAMES: [(&str, Provider); 8] = [
        ("self", Provider::Unknown),
        ("rds", Provider::Rds),
        ("aurora", Provider::Aurora),
        ("cloudsql", Provider::Cloudsql),
        ("azure", Provider::Azure),
        ("alloydb", Provider::Alloydb),
        ("neon", Provider::Neon),
        ("supabase", Provider::Supabase),
    ];

    /// Parses a provider's name; `self` is a server without a managed service.
    pub fn from_name(text: &str) -> Result<Provider, String> {
        let found = Self::NAMES.iter().find(|(name, _)| *name == text).map(|(_, provider)| *provider);
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::NAMES.iter().map(|(name, _)| *name).collect();
            format!("unknown provider; expected one of {}", names.join(", "))
        })
    }

    /// Returns the name of the service for people.
    pub fn name(self) -> &'static str {
        match self {
            Provider::Unknown => "no managed service detected",
            Provider::Rds => "Amazon RDS",
            Provider::Aurora => "Amazon Aurora",
            Provider::Cloudsql => "Google Cloud SQL",
            Provider::Azure => "Azure Database for PostgreSQL",
            Provider::Alloydb => "Google AlloyDB",
            Provider::Neon => "Neon",
            Provider::Supabase => "Supabase",
        }
    }
}

/// Settings, roles and functions that identify a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct ProviderMarks {
    /// Whether the function `aurora_version` exists.
    pub aurora_function: bool,
    /// Whether `version()` contains Aurora.
    pub aurora_version: bool,
    /// Prefixes of setting names, such as `rds` of `rds.extensions`.
    pub setting_prefixes: Vec<String>,
    /// Names of roles that services create, such as `rds_superuser`.
    pub roles: Vec<String>,
}

impl ProviderMarks {
    /// Returns the provider. Aurora also has the marks of RDS, and AlloyDB those of Cloud SQL, so these two are tested
    /// first (docs/reference/providers.md#detection).
    pub fn provider(&self) -> Provider {
        let prefix = |name: &str| self.setting_prefixes.iter().any(|p| p == name);
        let role = |name: &str| self.roles.iter().any(|r| r == name);
        if self.aurora_function || self.aurora_version {
            Provider::Aurora
        } else if prefix("rds") || role("rds_superuser") {
            Provider::Rds
        } else if prefix("alloydb") || role("alloydbsuperuser") {
            Provider::Alloydb
        } else if prefix("cloudsql") || role("cloudsqlsuperuser") {
            Provider::Cloudsql
        } else if prefix("azure") || role("azure_pg_admin") {
            Provider::Azure
        } else if prefix("neon") || role("neon_superuser") {
            Provider::Neon
        } else if role("supabase_admin") {
            Provider::Supabase
        } else {
            Provider::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(prefixes: &[&str], roles: &[&str]) -> ProviderMarks {
        ProviderMarks {
            setting_prefixes: prefixes.iter().map(|s| s.to_string()).collect(),
            roles: roles.iter().map(|s| s.to_string()).collect(),
            ..ProviderMarks::default()
        }
    }

    #[test]
    fn provider_prefers_the_specific_service() {
        assert_eq!(marks(&[], &[]).provider(), Provider::Unknown);
        assert_eq!(marks(&["rds"], &["rds_superuser"]).provider(), Provider::Rds);
        let aurora = ProviderMarks { aurora_function: true, ..marks(&["rds"], &["rds_superuser"]) };
        assert_eq!(aurora.provider(), Provider::Aurora);
        assert_eq!(marks(&["alloydb", "cloudsql"], &[]).provider(), Provider::Alloydb);
        assert_eq!(marks(&["cloudsql"], &[]).provider(), Provider::Cloudsql);
        assert_eq!(marks(&[], &["azure_pg_admin"]).provider(), Provider::Azure);
        assert_eq!(marks(&["neon"], &[]).provider(), Provider::Neon);
        assert_eq!(marks(&[], &["supabase_admin"]).provider(), Provider::Supabase);
    }
}
