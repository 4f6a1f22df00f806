use std::fmt;

/// A connection request that cannot be understood or must not be followed.
///
/// The message never holds a password; the hint says what to do about it.
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

    /// Says where the faulty text came from, before what is wrong with it.
    pub(super) fn in_source(mut self, source: &str) -> Self {
        self.message = format!("{source}: {}", self.message);
        self
    }

    /// What to do about it.
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
