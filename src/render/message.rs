//! Formats messages.

use super::human;
use crate::message::{Fragment, Message};

/// Formats the message as a sentence.
pub fn format_message(message: &Message) -> String {
    message.0.iter().map(format_fragment).collect()
}

fn format_fragment(piece: &Fragment) -> String {
    match piece {
        Fragment::Text(text) => text.clone(),
        Fragment::Bytes(bytes) => human::bytes(*bytes),
        Fragment::Seconds(seconds) => human::duration(*seconds),
        Fragment::Count(count) => human::count(*count),
        Fragment::Percent(share) => human::percent(share / 100.0),
        Fragment::Time(time) => time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    }
}
