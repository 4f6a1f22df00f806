//! Checks the bodies of the server's messages before a driver decodes them.
//!
//! sqlx-postgres 0.9.0 reads `ParameterDescription` and `ReadyForQuery` without checking their length, trusts the
//! lengths of the values in a `DataRow` and the number of its columns, and reads the first byte of an empty boolean
//! (`src/message/parameter_description.rs`, `ready_for_query.rs`, `data_row.rs`, `src/types/bool.rs`): it panics if
//! they are wrong. The formats are those of the PostgreSQL manual, 53.7 Message Formats.

use std::sync::Arc;

/// The type OIDs of the columns of a row.
pub(super) type Columns = Arc<[u32]>;

/// A description of an invalid body.
pub(super) type Flaw = &'static str;

/// The OID of `boolean`: one byte in text (`t`) and in binary format.
const BOOL: u32 = 16;

/// The types that statements of the history use. For other types, sqlx queries the server, and decodes the arrays and
/// records of the answer without checking their lengths (`src/types/array.rs`, `record.rs`).
const KNOWN_TYPES: [u32; 13] = [
    BOOL, 17,   // bytea
    18,   // "char"
    19,   // name
    20,   // bigint
    21,   // smallint
    23,   // integer
    25,   // text
    26,   // oid
    1043, // character varying
    1184, // timestamp with time zone
    1700, // numeric
    2278, // void
];

/// The longest command tag with its closing NUL, in bytes (PostgreSQL's `src/include/tcop/cmdtag.h`,
/// COMPLETION_TAG_BUFSIZE).
const MAX_COMMAND_TAG: usize = 64;

/// Number of digits of the largest accepted row count. sqlx adds the counts of a query without an overflow check.
const MAX_COUNT_DIGITS: usize = 12;

/// Reads a RowDescription.
pub(super) fn row_description(body: &[u8]) -> Result<Columns, Flaw> {
    const SHORT: Flaw = "a row description ends early";
    let (count, mut rest) = body.split_first_chunk().ok_or(SHORT)?;
    let mut columns = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let name = rest.iter().position(|byte| *byte == 0).ok_or(SHORT)?;
        // Table and column of the table, type, its size and modifier, format.
        let (fields, next) = rest.get(name + 1..).and_then(|rest| rest.split_first_chunk::<18>()).ok_or(SHORT)?;
        let [_, _, _, _, _, _, oid @ .., _, _, _, _, _, _, _, _] = *fields;
        columns.push(known_type(oid)?);
        rest = next;
    }
    exhausted(rest).map(|()| columns.into())
}

/// Checks a ParameterDescription.
pub(super) fn parameter_description(body: &[u8]) -> Result<(), Flaw> {
    const SHORT: Flaw = "a parameter description ends early";
    let (count, mut rest) = body.split_first_chunk().ok_or(SHORT)?;
    for _ in 0..u16::from_be_bytes(*count) {
        let (oid, next) = rest.split_first_chunk().ok_or(SHORT)?;
        known_type(*oid)?;
        rest = next;
    }
    exhausted(rest)
}

/// Checks a DataRow against its description.
pub(super) fn data_row(columns: &[u32], body: &[u8]) -> Result<(), Flaw> {
    const SHORT: Flaw = "a row ends early";
    let (count, mut rest) = body.split_first_chunk().ok_or(SHORT)?;
    if usize::from(u16::from_be_bytes(*count)) != columns.len() {
        return Err("a row does not match its row description");
    }
    for column in columns {
        let (length, next) = rest.split_first_chunk().ok_or(SHORT)?;
        rest = match i32::from_be_bytes(*length) {
            -1 => next,
            length => {
                let length = usize::try_from(length).map_err(|_| "a value has a negative length")?;
                if *column == BOOL && length != 1 {
                    return Err("a boolean is not one byte long");
                }
                next.get(length..).ok_or(SHORT)?
            }
        };
    }
    exhausted(rest)
}

/// Checks a CommandComplete.
pub(super) fn command_complete(body: &[u8]) -> Result<(), Flaw> {
    let tag = body.strip_suffix(&[0]).filter(|tag| body.len() <= MAX_COMMAND_TAG && !tag.contains(&0));
    let tag = tag.ok_or("a command tag is not text")?;
    let digits = tag.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > MAX_COUNT_DIGITS { Err("a command tag has an impossible number of rows") } else { Ok(()) }
}

/// Checks a ReadyForQuery.
pub(super) fn ready_for_query(body: &[u8]) -> Result<(), Flaw> {
    match body {
        [b'I' | b'T' | b'E'] => Ok(()),
        _ => Err("an unknown transaction status"),
    }
}

/// Checks that no bytes are left.
pub(super) fn exhausted(rest: &[u8]) -> Result<(), Flaw> {
    if rest.is_empty() { Ok(()) } else { Err("a message is longer than its contents") }
}

