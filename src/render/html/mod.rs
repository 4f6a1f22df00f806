//! One HTML file with nothing outside of it: no script, no request. Light and dark, on paper and on a phone; each picture
//! has its table behind it.

mod bars;
mod growth;
mod shares;
mod svg;
mod table;
mod treemap;
mod waterfall;

use super::{Block, Chart, Document, Picture, Tone, escape::visible};
use crate::model::code_spans;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");

/// Nothing may be loaded, and nothing may run, even if a name got through as markup.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// The whole document as one file.
pub fn html(document: &Document, title: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="generator" content=(concat!("pgtend ", env!("CARGO_PKG_VERSION")));
                title { (title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body { main {
                h1 { (title) }
                @for block in &document.blocks { (self::block(block)) }
            } }
        }
    };
    page.into_string()
}

fn block(block: &Block) -> Markup {
    match block {
        Block::Gap => html! {},
        Block::Heading(text) => html! { h2 { (visible(text)) } },
        Block::Code(_, commands) => html! {
            @for command in commands { p.command { code { (visible(command)) } } }
        },
        Block::Line(text, tone) if text.starts_with("     ") => {
            html! { p.command class=(class(*tone)) { (spans(text.trim())) } }
        }
        // What to do about the line before.
        Block::Line(text, tone) if text.trim_start().starts_with('→') => {
            html! { p.advice class=(class(*tone)) { (spans(text.trim())) } }
        }
        Block::Line(text, tone) => html! { p class=(class(*tone)) { (spans(text.trim())) } },
        Block::Table(table) => table::table(table),
        Block::Commands(commands) => html! {
            @for (command, answers) in commands { p { code { (visible(command)) } " " (visible(answers)) } }
        },
        Block::Chart(chart) => self::chart(chart),
        Block::Tiles(tiles) => html! {
            div.tiles { @for tile in tiles {
                div class={ "tile " (class(tile.value.tone)) } {
                    span { (visible(&tile.label)) } b { (table::value(&tile.value)) } small { (visible(&tile.note)) }
                }
            } }
        },
    }
}

/// A sentence with its code spans.
fn spans(text: &str) -> Markup {
    let text = visible(text);
    html! { @for (is_code, part) in code_spans(&text) { @if is_code { code { (part) } } @else { (part) } } }
}

fn chart(chart: &Chart) -> Markup {
    let (picture, figures) = match &chart.picture {
        Picture::Treemap(nodes) => treemap::treemap(nodes, &chart.title),
        Picture::Waterfall(steps) => waterfall::waterfall(steps, &chart.title),
        Picture::Shares(shares) => shares::shares(shares, &chart.title),
        Picture::Growth(series) => growth::growth(series, &chart.title),
    };
    html! {
        figure {
            figcaption { b { (visible(&chart.title)) } span { (visible(&chart.about)) } }
            (picture)
            details { summary { "The figures" } (figures) }
        }
    }
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Faint => "faint",
        Tone::Good => "good",
        Tone::Warning => "warning",
        Tone::Bad => "bad",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Cell, Column, Node, NodeKind, Table, Value};

    #[test]
    fn a_command_in_a_sentence_is_code_and_a_lone_backtick_is_itself() {
        let told = |text: &str| spans(text).into_string();
        assert_eq!(
            told("look: `pgtend <slots>` and `x`"),
            "look: <code>pgtend &lt;slots&gt;</code> and <code>x</code>"
        );
        assert_eq!(told("a ` b"), "a ` b");
        assert_eq!(told("plain"), "plain");
    }

    #[test]
    fn a_name_that_is_markup_stays_text_everywhere() {
        let evil = "<script>alert(1)</script>\"'&";
        let mut document = Document::default();
        document.heading(evil).line(evil).line(format!("     {evil}")).table(Table {
            columns: vec![Column::words("t", "t", 0), Column::numbers("n", "n", 0)],
            rows: vec![vec![Cell::name(evil), Cell::new(Value::Unknown)], vec![Cell::text(evil), Cell::bytes(1)]],
            left_out: 1,
        });
        let leaf =
            Node { name: evil.into(), bytes: 5 << 20, bloat_bytes: 1 << 20, kind: NodeKind::Heap, children: vec![] };
        let about = evil.to_owned();
        let picture = Picture::Treemap(vec![Node { children: vec![leaf.clone()], kind: NodeKind::Table, ..leaf }]);
        document.blocks.push(Block::Chart(Chart { title: evil.into(), about, picture }));
        let page = html(&document, evil);
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
        assert!(!page.contains("http://") && !page.contains("https://"), "nothing is fetched");
    }
}
