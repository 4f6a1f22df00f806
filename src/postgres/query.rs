//! A fact's SQL, with a variant for each server version that needs one.

/// One fact about the inspected server: what people call it and how to ask for it. The texts lie in `queries/`.
#[derive(Debug)]
pub struct Query {
    /// "wal directory", as it is named under `unavailable`.
    pub fact: &'static str,
    /// The first major version a text serves, and the text; ascending.
    pub variants: &'static [(u32, &'static str)],
}

impl Query {
    /// The text for a server, or the oldest major version that can answer.
    pub fn sql_for(&self, major: u32) -> Result<&'static str, u32> {
        let newest = self.variants.iter().rev().find(|(since, _)| *since <= major);
        newest.map(|(_, sql)| *sql).ok_or_else(|| self.variants.first().map_or(u32::MAX, |(since, _)| *since))
    }

    /// The predefined role that makes the fact readable, from the text's `-- needs:` line.
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
