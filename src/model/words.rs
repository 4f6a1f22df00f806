//! A sentence whose numbers are still numbers: the judge says it, the renderer writes it.

use super::PrintedConnection;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    Text(String),
    Bytes(u64),
    Seconds(u64),
    Count(u64),
    /// Of a hundred.
    Percent(f64),
    Time(Timestamp),
}

/// A sentence, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Words(pub Vec<Piece>);

impl Words {
    /// Adds the connection to the commands in it.
    pub fn reached_by(&mut self, connection: &PrintedConnection) {
        for piece in &mut self.0 {
            if let Piece::Text(text) = piece {
                *text = connection.sentence(text);
            }
        }
    }

    pub fn append(&mut self, more: Words) {
        self.0.extend(more.0);
    }
}

impl From<&str> for Piece {
    fn from(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }
}

impl From<&String> for Piece {
    fn from(text: &String) -> Piece {
        Piece::Text(text.clone())
    }
}

impl From<String> for Piece {
    fn from(text: String) -> Piece {
        Piece::Text(text)
    }
}

impl From<Timestamp> for Piece {
    fn from(time: Timestamp) -> Piece {
        Piece::Time(time)
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Words {
        Words(vec![text.into()])
    }
}

impl From<String> for Words {
    fn from(text: String) -> Words {
        Words(vec![text.into()])
    }
}

/// A sentence of its parts, each a text or a [`Piece`].
macro_rules! words {
    ($($piece:expr),+ $(,)?) => { $crate::model::Words(vec![$($crate::model::Piece::from($piece)),+]) };
}
pub(crate) use words;
