//! A check consists of its rule, its page, and an entry in the registry.

use super::{assert_none, source_files};
use std::collections::BTreeSet;

const RULES: &str = "src/checks/rules/";
const REGISTRY: &str = "src/checks/rules/mod.rs";

fn names_of(ending: &str) -> BTreeSet<String> {
    let paths = source_files("src/checks/rules", ending).into_iter().map(|(path, _)| path);
    let names = paths.filter_map(|path| Some(path.strip_prefix(RULES)?.strip_suffix(ending)?.to_owned()));
    names.filter(|name| name != "mod").collect()
}

#[test]
fn checks_are_rule_page_and_registry() {
    let (rules, pages) = (names_of(".rs"), names_of(".md"));
    let sources = source_files("src", ".rs");
    let registry = &sources.iter().find(|(path, _)| path == REGISTRY).expect("the registry").1;
    let count = |text: &str| registry.matches(text).count();
    let mut violations: Vec<String> =
        rules.difference(&pages).map(|name| format!("{RULES}{name}.rs has no page")).collect();
    for name in &pages {
        let id = name.replace('_', "-");
        let is_rule = rules.contains(name);
        if count(&format!("\nmod {name};\n")) != usize::from(is_rule) {
            violations.push(format!("{REGISTRY} declares {name} not exactly once"));
        }
        let entry = format!("check!(\"{id}\" {name}{}", if is_rule { ' ' } else { ')' });
        if count(&entry) != 1 {
            violations.push(format!("{REGISTRY} lists {id} not exactly once"));
        }
        // No other file depends on the module.
        for (path, text) in sources.iter().filter(|(path, _)| path != REGISTRY) {
            if text.contains(&format!("rules::{name}")) || text.contains(&format!("rules/{name}")) {
                violations.push(format!("{path} names the module {name}"));
            }
        }
    }
    // A check whose id is used in no other file.
    let naming = sources.iter().filter(|(_, text)| text.contains("lock-waits") || text.contains("lock_waits::"));
    let known = [REGISTRY, "src/checks/rules/lock_waits.rs"];
    violations.extend(
        naming.filter(|(path, _)| !known.contains(&path.as_str())).map(|(path, _)| format!("{path} names lock-waits")),
    );
    assert_none(&violations);
}
