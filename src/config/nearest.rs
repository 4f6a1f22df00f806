//! Suggestions for misspelt names.

/// Returns the known names within one or two typing errors, the nearest first.
pub fn nearest_names<'a>(wrong: &str, known: &[&'a str]) -> Vec<&'a str> {
    let wrong = wrong.to_lowercase();
    let mut near: Vec<(usize, &str)> = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong, &name.to_lowercase()), *name))
        .filter(|(distance, name)| *distance <= 1 + name.chars().count() / 4)
        .collect();
    near.sort_unstable();
    near.into_iter().map(|(_, name)| name).collect()
}

/// `"a", "b" or "c"`
pub(crate) fn quoted_list(names: &[&str], before_last: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    match quoted.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} {before_last} {last}", before.join(", ")),
        _ => quoted.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_omits_distant_names() {
        for (wrong, known) in [("xyz", "conninfo"), ("prod", "dev"), ("", "target"), ("staging", "production")] {
            assert!(nearest_names(wrong, &[known]).is_empty(), "{wrong}");
        }
    }

    #[test]
    fn nearest_finds_typos() {
        assert_eq!(nearest_names("prdo", &["dev", "prod", "prod-eu"]), ["prod"]);
        assert_eq!(nearest_names("Conninfo", &["conninfo", "password"]), ["conninfo"]);
        assert_eq!(nearest_names("eu-prod-1", &["eu-prod-3", "eu-prod-11", "dev"]), ["eu-prod-11", "eu-prod-3"]);
    }

    #[test]
    fn quoted_list_joins_with_conjunction() {
        assert_eq!(quoted_list(&["a"], "or"), "\"a\"");
        assert_eq!(quoted_list(&["a", "b", "c"], "or"), "\"a\", \"b\" or \"c\"");
    }
}
