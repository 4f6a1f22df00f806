//! JSON that is safe to print: characters that control a terminal are escaped even where JSON allows them.

use crate::quote::is_unprintable;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};

/// Writes one line.
///
/// # Errors
///
/// Writing or serialization failed.
pub fn write_json(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    write(value, out, CompactFormatter)
}

/// Writes indented lines.
///
/// # Errors
///
/// Writing or serialization failed.
pub fn write_json_pretty(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    write(value, out, PrettyFormatter::new())
}

fn write(value: &impl Serialize, out: &mut impl Write, formatter: impl Formatter) -> io::Result<()> {
    let mut visible = EscapingWriter { buffer: Vec::with_capacity(MAX_BUFFERED), out };
    value.serialize(&mut Serializer::with_formatter(&mut visible, formatter))?;
    visible.write_all(b"\n")?;
    visible.flush()
}

/// Size in bytes of one write.
const MAX_BUFFERED: usize = 1 << 16;

/// Escapes characters that control a terminal. JSON itself escapes ASCII control characters; all others are beyond
/// ASCII, and JSON outside strings is ASCII.
struct EscapingWriter<W> {
    /// Complete characters only: serde_json does not split one between writes.
    buffer: Vec<u8>,
    out: W,
}

impl<W: Write> EscapingWriter<W> {
    fn write_buffered(&mut self) -> io::Result<()> {
        let plain = self.buffer.iter().fold(true, |plain, byte| plain & (*byte < 0x7f));
        if plain {
            self.out.write_all(&self.buffer)?;
        } else {
            let text = std::str::from_utf8(&self.buffer).map_err(io::Error::other)?;
            let mut rest = text;
            while let Some((position, c)) = rest.char_indices().find(|(_, c)| is_unprintable(*c) && !matches!(c, '\n'))
            {
                // All of them are in the basic plane, so one escape each is sufficient.
                write!(self.out, "{}\\u{:04x}", &rest[..position], u32::from(c))?;
                rest = &rest[position + c.len_utf8()..];
            }
            self.out.write_all(rest.as_bytes())?;
        }
        self.buffer.clear();
        Ok(())
    }
}

impl<W: Write> Write for EscapingWriter<W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > MAX_BUFFERED {
            self.write_buffered()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_buffered()?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn json_round_trips_without_controls(text: String) {
            let mut out = Vec::new();
            write_json(&[&text], &mut out).unwrap();
            let out = String::from_utf8(out).unwrap();
            prop_assert!(!out.trim_end().contains(is_unprintable));
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&out).unwrap(), [text]);
        }
    }
}
