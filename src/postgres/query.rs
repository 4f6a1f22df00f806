//! A fact's SQL, with a variant for each server version that needs one.

/// A fact of the inspected server: its name and its SQL, from `queries/`.
#[derive(Debug)]
pub struct Query {
    /// The name under `unavailable`, e.g. "wal directory".
    pub fact: &'static str,
    /// The first major version of each text, and the text; ascending.
    pub variants: &'static [(u32, &'static str)],
}

impl Query {
    /// Returns the text for a server, or the oldest major version that has one.
    pub fn sql_for(&self, major: u32) -> Result<&'static str, u32> {
        let newest = self.variants.iter().rev().find(|(since, _)| *since <= major);
        newest.map(|(_, sql)| *sql).ok_or_else(|| self.variants.first().map_or(u32::MAX, |(since, _)| *since))
    }

    /// Returns the predefined role that can read the fact, from the text's `-- needs:` line.
    pub fn needs(&self) -> Option<&'static str> {
        let (_, sql) = self.variants.first()?;
        sql.lines().find_map(|line| line.strip_prefix("-- needs: "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_selects_newest_matching_variant() {
        let query = Query { fact: "x", variants: &[(14, "-- x\n-- needs: pg_monitor\nfourteen"), (17, "seventeen")] };
        assert_eq!(query.sql_for(13), Err(14));
        assert!(query.sql_for(16).is_ok_and(|sql| sql.ends_with("fourteen")));
        assert_eq!(query.sql_for(18), Ok("seventeen"));
        assert_eq!(query.needs(), Some("pg_monitor"));
    }
}
