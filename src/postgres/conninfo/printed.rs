use super::resolve::{is_named_by_environment, parameters_from_flags};
use super::{ConnectionFlags, Environment, database_url};
use crate::quote::PrintedConnection;

/// Returns the connection options that printed commands need for the server of a run without a target, on the same
/// machine and in the same environment.
///
/// Values of the environment are not repeated, except those of `DATABASE_URL`, which an option `-d` would override.
/// Invalid values are not printed; the run itself fails with them.
pub fn printed(flags: &ConnectionFlags, environment: &Environment) -> PrintedConnection {
    if flags.has_connection_flag() {
        return parameters_from_flags(flags)
            .map(|given| PrintedConnection::of_parameters(given.pairs()))
            .unwrap_or_default();
    }
    match environment.var("DATABASE_URL").filter(|_| !is_named_by_environment(environment)) {
        Some(text) => database_url::read_database_url(text, &mut Vec::new())
            .map(|given| PrintedConnection::of_parameters(given.pairs()).ambient())
            .unwrap_or_default(),
        None => PrintedConnection::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quote::ShellCommand;

    fn flags(host: Option<&str>, dbname: Option<&str>) -> ConnectionFlags {
        ConnectionFlags {
            host: host.map(str::to_owned),
            dbname: dbname.map(str::to_owned),
            ..ConnectionFlags::default()
        }
    }

    #[test]
    fn password_is_never_printed() {
        for dbname in [
            "postgresql://app:hunter2@db1:5433/shop?sslmode=require",
            "host=db1 port=5433 user=app password=hunter2 dbname=shop sslmode=require",
            "postgresql://db1:5433/shop?user=app&password=hunter2&sslmode=require",
        ] {
            let printed = printed(&flags(None, Some(dbname)), &Environment::default());
            let expected = "pgtend wal -h db1 -p 5433 -U app -d \"dbname='shop' sslmode=require\"";
            assert_eq!(printed.command("pgtend wal"), expected);
        }
        assert_eq!(
            printed(&flags(Some("h"), Some("postgres://u:hun@ter2@h")), &Environment::default()).command("pgtend wal"),
            "pgtend wal"
        );
    }

    #[test]
    fn environment_is_repeated_only_with_a_database() {
        let vars = |pairs: &[(&str, &str)]| Environment {
            vars: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..Environment::default()
        };
        let url = ("DATABASE_URL", "postgresql+psycopg://app:hunter2@db1/shop");
        let other =
            |printed: &PrintedConnection| printed.add_to_for(ShellCommand::new("pgtend indexes"), "x").to_string();
        let from_url = printed(&ConnectionFlags::default(), &vars(&[url]));
        assert_eq!(from_url.command("pgtend wal"), "pgtend wal");
        assert_eq!(other(&from_url), "pgtend indexes -h db1 -U app -d x");
        let from_host = printed(&ConnectionFlags::default(), &vars(&[url, ("PGHOST", "db2")]));
        assert_eq!(other(&from_host), "pgtend indexes -d x");
    }
}
