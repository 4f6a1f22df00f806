//! A treemap: areas are bytes (squarified: Bruls, Huizing, van Wijk 2000). What a rewrite would give back is hatched.

use super::{
    svg::{at, fits, fitting},
    table::figures,
};
use crate::render::{Node, NodeKind, human};
use maud::{Markup, html};

/// Lying for a desk and for paper, standing for a phone.
const WIDE: (f64, f64) = (1_000.0, 520.0);
const NARROW: (f64, f64) = (480.0, 820.0);
const HEAD: f64 = 17.0;
/// Smaller ones are drawn as one with what is left.
const LEAST: f64 = 10.0;

#[derive(Clone, Copy)]
struct Place {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

pub fn treemap(nodes: &[Node], title: &str) -> (Markup, Markup) {
    let has_bloat = nodes.iter().any(is_bloated);
    let picture = html! {
        div.key {
            @for (name, colour) in [("heap", "heap"), ("indexes", "index"), ("TOAST", "toast"), ("other", "other")] {
                span { i style={ "background:var(--" (colour) ")" } {} (name) }
            }
            @if has_bloat {
                span { i style="background:repeating-linear-gradient(45deg,#0006 0 2px,transparent 2px 4px),var(--heap)" {} "hatched: bloat" }
            }
        }
        (drawn(nodes, title, "wide", WIDE))
        (drawn(nodes, title, "narrow", NARROW))
    };
    let mut rows = Vec::new();
    list(nodes, "", &mut rows);
    (picture, figures(rows.into_iter(), &["size", "bloat"]))
}

fn is_bloated(node: &Node) -> bool {
    node.bloat_bytes > 0 || node.children.iter().any(is_bloated)
}

fn drawn(nodes: &[Node], title: &str, shape: &str, (width, height): (f64, f64)) -> Markup {
    html! {
        svg class=(shape) viewBox={ "0 0 " (width) " " (height) } role="img" aria-label=(title) {
            defs { pattern id={ "bloat-" (shape) } width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect width="2.5" height="6" fill="#000" fill-opacity=".38" {}
            } }
            (children(nodes, Place { x: 0.0, y: 0.0, width, height }, shape))
        }
    }
}

/// The name with the size, else the name alone, as much of it as there is room for.
fn headed(name: &str, bytes: u64, width: f64) -> String {
    let both = format!("{name}  {}", human::bytes(bytes));
    if fits(&both, width) { crate::render::visible(&both).into_owned() } else { fitting(name, width) }
}

fn list(nodes: &[Node], above: &str, rows: &mut Vec<(String, Vec<String>)>) {
    for node in nodes {
        let name = if above.is_empty() { node.name.clone() } else { format!("{above} › {}", node.name) };
        let bloat = if node.bloat_bytes > 0 { human::bytes(node.bloat_bytes) } else { String::new() };
        rows.push((name.clone(), vec![human::bytes(node.bytes), bloat]));
        list(&node.children, &name, rows);
    }
}

fn children(nodes: &[Node], place: Place, shape: &str) -> Markup {
    let mut sorted: Vec<&Node> = nodes.iter().filter(|node| node.bytes > 0).collect();
    sorted.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    let placed = squarify(&sorted.iter().map(|node| node.bytes as f64).collect::<Vec<_>>(), place);
    html! { @for (node, place) in sorted.into_iter().zip(placed) { (one(node, place, shape)) } }
}

