//! JSON, safe to print: what would steer a terminal is escaped even where JSON would let it stand.

use super::escape::is_unsafe;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};

/// One line.
pub fn json(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    write(value, out, CompactFormatter)
}

/// Indented, for people.
pub fn json_pretty(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    write(value, out, PrettyFormatter::new())
}

fn write(value: &impl Serialize, out: &mut impl Write, formatter: impl Formatter) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Visible(formatter)))?;
    out.write_all(b"\n")
}

/// A formatter whose strings hold no character that a terminal would obey.
struct Visible<F>(F);

macro_rules! as_inside {
    ($($name:ident($($argument:ident: $type:ty),*);)+) => {
        $(fn $name<W: ?Sized + Write>(&mut self, writer: &mut W, $($argument: $type),*) -> io::Result<()> {
            self.0.$name(writer, $($argument),*)
        })+
    };
}

impl<F: Formatter> Formatter for Visible<F> {
    as_inside! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Nearly all there is.
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_unsafe(*c)) {
            // None of them lies beyond the basic plane, so one escape each will do.
            write!(writer, "{}\\u{:04x}", &rest[..at], u32::from(c))?;
            rest = &rest[at + c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reads_back_the_same_and_steers_nothing(text: String) {
            let mut out = Vec::new();
            json(&[&text], &mut out).unwrap();
            let out = String::from_utf8(out).unwrap();
            prop_assert!(!out.trim_end().contains(is_unsafe));
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&out).unwrap(), [text]);
        }
    }
}
