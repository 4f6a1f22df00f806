//! Decoding what the server sends, whatever bytes its names are made of.

use serde::de::DeserializeOwned;
use std::error::Error;
use tokio_postgres::types::{FromSql, Type};

pub use tokio_postgres::{Error as RowError, Row};

/// Text that may hold bytes which are no UTF-8: a database in SQL_ASCII stores whatever it was given, and the server
/// sends it as it is. Such bytes become U+FFFD.
pub struct Text(pub String);

impl<'a> FromSql<'a> for Text {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Text(String::from_utf8_lossy(raw).into_owned()))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::TEXT | Type::NAME | Type::VARCHAR)
    }
}

/// A `jsonb` value decoded into `T`, which is then the only statement of the fact's columns.
pub struct Json<T>(pub T);

impl<'a, T: DeserializeOwned> FromSql<'a> for Json<T> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let text = match (ty, raw) {
            // jsonb travels with a leading format version.
            (&Type::JSONB, [1, text @ ..]) => text,
            (&Type::JSONB, _) => return Err("unknown jsonb format".into()),
            (_, text) => text,
        };
        Ok(Json(serde_json::from_str(&String::from_utf8_lossy(text))?))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::JSON | Type::JSONB)
    }
}
