//! All links within the documentation have targets.

use super::page::outside_fences;
use super::{repository_root, runnable_documents};
use std::path::{Path, PathBuf};

/// Text outside of fences and code spans.
fn text_without_code(text: &str) -> String {
    let lines = outside_fences(text).map(|line| line.split('`').step_by(2).collect::<Vec<_>>().join("`"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the targets of a page's links.
fn link_targets(text: &str) -> Vec<String> {
    let prose = text_without_code(text).replace("\n", " ");
    let ends = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    ends.map(str::to_owned).collect()
}

/// Returns the anchor of a heading.
fn heading_anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn page_anchors(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let headings = outside_fences(&text).filter(|line| line.starts_with('#'));
    headings.map(|line| heading_anchor(line.trim_start_matches('#').trim())).collect()
}

/// Returns the errors in the links of a page.
fn dead_links(page: &Path, text: &str) -> Vec<String> {
    let folder = page.parent().unwrap();
    let within = link_targets(text).into_iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:"));
    let is_dead = |link: &String| {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target: PathBuf = if path.is_empty() { page.to_owned() } else { folder.join(path) };
        !target.exists() || (!anchor.is_empty() && !page_anchors(&target).iter().any(|known| known == anchor))
    };
    within.filter(is_dead).collect()
}

#[test]
fn links_dead_link_is_found() {
    let page = repository_root().join("README.md");
    let text = "[a](no-such.md) [b](docs/fleet.md#no-such-heading) [c](#nowhere) `[d](code.md)`\n```sh\n[e](f)\n```\n\
        [g](docs/fleet.md) [h](https://example.com) [i](docs/fleet.md#one-store)";
    assert_eq!(dead_links(&page, text), ["no-such.md", "docs/fleet.md#no-such-heading", "#nowhere"]);
}

#[test]
fn links_have_targets() {
    let mut count = 0;
    for page in runnable_documents() {
        let text = std::fs::read_to_string(&page).unwrap();
        count += link_targets(&text).len();
        assert_eq!(dead_links(&page, &text), [""; 0], "{}", page.display());
    }
    assert!(count > 40, "{count} links");
}

/// Returns the `docs/reference/PAGE.md#ANCHOR` links of a text.
fn reference_links(text: &str) -> Vec<&str> {
    let is_link_char = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '#');
    let starts = text.match_indices("docs/reference/").map(|(start, _)| &text[start..]);
    starts.map(|rest| rest[..rest.find(|c| !is_link_char(c)).unwrap_or(rest.len())].trim_end_matches('.')).collect()
}

/// Returns the texts of all files below `folder` whose name has one of `endings`, with their paths.
fn texts_below(folder: &Path, endings: &[&str]) -> Vec<(PathBuf, String)> {
    let mut texts = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| endings.iter().any(|ending| extension == *ending)) {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                texts.push((path, text));
            }
        }
    }
    texts
}

#[test]
fn links_to_reference_pages_have_targets() {
    let this_file = repository_root().join(file!());
    let mut count = 0;
    let mut dead = Vec::new();
    for folder in ["src", "crates", "tests", "queries", "migrations", "docs"] {
        for (path, text) in texts_below(&repository_root().join(folder), &["rs", "sql", "md"]) {
            if path == this_file {
                continue;
            }
            assert!(!text.to_lowercase().contains("fact sheet"), "{}: cites a sheet instead of a page", path.display());
            for link in reference_links(&text).into_iter().filter(|link| link.contains(".md")) {
                count += 1;
                let (page, anchor) = link.split_once('#').unwrap_or((link, ""));
                let page = repository_root().join(page);
                let exists =
                    page.exists() && (anchor.is_empty() || page_anchors(&page).iter().any(|known| known == anchor));
                dead.extend((!exists).then(|| format!("{}: {link}", path.display())));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
    assert!(count > 30, "{count} links");
}

#[test]
fn links_to_reference_pages_are_found() {
    let text = "/// (docs/reference/slots.md#inactive_since). See docs/reference/wal.md.";
    assert_eq!(reference_links(text), ["docs/reference/slots.md#inactive_since", "docs/reference/wal.md"]);
}

#[test]
fn links_index_lists_every_page() {
    let list = std::fs::read_to_string(repository_root().join("docs/README.md")).unwrap();
    let linked: Vec<PathBuf> = link_targets(&list)
        .iter()
        .filter_map(|link| repository_root().join("docs").join(link).canonicalize().ok())
        .collect();
    for page in runnable_documents() {
        let inside = page.strip_prefix(repository_root().join("docs")).ok();
        let expected = inside.is_some_and(|page| page != Path::new("README.md"));
        assert!(!expected || linked.contains(&page), "docs/README.md does not link to {}", page.display());
    }
}
