//! From a snapshot to a judgement: pure functions. One check, one page (`pgtend explain`).

pub mod index;
pub mod slot;

/// One check: its name and the page that explains it.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    pub name: &'static str,
    /// Markdown; the first line is its title.
    pub page: &'static str,
}

impl Check {
    /// What the page's first line says after the name.
    pub fn summary(&self) -> &'static str {
        let title = self.page.lines().next().unwrap_or_default();
        title.split_once(": ").map_or(title, |(_, summary)| summary)
    }
}

/// Every check there is.
pub const CHECKS: &[Check] = &[
    Check { name: "unused-index", page: include_str!("index/unused.md") },
    Check { name: "rarely-used-index", page: include_str!("index/rarely_used.md") },
    Check { name: "duplicate-index", page: include_str!("index/duplicate.md") },
    Check { name: "redundant-index", page: include_str!("index/redundant.md") },
    Check { name: "invalid-index", page: include_str!("index/invalid.md") },
    Check { name: "bloated-index", page: include_str!("index/bloated.md") },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_names_its_check_and_says_what_to_do() {
        for check in CHECKS {
            assert!(check.page.starts_with(&format!("# {}: ", check.name)), "{}", check.name);
            for part in ["## What it means", "## How it is judged", "## What to do"] {
                assert!(check.page.contains(part), "{}: {part}", check.name);
            }
        }
    }
}
