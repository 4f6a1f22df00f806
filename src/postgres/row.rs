//! Decoding of rows, including names that are not UTF-8.

use serde::de::DeserializeOwned;
use std::{borrow::Cow, error::Error};
use tokio_postgres::types::{FromSql, Type};

pub use tokio_postgres::{Error as RowError, Row};

/// Text that may contain bytes that are not UTF-8: a database in SQL_ASCII stores any bytes, and the server sends them
/// unchanged. Such bytes become U+FFFD.
pub struct Text(pub String);

impl<'a> FromSql<'a> for Text {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Text(String::from_utf8_lossy(raw).into_owned()))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::TEXT | Type::NAME | Type::VARCHAR)
    }
}

/// The same as [`Text`], borrowed from its row.
pub struct BorrowedText<'a>(pub Cow<'a, str>);

impl<'a> FromSql<'a> for BorrowedText<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(BorrowedText(String::from_utf8_lossy(raw)))
    }

    fn accepts(ty: &Type) -> bool {
        <Text as FromSql>::accepts(ty)
    }
}

/// An OID, which queries cast to `int8`.
#[derive(Clone, Copy)]
pub struct Oid(pub u32);

impl<'a> FromSql<'a> for Oid {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Oid(u32::try_from(i64::from_sql(ty, raw)?)?))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::INT8
    }
}

/// The columns of a fact with many rows, as a struct. They are decoded by position; [`Session::read_columns`] checks
/// the names once for all rows.
///
/// [`Session::read_columns`]: super::Session::read_columns
macro_rules! columns {
    ($(#[$about:meta])* $visibility:vis struct $name:ident<$life:lifetime> { $($column:ident: $type:ty),+ $(,)? }) => {
        $(#[$about])*
        $visibility struct $name<$life> {
            $($column: $type,)+
            row: ::std::marker::PhantomData<&$life ()>,
        }

        impl<$life> $name<$life> {
            /// The names of the columns, in order.
            $visibility const NAMES: &'static [&'static str] = &[$(stringify!($column)),+];

            /// Decodes one row.
            $visibility fn from_row(row: &$life $crate::postgres::Row) -> Result<Self, $crate::postgres::RowError> {
                let mut places = 0..Self::NAMES.len();
                let mut place = || places.next().unwrap_or_default();
                Ok($name { $($column: row.try_get(place())?,)+ row: ::std::marker::PhantomData })
            }
        }
    };
}
pub(crate) use columns;

/// A `jsonb` value decoded into `T`.
pub struct Json<T>(pub T);

impl<'a, T: DeserializeOwned> FromSql<'a> for Json<T> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let text = match (ty, raw) {
            // The binary format of jsonb begins with a version number.
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
