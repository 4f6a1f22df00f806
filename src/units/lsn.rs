//! Positions in the write-ahead log.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::hash::{Hash, Hasher};
use std::{borrow::Cow, cmp::Ordering, fmt, str::FromStr};

/// A log sequence number: a byte position in the WAL stream, written `16/B374D848`
/// (PostgreSQL manual, 8.20 "pg_lsn Type").
///
/// From 19 on, the server pads the second half with zeros (`0/08975FA0`). A position is printed as it was read, so that it
/// can be found in the server's log. Comparisons ignore the padding.
#[derive(Clone, Copy, Debug)]
pub struct Lsn {
    position: u64,
    is_padded: bool,
}

/// First version that pads the second half with zeros.
const FIRST_PADDED_VERSION: u32 = 190_000;

impl Lsn {
    /// Returns the position, printed as by servers before 19.
    pub const fn new(position: u64) -> Lsn {
        Lsn { position, is_padded: false }
    }

    /// Returns the byte position.
    pub const fn position(self) -> u64 {
        self.position
    }

    /// Returns the same position as a server of this version prints it (`server_version_num`).
    #[must_use]
    pub const fn printed_by(self, version_num: u32) -> Lsn {
        Lsn { is_padded: version_num >= FIRST_PADDED_VERSION, ..self }
    }

    /// Returns the bytes of WAL from `earlier` to this position; 0 if `earlier` is later.
    pub fn bytes_since(self, earlier: Lsn) -> u64 {
        self.position.saturating_sub(earlier.position)
    }

    /// Returns the position `bytes` before this one, at least 0.
    pub fn saturating_sub(self, bytes: u64) -> Lsn {
        Lsn { position: self.position.saturating_sub(bytes), ..self }
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (high, low) = (self.position >> 32, self.position & 0xFFFF_FFFF);
        if self.is_padded { write!(f, "{high:X}/{low:08X}") } else { write!(f, "{high:X}/{low:X}") }
    }
}

impl PartialEq for Lsn {
    fn eq(&self, other: &Lsn) -> bool {
        self.position == other.position
    }
}

impl Eq for Lsn {}

impl PartialOrd for Lsn {
    fn partial_cmp(&self, other: &Lsn) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Lsn {
    fn cmp(&self, other: &Lsn) -> Ordering {
        self.position.cmp(&other.position)
    }
}

impl Hash for Lsn {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.position.hash(state);
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
            .and_then(|(high, low)| {
                let is_padded = low.len() == 8 && low.starts_with('0');
                Some(Lsn { position: half(high)? << 32 | half(low)?, is_padded })
            })
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
        assert_eq!(Lsn::new(10).bytes_since(Lsn::new(4)), 6);
        assert_eq!(Lsn::new(4).bytes_since(Lsn::new(10)), 0);
        assert_eq!(Lsn::new(4).saturating_sub(10), Lsn::new(0));
    }

    #[test]
    fn lsn_prints_as_read() {
        for text in ["0/8975FA0", "0/08975FA0", "16/B374D848", "0/00000000", "0/0"] {
            assert_eq!(text.parse::<Lsn>().unwrap().to_string(), text);
        }
        let (padded, plain): (Lsn, Lsn) = ("0/08975FA0".parse().unwrap(), "0/8975FA0".parse().unwrap());
        assert_eq!(padded, plain);
        assert_eq!(plain.printed_by(190_000).to_string(), "0/08975FA0");
        assert_eq!(padded.printed_by(180_004).to_string(), "0/8975FA0");
        assert_eq!(padded.saturating_sub(1).to_string(), "0/08975F9F");
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
            prop_assert_eq!(Lsn::new(position).to_string().parse(), Ok(Lsn::new(position)));
        }
    }
}
