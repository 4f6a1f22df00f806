//! Values of connection strings (PostgreSQL 18 manual, 32.1.1.1 Keyword/Value Connection Strings).

/// Quotes a value for `key=value`.
pub fn quote_conninfo_value(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Returns whether libpq interprets a database name as a connection string (PostgreSQL source,
/// `src/interfaces/libpq/fe-connect.c`, `recognized_connection_string`).
pub fn is_connection_string(name: &str) -> bool {
    name.starts_with("postgresql://") || name.starts_with("postgres://") || name.contains('=')
}
