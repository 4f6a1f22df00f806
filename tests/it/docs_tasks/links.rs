//! No link within the documentation leads nowhere.

use super::page::outside_fences;
use super::{documents, root};
use std::path::{Path, PathBuf};

/// Text outside of fences and code spans.
fn prose(text: &str) -> String {
    let lines = outside_fences(text).map(|line| line.split('`').step_by(2).collect::<Vec<_>>().join("`"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Where the links of a page lead.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text).replace("\n", " ");
    let ends = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    ends.map(str::to_owned).collect()
}

/// The anchor that a page's heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let headings = outside_fences(&text).filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

/// What is wrong with the links of a page.
fn dead(page: &Path, text: &str) -> Vec<String> {
    let folder = page.parent().unwrap();
    let within = links(text).into_iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:"));
    let is_dead = |link: &String| {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target: PathBuf = if path.is_empty() { page.to_owned() } else { folder.join(path) };
        !target.exists() || (!anchor.is_empty() && !anchors(&target).iter().any(|one| one == anchor))
    };
    within.filter(is_dead).collect()
}

#[test]
fn a_dead_link_is_found() {
    let page = root().join("README.md");
    let text = "[a](no-such.md) [b](docs/fleet.md#no-such-heading) [c](#nowhere) `[d](code.md)`\n```sh\n[e](f)\n```\n\
        [g](docs/fleet.md) [h](https://example.com) [i](docs/fleet.md#one-store)";
    assert_eq!(dead(&page, text), ["no-such.md", "docs/fleet.md#no-such-heading", "#nowhere"]);
}

#[test]
fn every_link_leads_somewhere() {
    let mut all = 0;
    for page in documents() {
        let text = std::fs::read_to_string(&page).unwrap();
        all += links(&text).len();
        assert_eq!(dead(&page, &text), [""; 0], "{}", page.display());
    }
    assert!(all > 40, "{all} links");
}

#[test]
fn every_page_is_linked_from_the_list_of_pages() {
    let list = std::fs::read_to_string(root().join("docs/README.md")).unwrap();
    let linked: Vec<PathBuf> =
        links(&list).iter().filter_map(|link| root().join("docs").join(link).canonicalize().ok()).collect();
    for page in documents() {
        let inside = page.strip_prefix(root().join("docs")).ok();
        let expected = inside.is_some_and(|it| it != Path::new("README.md"));
        assert!(!expected || linked.contains(&page), "docs/README.md does not lead to {}", page.display());
    }
}
