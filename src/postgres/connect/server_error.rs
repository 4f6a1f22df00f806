//! ErrorResponse and NoticeResponse, with fields truncated to a limit.

use crate::redact;
use tokio_postgres::error::DbError;

/// Maximum size of one field of an error or notice, in bytes.
pub(super) const MAX_FIELD: usize = 8 << 10;

/// An error or notice of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerError {
    /// `FATAL`, not localized if the server sends it so.
    pub severity: String,
    /// The SQLSTATE: five characters.
    pub sqlstate: String,
    /// The primary message.
    pub message: String,
    /// The detail, if there is one.
    pub detail: Option<String>,
    /// The hint, if there is one.
    pub hint: Option<String>,
}

impl ServerError {
    /// Reads the body of an ErrorResponse or NoticeResponse (PostgreSQL manual, 53.8 Error and Notice Message Fields).
    /// A truncated body has the fields that remain.
    pub(super) fn parse(body: &[u8]) -> Self {
        let mut error = Self::default();
        for (code, value) in fields(body) {
            let text = || truncate_text(value);
            match code {
                // 'V' is 'S' without localization, and follows it.
                b'S' | b'V' => error.severity = text(),
                b'C' => error.sqlstate = text(),
                b'M' => error.message = text(),
                b'D' => error.detail = Some(text()),
                b'H' => error.hint = Some(text()),
                _ => {}
            }
        }
        error
    }
}

impl From<&DbError> for ServerError {
    fn from(error: &DbError) -> Self {
        let text = |text: &str| truncate_text(text.as_bytes());
        Self {
            severity: text(error.severity()),
            sqlstate: text(error.code().code()),
            message: text(error.message()),
            detail: error.detail().map(text),
            hint: error.hint().map(text),
        }
    }
}

/// Returns a valid body with every field truncated to [`MAX_FIELD`].
pub(super) fn truncate_fields(body: &[u8]) -> Vec<u8> {
    let mut short = Vec::new();
    for (code, value) in fields(body) {
        short.push(code);
        short.extend(truncate_text(value).as_bytes());
        short.push(0);
    }
    short.push(0);
    short
}

fn fields(mut body: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (code, rest) = body.split_first().filter(|(code, _)| **code != 0)?;
        let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
        let (value, after) = rest.split_at(end);
        body = after.get(1..).unwrap_or_default();
        Some((*code, value))
    })
}

/// Returns the text without the secrets of this process, truncated to [`MAX_FIELD`] bytes and an ellipsis. Bytes that
/// are not UTF-8 become U+FFFD.
fn truncate_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    // Before the truncation, so that no part of a secret remains at the end.
    let text = redact::foreign(&text);
    if text.len() <= MAX_FIELD {
        return text.into_owned();
    }
    // With the added note it is not longer than a complete field.
    let end = text.floor_char_boundary(MAX_FIELD - 64);
    format!("{}… ({} bytes in all)", text.get(..end).unwrap_or_default(), bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_error_parses_truncated_body() {
        for body in [&b""[..], b"\0", b"S", b"SFATAL", b"SFATAL\0", b"SFATAL\0M", b"\xff\xff"] {
            let error = ServerError::parse(body);
            assert!(error.message.is_empty(), "{error:?}");
            assert_eq!(truncate_fields(body).last(), Some(&0));
        }
    }

    #[test]
    fn server_error_reads_its_fields() {
        let error = ServerError::parse(b"SFATALE\0VFATAL\0C28P01\0Mno\0Dsecond\0Hdo it\0Fx.c\0\0");
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            (error.severity.as_str(), error.sqlstate.as_str(), error.message.as_str()),
            ("FATAL", "28P01", "no")
        );
        assert_eq!((error.detail, error.hint), (text("second"), text("do it")));
    }

    #[test]
    fn server_error_truncates_at_char_boundary() {
        let long = "é".repeat(MAX_FIELD);
        let body = [b"C28P01\0Mx", long.as_bytes(), b"\0\0"].concat();
        let error = ServerError::parse(&body);
        assert!(error.message.len() <= MAX_FIELD, "{}", error.message.len());
        assert!(error.message.ends_with("é… (16385 bytes in all)"), "{}", error.message.len());
        let short = truncate_fields(&body);
        assert!(short.len() < MAX_FIELD + 60);
        assert_eq!(ServerError::parse(&short).message, error.message);
    }
}
