//! A message as Slack's incoming webhooks take it: blocks, within Slack's limits (Block Kit reference: 50 blocks a message,
//! 150 characters a header, 3,000 a section).

use super::letter::{Letter, line};
use crate::{
    model::past::ChangeKind,
    render::{sentence, visible},
};
use serde_json::{Value, json};

const BLOCKS: usize = 50;
const HEADER: usize = 150;
const SECTION: usize = 3_000;
/// Of the text beside the blocks, which notifications show.
const TEXT: usize = 3_000;

pub fn body(letter: &Letter) -> Value {
    let title = letter.title();
    let mut blocks =
        vec![json!({"type": "header", "text": {"type": "plain_text", "text": cut(&title, HEADER), "emoji": false}})];
    let many = letter.places.len() > 1;
    let news = letter.news();
    // The header, and a line on what was left out.
    let room = BLOCKS - 2;
    for one in news.iter().take(room) {
        let change = one.change;
        let mark = match change.kind {
            ChangeKind::Recovered => ":white_check_mark:",
            _ => match change.level {
                crate::model::Level::Critical => ":red_circle:",
                crate::model::Level::Warning => ":large_yellow_circle:",
                crate::model::Level::Unknown => ":white_circle:",
            },
        };
        let place = if many { format!("*{}* ", escaped(&visible(&one.places()))) } else { String::new() };
        let mut text = format!("{mark} {place}{}", escaped(&line(change, letter.at)));
        if let Some(advice) = change.advice.as_ref().map(sentence).filter(|advice| !advice.is_empty()) {
            text.push_str(&format!("\n→ {}", escaped(&visible(&advice))));
        }
        blocks.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": cut(&text, SECTION)}}));
    }
    if news.len() > room {
        let more = format!("… and {} more; `pgtend check` lists them all", news.len() - room);
        blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": more}]}));
    }
    json!({"text": cut(&escaped(&title), TEXT), "blocks": blocks})
}

/// The three characters that Slack takes for its own.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// At most so many characters, an escape not cut in its middle.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most - 1).collect();
    if let Some(at) = short.rfind('&')
        && !short[at..].contains(';')
    {
        short.truncate(at);
    }
    short + "…"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Level, Status, past::Change},
        notify::PlaceChanges,
    };
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn letter(texts: &[String], places: usize) -> Letter {
        let change = |text: &String| Change {
            kind: ChangeKind::New,
            finding_id: "c:s".into(),
            check: "stale-slot".into(),
            subject: "s".into(),
            level: Level::Critical,
            since: Timestamp::UNIX_EPOCH,
            message: text.clone().into(),
            advice: Some(text.clone().into()),
        };
        let place = |n: usize| PlaceChanges {
            place: format!("p{n}"),
            status: Status::Critical,
            server: None,
            changes: texts.iter().map(change).collect(),
        };
        Letter { at: Timestamp::UNIX_EPOCH, status: Status::Critical, places: (0..places).map(place).collect() }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_message_passes_slacks_limits(texts in prop::collection::vec("[&<>a-z ]{0,4000}", 0..60), places in 1_usize..4) {
            let letter = letter(&texts, places);
            let body = body(&letter);
            let blocks = body["blocks"].as_array().unwrap();
            prop_assert!(blocks.len() <= 50);
            prop_assert!(body["text"].as_str().unwrap().chars().count() <= 3_000);
            for block in blocks {
                let text = block["text"]["text"].as_str().or(block["elements"][0]["text"].as_str()).unwrap();
                let most = if block["type"] == "header" { 150 } else { 3_000 };
                prop_assert!(!text.is_empty() && text.chars().count() <= most);
                if block["type"] != "header" {
                    let bare = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
                    prop_assert!(!bare.contains(['<', '>', '&']), "{}", bare);
                }
            }
            prop_assert_eq!(letter.changes() > 48, blocks.last().unwrap()["type"] == "context");
        }
    }
}
