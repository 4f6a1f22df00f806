//! One self-contained HTML file without scripts and requests, for light and dark screens, paper and phones. Each chart
//! has its figures as a table.

mod bars;
mod growth;
mod svg;
mod table;
mod treemap;

use super::{Block, Chart, Document, Picture, Tone, escape::escape_unprintable};
use crate::quote::code_spans;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");

/// Nothing may be loaded or executed, even if a name were interpreted as markup.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// Renders the document as one file.
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
                @for block in &document.blocks { (self::block_markup(block)) }
            } }
        }
    };
    page.into_string()
}

fn block_markup(block: &Block) -> Markup {
    match block {
        Block::Gap => html! {},
        Block::Heading(text) => html! { h2 { (escape_unprintable(text)) } },
        Block::Code(_, commands) => html! {
            @for command in commands { p.command { code { (escape_unprintable(command)) } } }
        },
        Block::Line(text, tone) if text.starts_with("     ") => {
            html! { p.command class=(tone_class(*tone)) { (text_markup(text.trim())) } }
        }
        // Advice on the previous line.
        Block::Line(text, tone) if text.trim_start().starts_with('→') => {
            html! { p.advice class=(tone_class(*tone)) { (text_markup(text.trim())) } }
        }
        Block::Line(text, tone) => html! { p class=(tone_class(*tone)) { (text_markup(text.trim())) } },
        Block::Table(table) => table::table_markup(table),
        Block::Commands(commands) => html! {
            @for (command, description) in commands { p { code { (escape_unprintable(command)) } " " (escape_unprintable(description)) } }
        },
        Block::Chart(chart) => self::chart_markup(chart),
        Block::Tiles(tiles) => html! {
            div.tiles { @for tile in tiles {
                div class={ "tile " (tone_class(tile.value.tone)) } {
                    span { (escape_unprintable(&tile.label)) } b { (table::value_markup(&tile.value)) } small { (escape_unprintable(&tile.note)) }
                }
            } }
        },
    }
}

/// Renders a sentence with its code spans.
fn text_markup(text: &str) -> Markup {
    let text = escape_unprintable(text);
    html! { @for (is_code, part) in code_spans(&text) { @if is_code { code { (part) } } @else { (part) } } }
}

fn chart_markup(chart: &Chart) -> Markup {
    let (picture, figures) = match &chart.picture {
        Picture::Treemap(nodes) => treemap::treemap_markup(nodes, &chart.title),
        Picture::Waterfall(steps) => bars::waterfall_markup(steps, &chart.title),
        Picture::Shares(shares) => bars::shares_markup(shares, &chart.title),
        Picture::Growth(series) => growth::growth_markup(series, &chart.title),
    };
    html! {
        figure {
            figcaption { b { (escape_unprintable(&chart.title)) } span { (escape_unprintable(&chart.about)) } }
            (picture)
            details { summary { "Figures" } (figures) }
        }
    }
}

fn tone_class(tone: Tone) -> &'static str {
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
    fn html_code_spans_need_two_backticks() {
        let markup = |text: &str| text_markup(text).into_string();
        assert_eq!(
            markup("look: `pgtend <slots>` and `x`"),
            "look: <code>pgtend &lt;slots&gt;</code> and <code>x</code>"
        );
        assert_eq!(markup("a ` b"), "a ` b");
        assert_eq!(markup("plain"), "plain");
    }

    #[test]
    fn html_escapes_names_everywhere() {
        let injected = "<script>alert(1)</script>\"'&";
        let mut document = Document::default();
        document.heading(injected).line(injected).line(format!("     {injected}")).table(Table {
            columns: vec![Column::text("t", "t", 0), Column::numbers("n", "n", 0)],
            rows: vec![
                vec![Cell::name(injected), Cell::new(Value::Unknown)],
                vec![Cell::text(injected), Cell::bytes(1)],
            ],
            left_out: 1,
        });
        let leaf = Node {
            name: injected.into(),
            bytes: 5 << 20,
            bloat_bytes: 1 << 20,
            kind: NodeKind::Heap,
            children: vec![],
        };
        let about = injected.to_owned();
        let picture = Picture::Treemap(vec![Node { children: vec![leaf.clone()], kind: NodeKind::Table, ..leaf }]);
        document.blocks.push(Block::Chart(Chart { title: injected.into(), about, picture }));
        let page = html(&document, injected);
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
        assert!(!page.contains("http://") && !page.contains("https://"), "nothing is fetched");
    }
}
