//! The connection service file (PostgreSQL manual, 34.17).

use std::path::{Path, PathBuf};

use super::parameters::Parameters;
use super::value::quoted_value;
use super::{ConninfoError, Environment, Origin, keyword};

/// Directories of the system-wide file without `PGSYSCONFDIR`.
const SYSTEM_DIRECTORIES: [&str; 3] = ["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/etc"];

/// Adds missing parameters from the section of the requested service, if there is one.
pub(super) fn fill_from_service(
    parameters: &mut Parameters,
    environment: &Environment,
    warnings: &mut Vec<String>,
) -> Result<(), ConninfoError> {
    let Some(service) = parameters.text("service").or_else(|| environment.var("PGSERVICE")).map(str::to_owned) else {
        return Ok(());
    };
    let named = parameters.text("servicefile").or_else(|| environment.var("PGSERVICEFILE")).map(PathBuf::from);
    let candidates = match named {
        Some(file) if !file.exists() => {
            return Err(ConninfoError::new(format!("service file \"{}\" not found", file.display()))
                .with_hint("correct PGSERVICEFILE (or servicefile)"));
        }
        named => named.map_or_else(Vec::new, |file| vec![file]),
    };
    let explicit = !candidates.is_empty();
    let user_file = environment.home.iter().map(|home| home.join(".pg_service.conf"));
    let system: Vec<PathBuf> = match environment.var("PGSYSCONFDIR") {
        Some(directory) => vec![directory.into()],
        None => SYSTEM_DIRECTORIES.iter().map(PathBuf::from).collect(),
    };
    let system = system.into_iter().map(|directory| directory.join("pg_service.conf"));
    // As in libpq: a missing personal file is skipped; a missing file of PGSERVICEFILE is an error.
    let files = candidates.into_iter().chain(user_file.filter(|_| !explicit)).chain(system);

    let mut searched_files = Vec::new();
    for file in files.filter(|file| file.exists()) {
        let text = read_text(&file).map_err(|error| {
            ConninfoError::new(format!("service file \"{}\" cannot be read: {error}", file.display()))
        })?;
        let had_password = parameters.text("password").is_some();
        if fill_from_service_section(parameters, &text, &service, &file)? {
            if !had_password && parameters.text("password").is_some() && has_group_or_world_access(&file) {
                // A warning only: libpq connects without one, and the user may be unable to change the file.
                warnings.push(format!(
                    "service file \"{}\" contains a password and has group or world access; permissions should be u=rw (0600)",
                    file.display()
                ));
            }
            return Ok(());
        }
        searched_files.push(file.display().to_string());
    }
    let hint = if searched_files.is_empty() {
        "no service file found: create ~/.pg_service.conf, or specify one with PGSERVICEFILE".to_owned()
    } else {
        format!("files searched: {}", searched_files.join(", "))
    };
    Err(ConninfoError::new(format!("definition of service {} not found", quoted_value(&service))).with_hint(hint))
}

fn has_group_or_world_access(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

fn read_text(file: &Path) -> std::io::Result<String> {
    let bytes = crate::postgres::read_connection_file(file)?;
    String::from_utf8(bytes).map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))
}

fn fill_from_service_section(
    parameters: &mut Parameters,
    text: &str,
    service: &str,
    file: &Path,
) -> Result<bool, ConninfoError> {
    let mut found = false;
    for (number, line) in text.lines().enumerate() {
        let location = || format!("service file \"{}\", line {}", file.display(), number + 1);
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(section) = line.strip_prefix('[') {
            if found {
                return Ok(true);
            }
            found = section.strip_prefix(service).is_some_and(|rest| rest.starts_with(']'));
            continue;
        }
        if !found {
            continue;
        }
        if line.starts_with("ldap") {
            return Err(ConninfoError::new(format!("{}: LDAP lookup is not supported by pgtend", location()))
                .with_hint("write the parameters into the service file"));
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(ConninfoError::new(format!("{}: syntax error", location())).with_hint("each line is key=value"));
        };
        if name == "service" || name == "servicefile" {
            return Err(ConninfoError::new(format!("{}: a service cannot refer to another service", location())));
        }
        let keyword =
            keyword::find_keyword(name).ok_or_else(|| keyword::unknown_keyword_error(name).in_source(&location()))?;
        let origin = Origin::Service { name: service.to_owned(), file: file.to_owned() };
        parameters.set_if_absent(keyword, value.to_owned(), origin).map_err(|error| error.in_source(&location()))?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_section(text: &str, service: &str) -> Result<(bool, Parameters), ConninfoError> {
        let mut parameters = Parameters::default();
        let found = fill_from_service_section(&mut parameters, text, service, Path::new("/x/pg_service.conf"))?;
        Ok((found, parameters))
    }

    #[test]
    fn service_rejects_what_libpq_rejects() {
        for (text, part) in [
            ("[a]\nhost\n", "line 2: syntax error"),
            ("[a]\n\nservice=b\n", "line 3: a service cannot refer"),
            ("[a]\nhots=b\n", "unknown connection parameter \"hots\""),
            ("[a]\nhost = b\n", "an unreadable parameter name"),
            ("[a]\nsslpassword=b\n", "\"sslpassword\" is not supported"),
            ("[a]\nldap://x\n", "LDAP"),
        ] {
            let error = read_section(text, "a").err().expect(text).to_string();
            assert!(error.contains(part) && error.contains("/x/pg_service.conf"), "{error}");
        }
    }

    #[test]
    fn service_reads_only_its_section() {
        let text = "# comment\n[ab]\nbroken\n[a]\n host=h \nport=1\n\n[b]\nbroken\n";
        let (found, parameters) = read_section(text, "a").unwrap();
        assert!(found);
        assert_eq!(parameters.text("host"), Some("h"));
        assert_eq!(parameters.text("port"), Some("1"));
        assert!(!read_section("[ab]\nhost=h\n", "a").unwrap().0);
    }

    proptest! {
        #[test]
        fn service_never_panics(text in "(?s).*") {
            let _ = read_section(&text, "a");
        }

        #[test]
        fn service_errors_quote_no_value(from in 0_usize..60, until in 0_usize..60, letter in "(?s).") {
            let text = "# x\n[a]\nhost=h\npassword=hunter2\nport=5432\n";
            let spoilt = [&text[..from.min(text.len())], &letter, &text[until.min(text.len())..]].concat();
            if let Err(error) = read_section(&spoilt, "a") {
                prop_assert!(!error.to_string().contains("hunter2"), "{}", error);
            }
        }
    }
}
