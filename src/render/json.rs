//! JSON, safe to print: what would steer a terminal is escaped even where JSON would let it stand.

use crate::model::is_unprintable;
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
    let mut visible = Visible { kept: Vec::with_capacity(MOST_KEPT), out };
    value.serialize(&mut Serializer::with_formatter(&mut visible, formatter))?;
    visible.write_all(b"\n")?;
    visible.flush()
}

/// Bytes that are written at once.
const MOST_KEPT: usize = 1 << 16;

/// Lets no character through that a terminal would obey. JSON escapes the controls of ASCII itself; all others lie
/// beyond it, and outside its strings JSON is ASCII.
struct Visible<W> {
    /// Whole characters: nobody writes half of one.
    kept: Vec<u8>,
    out: W,
}

impl<W: Write> Visible<W> {
    fn pass_on(&mut self) -> io::Result<()> {
        let plain = self.kept.iter().fold(true, |plain, byte| plain & (*byte < 0x7f));
        if plain {
            self.out.write_all(&self.kept)?;
        } else {
            let text = std::str::from_utf8(&self.kept).map_err(io::Error::other)?;
            let mut rest = text;
            while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_unprintable(*c) && !matches!(c, '\n')) {
                // None of them lies beyond the basic plane, so one escape each will do.
                write!(self.out, "{}\\u{:04x}", &rest[..at], u32::from(c))?;
                rest = &rest[at + c.len_utf8()..];
            }
            self.out.write_all(rest.as_bytes())?;
        }
        self.kept.clear();
        Ok(())
    }
}

impl<W: Write> Write for Visible<W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.kept.len() + bytes.len() > MOST_KEPT {
            self.pass_on()?;
        }
        self.kept.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on()?;
        self.out.flush()
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
            prop_assert!(!out.trim_end().contains(is_unprintable));
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&out).unwrap(), [text]);
        }
    }
}
