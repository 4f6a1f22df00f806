//! Positions in the write-ahead log.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{borrow::Cow, fmt, str::FromStr};

/// A log sequence number: a byte position in the WAL stream, written `16/B374D848`
/// (PostgreSQL manual, 8.20 "pg_lsn Type").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

impl Lsn {
    /// Returns the bytes of WAL from `earlier` to this position; 0 if `earlier` is later.
    pub fn bytes_since(self, earlier: Lsn) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the position `bytes` before this one, at least 0.
    pub fn saturating_sub(self, bytes: u64) -> Lsn {
        Lsn(self.0.saturating_sub(bytes))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

/// The error for a text that is not an LSN.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not an LSN, e.g. 16/B374D848")]
pub struct ParseLsnError(String);

impl FromStr for Lsn {
    type Err = ParseLsnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let half = |digits: &str| {
            let plain = (1..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
            plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
        };
        text.split_once('/')
            .and_then(|(high, low)| Some(Lsn(half(high)? << 32 | half(low)?)))
            .ok_or_else(|| ParseLsnError(text.to_owned()))
    }
}

impl Serialize for Lsn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Lsn {
    fn schema_name() -> Cow<'static, str> {
        "Lsn".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A position in the write-ahead log, as the server prints it.",
            "type": "string",
            "pattern": "^[0-9A-F]{1,8}/[0-9A-F]{1,8}$",
        })
    }
}

impl<'de> Deserialize<'de> for Lsn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lsn_rejects_malformed_text() {
        for text in ["", "/", "16", "16/", "/16", "1/2/3", "+1/2", "g/0", "123456789/0", "0/ 1"] {
            let error = text.parse::<Lsn>().unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{text}: {error}");
        }
    }

    #[test]
    fn lsn_distance_never_wraps() {
        assert_eq!(Lsn(10).bytes_since(Lsn(4)), 6);
        assert_eq!(Lsn(4).bytes_since(Lsn(10)), 0);
        assert_eq!(Lsn(4).saturating_sub(10), Lsn(0));
    }

    proptest! {
        #[test]
        fn lsn_parse_never_panics(text: String, digits in "[0-9a-fA-F]{0,20}/[0-9a-fA-F]{0,20}") {
            for text in [text, digits] {
                if let Ok(lsn) = text.parse::<Lsn>() {
                    prop_assert_eq!(lsn.to_string().parse(), Ok(lsn));
                }
            }
        }

        #[test]
        fn lsn_display_parses_back(position: u64) {
            prop_assert_eq!(Lsn(position).to_string().parse(), Ok(Lsn(position)));
        }
    }
}
