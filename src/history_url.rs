//! Where the history is: the option, else the environment, else the configuration, else a file of the user's.

use crate::{
    error::Failure,
    exit_code::ExitCode,
    pg::conninfo::{Environment, Flags, Origin, Request, resolve},
};
use std::path::PathBuf;

/// The store's URL or path; `None` for `none`. The configuration is asked only where nothing else names one.
pub fn history_url(
    option: Option<&str>,
    environment: &Environment,
    configured: impl FnOnce() -> Result<Option<String>, Failure>,
) -> Result<Option<String>, Failure> {
    let named = option.or_else(|| environment.var("PGTEND_HISTORY")).map(str::to_owned);
    let named = match named {
        Some(named) => Some(named),
        None => configured()?,
    };
    let Some(named) = named else {
        return own_path(environment).map(|path| Some(path.display().to_string())).ok_or_else(|| {
            Failure::new(ExitCode::Usage, "there is no home directory to keep the history in")
                .with_hint(Some("name a file with --history, PGTEND_HISTORY or [history] url, or none"))
        });
    };
    Ok((named != "none").then(|| with_password(&named, environment)))
}

/// `$XDG_STATE_HOME/pgtend/history.db`. As the specification says, a relative one is not used.
fn own_path(environment: &Environment) -> Option<PathBuf> {
    let named = environment.var("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = named.or_else(|| environment.home.as_ref().map(|home| home.join(".local/state")))?;
    Some(folder.join("pgtend/history.db"))
}

/// A server's URL with the password that the user's .pgpass has for it. PGPASSWORD was meant for another server.
fn with_password(url: &str, environment: &Environment) -> String {
    let mut environment = environment.clone();
    environment.vars.retain(|name, _| name == "PGPASSFILE" || !(name.starts_with("PG") || name == "DATABASE_URL"));
    let request = Request {
        flags: Flags { dbname: Some(url.to_owned()), ..Flags::default() },
        environment,
        ..Request::default()
    };
    let found = url.contains("://").then(|| resolve(&request).ok()).flatten();
    let password = found.and_then(|resolved| resolved.conninfo.hosts.into_iter().next()?.password);
    let password = password.filter(|password| matches!(password.origin, Origin::PasswordFile { .. }));
    match password {
        Some(password) => {
            let separator = if url.contains('?') { '&' } else { '?' };
            format!("{url}{separator}password={}", escaped(password.secret.expose()))
        }
        None => url.to_owned(),
    }
}

/// As a URL's parameter must be written.
fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
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
    fn the_option_wins_over_the_environment_and_that_over_the_default() {
        let url = |option, vars: &[(&str, &str)]| history_url(option, &environment(vars), || Ok(None)).unwrap();
        let configured =
            |vars: &[(&str, &str)]| history_url(None, &environment(vars), || Ok(Some("/conf.db".to_owned()))).unwrap();
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
        assert_eq!(url(Some("none"), &set), None);
        assert!(history_url(None, &Environment::default(), || Ok(None)).is_err());
    }

    #[test]
    fn only_pgpass_lends_its_password() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgpass");
        std::fs::write(&file, "db:5432:pgtend:app:s3 kr&t\n").unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let vars = [("PGPASSFILE", file.to_str().unwrap()), ("PGPASSWORD", "another"), ("PGHOST", "elsewhere")];
        let url = |url| history_url(Some(url), &environment(&vars), || Ok(None)).unwrap().unwrap();
        assert_eq!(url("postgresql://app@db/pgtend"), "postgresql://app@db/pgtend?password=s3%20kr%26t");
        for plain in ["postgresql://app:own@db/pgtend", "postgresql://app@other/pgtend", "/srv/history.db"] {
            assert_eq!(url(plain), plain);
        }
    }
}
