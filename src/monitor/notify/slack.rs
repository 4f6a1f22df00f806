//! Messages for Slack's incoming webhooks: blocks within Slack's limits (Block Kit reference: 50 blocks per message,
//! 150 characters per header, 3,000 per section).

use super::notification::{Notification, format_change};
use crate::facts::history::ChangeKind;
use crate::render::{escape_unprintable, format_message};
use serde_json::{Value, json};

const MAX_BLOCKS: usize = 50;
const MAX_HEADER_CHARS: usize = 150;
const MAX_SECTION_CHARS: usize = 3_000;
/// Limit of the plain text, which Slack's own notifications show.
const MAX_TEXT_CHARS: usize = 3_000;

pub fn slack_body(notification: &Notification) -> Value {
    let title = notification.title();
    let mut blocks = vec![
        json!({"type": "header", "text": {"type": "plain_text", "text": truncate_text(&title, MAX_HEADER_CHARS), "emoji": false}}),
    ];
    let many = notification.targets.len() > 1;
    let items = notification.items();
    // One block for the header, one for the number of omitted items.
    let max_items = MAX_BLOCKS - 2;
    for item in items.iter().take(max_items) {
        let change = item.change;
        let mark = match change.kind {
            ChangeKind::Recovered => ":white_check_mark:",
            _ => match change.level {
                crate::facts::Level::Critical => ":red_circle:",
                crate::facts::Level::Warning => ":large_yellow_circle:",
                crate::facts::Level::Unknown => ":white_circle:",
            },
        };
        let target_prefix = if many {
            format!("*{}* ", escape_mrkdwn(&escape_unprintable(&item.format_targets())))
        } else {
            String::new()
        };
        let mut text = format!("{mark} {target_prefix}{}", escape_mrkdwn(&format_change(change, notification.at)));
        if let Some(advice) = change.advice.as_ref().map(format_message).filter(|advice| !advice.is_empty()) {
            text.push_str(&format!("\n→ {}", escape_mrkdwn(&escape_unprintable(&advice))));
        }
        blocks.push(
            json!({"type": "section", "text": {"type": "mrkdwn", "text": truncate_text(&text, MAX_SECTION_CHARS)}}),
        );
    }
    if items.len() > max_items {
        let more = format!("… and {} more; run `pgtend check` to list them", items.len() - max_items);
        blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": more}]}));
    }
    json!({"text": truncate_text(&escape_mrkdwn(&title), MAX_TEXT_CHARS), "blocks": blocks})
}

/// Escapes the three characters with a meaning in Slack's markup.
fn escape_mrkdwn(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Truncates text without splitting an escape.
fn truncate_text(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(max_chars - 1).collect();
    if let Some(position) = short.rfind('&')
        && !short[position..].contains(';')
    {
        short.truncate(position);
    }
    short + "…"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::history::Change;
    use crate::facts::{Level, Status};
    use crate::monitor::notify::TargetChanges;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn test_notification(texts: &[String], places: usize) -> Notification {
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
        let target = |n: usize| TargetChanges {
            target_key: format!("p{n}"),
            status: Status::Critical,
            server: None,
            changes: texts.iter().map(change).collect(),
        };
        Notification { at: Timestamp::UNIX_EPOCH, status: Status::Critical, targets: (0..places).map(target).collect() }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn slack_body_respects_limits(texts in prop::collection::vec("[&<>a-z ]{0,4000}", 0..60), places in 1_usize..4) {
            let notification = test_notification(&texts, places);
            let body = slack_body(&notification);
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
            prop_assert_eq!(notification.changes() > 48, blocks.last().unwrap()["type"] == "context");
        }
    }
}
