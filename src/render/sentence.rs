//! Sentences of the judge, written out.

use super::human;
use crate::model::{Piece, Words};

/// The sentence as people read it.
pub fn sentence(words: &Words) -> String {
    words.0.iter().map(piece).collect()
}

fn piece(piece: &Piece) -> String {
    match piece {
        Piece::Text(text) => text.clone(),
        Piece::Bytes(bytes) => human::bytes(*bytes),
        Piece::Seconds(seconds) => human::duration(*seconds),
        Piece::Count(count) => human::count(*count),
        Piece::Percent(share) => human::percent(share / 100.0),
        Piece::Time(time) => time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    }
}