fn one(node: &Node, place: Place, shape: &str) -> Markup {
    let Place { x, y, width, height } = place;
    let bloat =
        if node.bloat_bytes > 0 { format!(", {} of it bloat", human::bytes(node.bloat_bytes)) } else { String::new() };
    let told =
        format!("{} {}: {}{bloat}", node.kind.name(), crate::render::visible(&node.name), human::bytes(node.bytes));
    if node.children.is_empty() || width < 4.0 * LEAST || height < HEAD + LEAST {
        let shaded = (node.bloat_bytes as f64 / node.bytes as f64).clamp(0.0, 1.0) * height;
        let label = fitting(&node.name, width - 8.0);
        return html! {
            g {
                title { (told) }
                rect x=(at(x)) y=(at(y)) width=(at(width)) height=(at(height)) style={ "fill:var(--" (colour(node.kind)) ");stroke:var(--card)" } {}
                @if shaded > 0.5 {
                    rect x=(at(x)) y=(at(y + height - shaded)) width=(at(width)) height=(at(shaded)) fill={ "url(#bloat-" (shape) ")" } {}
                }
                @if height > 14.0 && !label.is_empty() {
                    text.in.small x=(at(x + 4.0)) y=(at(y + 12.0)) { (label) }
                }
                @if height > 28.0 && width > 50.0 {
                    text.in.small x=(at(x + 4.0)) y=(at(y + 25.0)) { (human::bytes(node.bytes)) }
                }
            }
        };
    }
    let inner = Place { x: x + 1.0, y: y + HEAD, width: width - 2.0, height: height - HEAD - 1.0 };
    let label = headed(&node.name, node.bytes, width - 8.0);
    html! {
        g {
            title { (told) }
            rect x=(at(x)) y=(at(y)) width=(at(width)) height=(at(height)) style="fill:var(--card);stroke:var(--faint)" {}
            text.small x=(at(x + 4.0)) y=(at(y + 12.5)) { (label) }
            (children(&node.children, inner, shape))
        }
    }
}

fn colour(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Heap | NodeKind::Table => "heap",
        NodeKind::Index => "index",
        NodeKind::Toast => "toast",
        NodeKind::Database | NodeKind::Other => "other",
    }
}

/// Rectangles of these areas, the largest first, as square as they get.
fn squarify(sizes: &[f64], place: Place) -> Vec<Place> {
    let total: f64 = sizes.iter().sum();
    let mut placed = Vec::with_capacity(sizes.len());
    if total <= 0.0 || place.width <= 0.0 || place.height <= 0.0 {
        return sizes.iter().map(|_| Place { width: 0.0, height: 0.0, ..place }).collect();
    }
    let scale = place.width * place.height / total;
    let (mut rest, mut left) = (sizes, place);
    while !rest.is_empty() {
        let side = left.width.min(left.height).max(1e-6);
        let worst = |row: &[f64]| {
            let sum: f64 = row.iter().map(|size| size * scale).sum();
            let ratio = |size: &f64| {
                let area = (size * scale).max(1e-9);
                (side * side * area / (sum * sum)).max(sum * sum / (side * side * area))
            };
            row.iter().map(ratio).fold(0.0, f64::max)
        };
        let mut count = 1;
        while count < rest.len() && worst(&rest[..count + 1]) <= worst(&rest[..count]) {
            count += 1;
        }
        let (row, more) = rest.split_at(count);
        let sum: f64 = row.iter().map(|size| size * scale).sum();
        let thick = sum / side;
        let mut along = 0.0;
        for size in row {
            let long = size * scale / thick.max(1e-9);
            placed.push(if left.width <= left.height {
                Place { x: left.x + along, y: left.y, width: long, height: thick }
            } else {
                Place { x: left.x, y: left.y + along, width: thick, height: long }
            });
            along += long;
        }
        left = if left.width <= left.height {
            Place { y: left.y + thick, height: (left.height - thick).max(0.0), ..left }
        } else {
            Place { x: left.x + thick, width: (left.width - thick).max(0.0), ..left }
        };
        rest = more;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_in_proportion_and_fill_the_place() {
        let place = Place { x: 0.0, y: 0.0, width: 60.0, height: 40.0 };
        let placed = squarify(&[6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0], place);
        let areas: Vec<f64> = placed.iter().map(|it| it.width * it.height).collect();
        assert!((areas.iter().sum::<f64>() - 2_400.0).abs() < 1e-6);
        assert!((areas[0] / areas[6] - 6.0).abs() < 1e-6);
        assert!(
            placed.iter().all(|it| it.x >= -1e-6 && it.x + it.width <= 60.0 + 1e-6 && it.y + it.height <= 40.0 + 1e-6)
        );
        assert!(squarify(&[], place).is_empty());
        assert_eq!(squarify(&[0.0, 0.0], place).len(), 2);
    }
}
