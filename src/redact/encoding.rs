//! The encodings of a secret in a text.

use std::{borrow::Cow, ops::Range};

/// A text with one kind of encoding decoded, with the position of each of its bytes in the original.
pub(super) struct View<'a> {
    text: Cow<'a, str>,
    /// For each byte of `text` the start of its character in the original, and the original's length at the end; empty
    /// if both texts are the same.
    starts: Vec<usize>,
}

impl<'a> View<'a> {
    /// Returns the text unchanged, and decoded with each encoding that occurs in it.
    pub(super) fn all(text: &'a str) -> Vec<View<'a>> {
        let mut views = vec![View { text: Cow::Borrowed(text), starts: Vec::new() }];
        if text.contains('%') {
            views.push(View::decoded(text, percent));
        }
        if text.contains('\\') {
            views.push(View::decoded(text, backslash));
            views.push(View::decoded(text, control));
        }
        if text.contains("''") || text.contains("\"\"") {
            views.push(View::decoded(text, doubled_quote));
        }
        views
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the range of the original from which a range of this text was decoded.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        if self.starts.is_empty() {
            return range;
        }
        self.starts[range.start]..self.starts[range.end]
    }

    /// Decodes a text. `decode` returns the first character of an encoded text and the number of bytes of its encoding.
    fn decoded(text: &str, decode: impl Fn(&str) -> Option<(char, usize)>) -> View<'static> {
        let (mut plain, mut starts) = (String::with_capacity(text.len()), Vec::with_capacity(text.len() + 1));
        let mut position = 0;
        while let Some(next) = text[position..].chars().next() {
            let (character, length) = decode(&text[position..]).unwrap_or((next, next.len_utf8()));
            plain.push(character);
            starts.resize(plain.len(), position);
            position += length;
        }
        starts.push(text.len());
        View { text: Cow::Owned(plain), starts }
    }
}

/// Decodes `%41`, and several of these as one character of UTF-8.
fn percent(text: &str) -> Option<(char, usize)> {
    let byte = |number: usize| {
        let encoded = text.get(number * 3..number * 3 + 3)?.strip_prefix('%')?;
        encoded.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u8::from_str_radix(encoded, 16).ok())?
    };
    let bytes: Vec<u8> = (0..4).map_while(byte).collect();
    (1..=bytes.len()).find_map(|length| {
        let character = std::str::from_utf8(&bytes[..length]).ok()?.chars().next()?;
        Some((character, length * 3))
    })
}

/// Decodes the escapes of pgtend's output: control characters, but no backslash (`render::visible`).
fn control(text: &str) -> Option<(char, usize)> {
    let escaped = text.strip_prefix('\\')?;
    if escaped.starts_with(['n', 'r', 't']) || escaped.starts_with("u{") { backslash(text) } else { None }
}

/// Decodes `\n`, `\"`, `\u00fc`, `\u{fc}`: JSON, Rust, conninfo strings, SQL's escape strings.
fn backslash(text: &str) -> Option<(char, usize)> {
    let escaped = text.strip_prefix('\\')?.chars().next()?;
    let simple = |character| Some((character, 1 + escaped.len_utf8()));
    match escaped {
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'b' => simple('\u{8}'),
        'f' => simple('\u{c}'),
        '0' => simple('\0'),
        'u' => unicode(text),
        other => simple(other),
    }
}

fn unicode(text: &str) -> Option<(char, usize)> {
    if let Some(braced) = text.strip_prefix("\\u{") {
        let digits = &braced[..braced.find('}').filter(|length| *length <= 6)?];
        return Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, digits.len() + 4));
    }
    let unit = |position: usize| {
        let digits = text.get(position..position + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(0)?;
    let pair = char::decode_utf16([Some(first), unit(6)].into_iter().flatten()).next()?.ok()?;
    Some((pair, 6 * pair.len_utf16()))
}

/// Decodes `''` and `""`: SQL's literals and identifiers, CSV.
fn doubled_quote(text: &str) -> Option<(char, usize)> {
    if text.starts_with("''") {
        return Some(('\'', 2));
    }
    text.starts_with("\"\"").then_some(('"', 2))
}

/// Returns the bytes in hexadecimal, in lower and in upper case.
pub(super) fn hexadecimal(bytes: &[u8]) -> [String; 2] {
    let small: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let capital = small.to_ascii_uppercase();
    [small, capital]
}

/// Returns the characters of base64 (standard and URL-safe) that depend on these bytes only, for each offset of the
/// bytes in the encoded text.
pub(super) fn base64_cores(bytes: &[u8]) -> Vec<String> {
    let mut cores = Vec::new();
    for offset in 0..3 {
        let padded: Vec<u8> = std::iter::repeat_n(0, offset).chain(bytes.iter().copied()).collect();
        // The first characters contain bits of the preceding bytes, the last ones of the following bytes.
        let (first, last) = ((offset * 8).div_ceil(6), padded.len() * 8 / 6);
        let digits: Vec<u8> = (first..last).map(|position| sextet(&padded, position)).collect();
        for end in [b"+/", b"-_"] {
            cores.push(digits.iter().map(|digit| character(*digit, *end)).collect());
        }
    }
    cores.sort_unstable();
    cores.dedup();
    cores
}

fn sextet(bytes: &[u8], position: usize) -> u8 {
    let bit = position * 6;
    let byte = |index: usize| u16::from(bytes.get(index).copied().unwrap_or(0));
    let two = byte(bit / 8) << 8 | byte(bit / 8 + 1);
    u8::try_from(two >> (10 - bit % 8) & 0x3f).unwrap_or(0)
}

fn character(digit: u8, end: [u8; 2]) -> char {
    char::from(match digit {
        0..26 => b'A' + digit,
        26..52 => b'a' + (digit - 26),
        52..62 => b'0' + (digit - 52),
        62 => end[0],
        _ => end[1],
    })
}
