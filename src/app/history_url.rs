//! The address of the history store: option, else environment, else configuration, else a file in the user's state folder.

use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::history::{StoreAddress, StoreName};
use crate::postgres::conninfo::{Environment, XdgFolder};
use std::path::PathBuf;

/// Returns the store's address, `None` for `none`, and warnings about the files that were read for it. `configured` is
/// called only if neither the option nor `PGTEND_HISTORY` is set.
///
/// # Errors
///
/// The address is not a store's, its conninfo is invalid, or there is no home directory for the default.
pub fn history_url(
    option: Option<&str>,
    environment: &Environment,
    configured: impl FnOnce() -> Result<Option<String>, Failure>,
) -> Result<(Option<StoreAddress>, Vec<String>), Failure> {
    let named = option.or_else(|| environment.var("PGTEND_HISTORY")).map(str::to_owned);
    let named = match named {
        Some(named) => Some(named),
        None => configured()?,
    };
    let Some(named) = named else {
        return default_history_path(environment).map(|path| (Some(StoreAddress::File(path)), Vec::new())).ok_or_else(
            || {
                Failure::new(ExitCode::Usage, "no home directory for the history store").with_hint(Some(
                    "specify a file with --history, PGTEND_HISTORY or [history] url, or disable it with none",
                ))
            },
        );
    };
    if named == "none" {
        return Ok((None, Vec::new()));
    }
    let (address, warnings) = StoreName::parse(&named)?.resolve(environment)?;
    Ok((Some(address), warnings))
}

/// `$XDG_STATE_HOME/pgtend/history.db`.
fn default_history_path(environment: &Environment) -> Option<PathBuf> {
    Some(environment.xdg_folder(XdgFolder::State)?.join("history.db"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(vars: &[(&str, &str)]) -> Environment {
        Environment {
            vars: vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            home: Some("/home/ada".into()),
            os_user: Some("ada".into()),
        }
    }

    #[test]
    fn history_url_precedence() {
        let shown = |found: (Option<StoreAddress>, Vec<String>)| {
            assert!(found.1.is_empty(), "{:?}", found.1);
            found.0.map(|address| address.to_string().trim_matches('"').to_owned())
        };
        let url = |option, vars: &[(&str, &str)]| shown(history_url(option, &environment(vars), || Ok(None)).unwrap());
        let configured = |vars: &[(&str, &str)]| {
            shown(history_url(None, &environment(vars), || Ok(Some("/conf.db".to_owned()))).unwrap())
        };
        let set = [("PGTEND_HISTORY", "/srv/h.db"), ("XDG_STATE_HOME", "/state")];
        assert_eq!(url(Some("/x.db"), &set).as_deref(), Some("/x.db"));
        assert_eq!(url(None, &set).as_deref(), Some("/srv/h.db"));
        assert_eq!(configured(&set).as_deref(), Some("/srv/h.db"));
        assert_eq!(configured(&set[1..]).as_deref(), Some("/conf.db"));
        assert_eq!(url(None, &set[1..]).as_deref(), Some("/state/pgtend/history.db"));
        assert_eq!(
            url(None, &[("XDG_STATE_HOME", "relative")]).as_deref(),
            Some("/home/ada/.local/state/pgtend/history.db")
        );
        assert_eq!(url(Some("postgresql://db/s"), &set).as_deref(), Some("postgresql://ada@db:5432/s"));
        assert_eq!(url(Some("none"), &set), None);
        assert!(history_url(None, &Environment::default(), || Ok(None)).is_err());
    }

    #[test]
    fn history_url_bad_conninfo_is_usage_error() {
        for text in ["mysql://h", "postgresql://h/d?sslmod=require", "hots=h"] {
            let failure = history_url(Some(text), &environment(&[]), || Ok(None)).unwrap_err();
            assert_eq!(failure.exit, ExitCode::Usage, "{text}: {failure}");
            assert!(failure.hint.is_some(), "{text}");
        }
    }

    #[test]
    fn history_url_warns_of_readable_passfile() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgpass");
        std::fs::write(&file, "*:*:*:*:s3kr1t\n").unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        let vars = [("PGPASSFILE", file.to_str().unwrap())];
        let (_, warnings) = history_url(Some("host=db"), &environment(&vars), || Ok(None)).unwrap();
        assert!(warnings.concat().contains("0600"), "{warnings:?}");
    }
}
