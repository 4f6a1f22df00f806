//! A treemap, in which areas are bytes (squarified: Bruls, Huizing, van Wijk 2000). Bloat is hatched.

use super::{
    svg::{coordinate, fits, truncate_to_fit},
    table::figures_table,
};
use crate::render::{Node, NodeKind, human};
use maud::{Markup, html};

/// Shapes: landscape for screens and paper, portrait for phones.
const WIDE: (f64, f64) = (1_000.0, 520.0);
const NARROW: (f64, f64) = (480.0, 820.0);
const HEADER_HEIGHT: f64 = 17.0;
/// Smaller rectangles are merged with the rest.
const MIN_SIDE: f64 = 10.0;

#[derive(Clone, Copy)]
struct Rect {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

pub fn treemap_markup(nodes: &[Node], title: &str) -> (Markup, Markup) {
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
        (treemap_svg(nodes, title, "wide", WIDE))
        (treemap_svg(nodes, title, "narrow", NARROW))
    };
    let mut rows = Vec::new();
    list_rows(nodes, "", &mut rows);
    (picture, figures_table(rows.into_iter(), &["size", "bloat"]))
}

fn is_bloated(node: &Node) -> bool {
    node.bloat_bytes > 0 || node.children.iter().any(is_bloated)
}

fn treemap_svg(nodes: &[Node], title: &str, shape: &str, (width, height): (f64, f64)) -> Markup {
    html! {
        svg class=(shape) viewBox={ "0 0 " (width) " " (height) } role="img" aria-label=(title) {
            defs { pattern id={ "bloat-" (shape) } width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect width="2.5" height="6" fill="#000" fill-opacity=".38" {}
            } }
            (children_markup(nodes, Rect { x: 0.0, y: 0.0, width, height }, shape))
        }
    }
}

/// Returns the name with the size, or without it, as far as there is space.
fn node_label(name: &str, bytes: u64, width: f64) -> String {
    let full_label = format!("{name}  {}", human::bytes(bytes));
    if fits(&full_label, width) {
        crate::render::escape_unprintable(&full_label).into_owned()
    } else {
        truncate_to_fit(name, width)
    }
}

fn list_rows(nodes: &[Node], above: &str, rows: &mut Vec<(String, Vec<String>)>) {
    for node in nodes {
        let name = if above.is_empty() { node.name.clone() } else { format!("{above} › {}", node.name) };
        let bloat = if node.bloat_bytes > 0 { human::bytes(node.bloat_bytes) } else { String::new() };
        rows.push((name.clone(), vec![human::bytes(node.bytes), bloat]));
        list_rows(&node.children, &name, rows);
    }
}

fn children_markup(nodes: &[Node], area: Rect, shape: &str) -> Markup {
    let mut sorted: Vec<&Node> = nodes.iter().filter(|node| node.bytes > 0).collect();
    sorted.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    let rects = squarify(&sorted.iter().map(|node| node.bytes as f64).collect::<Vec<_>>(), area);
    html! { @for (node, child_area) in sorted.into_iter().zip(rects) { (node_markup(node, child_area, shape)) } }
}

fn node_markup(node: &Node, area: Rect, shape: &str) -> Markup {
    let Rect { x, y, width, height } = area;
    let bloat =
        if node.bloat_bytes > 0 { format!(", {} of it bloat", human::bytes(node.bloat_bytes)) } else { String::new() };
    let tooltip = format!(
        "{} {}: {}{bloat}",
        node.kind.name(),
        crate::render::escape_unprintable(&node.name),
        human::bytes(node.bytes)
    );
    if node.children.is_empty() || width < 4.0 * MIN_SIDE || height < HEADER_HEIGHT + MIN_SIDE {
        let shaded = (node.bloat_bytes as f64 / node.bytes as f64).clamp(0.0, 1.0) * height;
        let label = truncate_to_fit(&node.name, width - 8.0);
        return html! {
            g {
                title { (tooltip) }
                rect x=(coordinate(x)) y=(coordinate(y)) width=(coordinate(width)) height=(coordinate(height)) style={ "fill:var(--" (node_colour(node.kind)) ");stroke:var(--card)" } {}
                @if shaded > 0.5 {
                    rect x=(coordinate(x)) y=(coordinate(y + height - shaded)) width=(coordinate(width)) height=(coordinate(shaded)) fill={ "url(#bloat-" (shape) ")" } {}
                }
                @if height > 14.0 && !label.is_empty() {
                    text.in.small x=(coordinate(x + 4.0)) y=(coordinate(y + 12.0)) { (label) }
                }
                @if height > 28.0 && width > 50.0 {
                    text.in.small x=(coordinate(x + 4.0)) y=(coordinate(y + 25.0)) { (human::bytes(node.bytes)) }
                }
            }
        };
    }
    let inner = Rect { x: x + 1.0, y: y + HEADER_HEIGHT, width: width - 2.0, height: height - HEADER_HEIGHT - 1.0 };
    let label = node_label(&node.name, node.bytes, width - 8.0);
    html! {
        g {
            title { (tooltip) }
            rect x=(coordinate(x)) y=(coordinate(y)) width=(coordinate(width)) height=(coordinate(height)) style="fill:var(--card);stroke:var(--faint)" {}
            text.small x=(coordinate(x + 4.0)) y=(coordinate(y + 12.5)) { (label) }
            (children_markup(&node.children, inner, shape))
        }
    }
}

fn node_colour(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Heap | NodeKind::Table => "heap",
        NodeKind::Index => "index",
        NodeKind::Toast => "toast",
        NodeKind::Database | NodeKind::Other => "other",
    }
}

/// Returns rectangles with these areas, the largest first, as square as possible.
fn squarify(sizes: &[f64], bounds: Rect) -> Vec<Rect> {
    let total: f64 = sizes.iter().sum();
    let mut rects = Vec::with_capacity(sizes.len());
    if total <= 0.0 || bounds.width <= 0.0 || bounds.height <= 0.0 {
        return sizes.iter().map(|_| Rect { width: 0.0, height: 0.0, ..bounds }).collect();
    }
    let scale = bounds.width * bounds.height / total;
    let (mut rest, mut free_area) = (sizes, bounds);
    while !rest.is_empty() {
        let side = free_area.width.min(free_area.height).max(1e-6);
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
            rects.push(if free_area.width <= free_area.height {
                Rect { x: free_area.x + along, y: free_area.y, width: long, height: thick }
            } else {
                Rect { x: free_area.x, y: free_area.y + along, width: thick, height: long }
            });
            along += long;
        }
        free_area = if free_area.width <= free_area.height {
            Rect { y: free_area.y + thick, height: (free_area.height - thick).max(0.0), ..free_area }
        } else {
            Rect { x: free_area.x + thick, width: (free_area.width - thick).max(0.0), ..free_area }
        };
        rest = more;
    }
    rects
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn treemap_areas_are_proportional() {
        let area = Rect { x: 0.0, y: 0.0, width: 60.0, height: 40.0 };
        let rects = squarify(&[6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0], area);
        let areas: Vec<f64> = rects.iter().map(|rect| rect.width * rect.height).collect();
        assert!((areas.iter().sum::<f64>() - 2_400.0).abs() < 1e-6);
        assert!((areas[0] / areas[6] - 6.0).abs() < 1e-6);
        assert!(
            rects.iter().all(|rect| rect.x >= -1e-6
                && rect.x + rect.width <= 60.0 + 1e-6
                && rect.y + rect.height <= 40.0 + 1e-6)
        );
        assert!(squarify(&[], area).is_empty());
        assert_eq!(squarify(&[0.0, 0.0], area).len(), 2);
    }
}