fn known_type(oid: [u8; 4]) -> Result<u32, Flaw> {
    let oid = u32::from_be_bytes(oid);
    KNOWN_TYPES.contains(&oid).then_some(oid).ok_or("a type that no statement of the history uses")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INT8: u32 = 20;

    fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        for value in values {
            body.extend(value.map_or(-1, |value| i32::try_from(value.len()).unwrap()).to_be_bytes());
            body.extend(value.unwrap_or_default());
        }
        body
    }

    fn description(types: &[u32]) -> Vec<u8> {
        let mut body = u16::try_from(types.len()).unwrap().to_be_bytes().to_vec();
        for oid in types {
            body.extend(b"name\0\0\0\0\0\0\0");
            body.extend(oid.to_be_bytes());
            body.extend([0, 8, 0xff, 0xff, 0xff, 0xff, 0, 0]);
        }
        body
    }

    #[test]
    fn bodies_refuse_rows_whose_lengths_do_not_fit() {
        let whole = row(&[Some(&7_i64.to_be_bytes()), Some(b"t")]);
        let columns = [INT8, BOOL];
        for end in 0..whole.len() {
            assert!(data_row(&columns, &whole[..end]).is_err(), "{end}");
        }
        assert!(data_row(&columns, &[&whole, &[0][..]].concat()).is_err(), "a byte too many");
        for length in [-2, i32::MIN, i32::MAX, 9, 14] {
            let mut damaged = whole.clone();
            damaged[2..6].copy_from_slice(&length.to_be_bytes());
            assert!(data_row(&columns, &damaged).is_err(), "{length}");
        }
    }

    #[test]
    fn bodies_refuse_rows_with_other_columns_than_described() {
        let body = row(&[None, None]);
        for columns in [&[][..], &[INT8], &[INT8, INT8, INT8]] {
            assert_eq!(data_row(columns, &body), Err("a row does not match its row description"));
        }
    }

    #[test]
    fn bodies_refuse_booleans_of_other_lengths() {
        for value in [&b""[..], b"tt", b"true"] {
            assert_eq!(data_row(&[BOOL], &row(&[Some(value)])), Err("a boolean is not one byte long"));
        }
    }

    #[test]
    fn bodies_refuse_descriptions_that_are_cut_or_too_long() {
        let whole = description(&[INT8, BOOL]);
        for end in 0..whole.len() {
            assert!(row_description(&whole[..end]).is_err(), "{end}");
        }
        assert!(row_description(&[&whole, &[0][..]].concat()).is_err());
        let parameters = [&[0, 2][..], &INT8.to_be_bytes(), &BOOL.to_be_bytes()].concat();
        for end in 0..parameters.len() {
            assert!(parameter_description(&parameters[..end]).is_err(), "{end}");
        }
        assert!(parameter_description(&[&parameters, &[0][..]].concat()).is_err());
        parameter_description(&parameters).unwrap();
    }

    #[test]
    fn bodies_refuse_types_that_the_driver_would_ask_for() {
        for oid in [0, 1_007, 2_249, 16_384, u32::MAX] {
            assert!(row_description(&description(&[oid])).is_err(), "{oid}");
            assert!(parameter_description(&[&[0, 1][..], &oid.to_be_bytes()].concat()).is_err(), "{oid}");
        }
    }

    #[test]
    fn bodies_refuse_command_tags_and_states_of_no_server() {
        for tag in [&b""[..], b"SELECT 1", b"SELECT\0 1\0", b"INSERT 0 18446744073709551615\0", &[b'x'; 65]] {
            assert!(command_complete(tag).is_err(), "{tag:?}");
        }
        for status in [&b""[..], b"X", b"II"] {
            assert!(ready_for_query(status).is_err(), "{status:?}");
        }
    }

    #[test]
    fn bodies_accept_what_servers_send() {
        assert_eq!(*row_description(&description(&[INT8, BOOL])).unwrap(), [INT8, BOOL]);
        assert!(row_description(&[0, 0]).unwrap().is_empty());
        parameter_description(&[0, 0]).unwrap();
        data_row(&[INT8, BOOL, INT8], &row(&[Some(&[0; 8]), Some(&[1]), None])).unwrap();
        data_row(&[], &[0, 0]).unwrap();
        for tag in [&b"SELECT 1\0"[..], b"INSERT 0 100000\0", b"BEGIN\0", b"CREATE TABLE\0", b"SELECT 999999999999\0"] {
            command_complete(tag).unwrap();
        }
        for status in [b"I", b"T", b"E"] {
            ready_for_query(status).unwrap();
        }
    }

    proptest! {
        #[test]
        fn bodies_never_panic(columns: Vec<u32>, body: Vec<u8>) {
            let _ = (row_description(&body), parameter_description(&body), data_row(&columns, &body));
            let _ = (command_complete(&body), ready_for_query(&body));
        }
    }
}
