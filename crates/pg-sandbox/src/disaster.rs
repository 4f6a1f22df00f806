//! A small incident, step by step, for the demo and the tests: unused slots retain WAL, a table has too many indexes.

/// All steps as one script.
pub const SCRIPT: &str = include_str!("disaster.sql");

/// One step of the disaster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Short name.
    pub name: &'static str,
    /// What happens, in one line.
    pub description: &'static str,
    /// The SQL; one statement when it runs alone, else a batch for one transaction.
    pub sql: String,
    /// Whether it must run outside a transaction.
    pub outside_transaction: bool,
    /// The SQLSTATE with which it must fail.
    pub expected_sqlstate: Option<&'static str>,
}

/// Returns the steps in order. They need a superuser's session in one database of a cluster with
/// `wal_level = logical` and two free slots.
pub fn steps() -> Vec<Step> {
    SCRIPT.split("-- step: ").skip(1).map(parse_step).collect()
}

fn parse_step(text: &'static str) -> Step {
    let mut lines = text.lines();
    let mut step = Step {
        name: lines.next().unwrap_or_default(),
        description: "",
        sql: String::new(),
        outside_transaction: false,
        expected_sqlstate: None,
    };
    for line in lines {
        if let Some(about) = line.strip_prefix("-- about: ") {
            step.description = about;
        } else if let Some(state) = line.strip_prefix("-- fails: ") {
            step.expected_sqlstate = Some(state);
        } else if line == "-- alone" {
            step.outside_transaction = true;
        } else {
            step.sql.push_str(line);
            step.sql.push('\n');
        }
    }
    step.sql = step.sql.trim().to_owned();
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disaster_steps_are_complete() {
        for step in steps() {
            assert!(!step.name.is_empty() && step.description.ends_with('.') && step.sql.ends_with(';'), "{step:?}");
            assert!(!step.outside_transaction || step.sql.matches(';').count() == 1, "{step:?}");
        }
    }

    #[test]
    fn disaster_has_one_failing_step() {
        let failing: Vec<_> = steps().into_iter().filter_map(|step| step.expected_sqlstate).collect();
        assert_eq!(failing, ["23505"]);
    }
}
