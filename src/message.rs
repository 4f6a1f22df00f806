//! Text whose numbers are still numbers. Checks and analysis make it; `render` formats the numbers.

use crate::quote::PrintedConnection;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fragment {
    /// Plain text.
    Text(String),
    /// Bytes; printed as `1.2 GB`.
    Bytes(u64),
    /// Seconds; printed as `3 h`.
    Seconds(u64),
    /// A count; printed with thousands separators.
    Count(u64),
    /// Of a hundred.
    Percent(f64),
    /// A point in time.
    Time(Timestamp),
}

/// A sentence, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema, Deserialize)]
#[serde(transparent)]
pub struct Message(pub Vec<Fragment>);

impl Message {
    /// Adds the connection to the commands in it.
    pub fn reached_by(&mut self, connection: &PrintedConnection) {
        for piece in &mut self.0 {
            if let Fragment::Text(text) = piece {
                *text = connection.sentence(text);
            }
        }
    }

    /// Appends the fragments of another message.
    pub fn append(&mut self, other: Message) {
        self.0.extend(other.0);
    }
}

impl From<&str> for Fragment {
    fn from(text: &str) -> Fragment {
        Fragment::Text(text.to_owned())
    }
}

impl From<&String> for Fragment {
    fn from(text: &String) -> Fragment {
        Fragment::Text(text.clone())
    }
}

impl From<String> for Fragment {
    fn from(text: String) -> Fragment {
        Fragment::Text(text)
    }
}

impl From<Timestamp> for Fragment {
    fn from(time: Timestamp) -> Fragment {
        Fragment::Time(time)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Message {
        Message(vec![text.into()])
    }
}

impl From<String> for Message {
    fn from(text: String) -> Message {
        Message(vec![text.into()])
    }
}

/// A sentence of its parts, each a text or a [`Fragment`].
macro_rules! message {
    ($($fragment:expr),+ $(,)?) => { $crate::message::Message(vec![$($crate::message::Fragment::from($fragment)),+]) };
}
pub(crate) use message;
