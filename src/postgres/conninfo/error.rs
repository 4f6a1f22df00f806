use std::fmt;

/// An invalid or unsupported connection request.
///
/// The message never contains a password; the hint is the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConninfoError {
    message: String,
    hint: Option<String>,
}

impl ConninfoError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Prefixes the message with the origin of the faulty text.
    pub(super) fn in_source(mut self, source: &str) -> Self {
        self.message = format!("{source}: {}", self.message);
        self
    }

    /// Returns the remedy.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for ConninfoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConninfoError {}
