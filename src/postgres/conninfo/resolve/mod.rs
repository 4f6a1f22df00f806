use super::host::default_socket_directory;
use super::parameters::{Parameters, split_known};
use super::passfile::{HostField, PasswordFile, PasswordFileSource};
use super::value::{positive, read_integer};
use super::*;
use crate::redact;
use std::path::PathBuf;

/// A resolved request with warnings.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The resolved parameters.
    pub conninfo: Conninfo,
    /// The source that specifies the server.
    pub source: Source,
    /// Warnings about ignored values.
    pub warnings: Vec<String>,
}

/// The variables that specify a server; the other `PG*` variables are defaults.
const SERVER_VARIABLES: [&str; 4] = ["PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"];

/// Resolves a request: the options; else the target; else `PGHOST`, `PGHOSTADDR`, `PGSERVICE` or
/// `PGDATABASE`; else `DATABASE_URL`. Missing parameters are taken in libpq's order from the service
/// file, the environment and the defaults, the password last from the password file.
pub fn resolve(request: &ConnectionRequest) -> Result<Resolved, ConninfoError> {
    let environment = &request.environment;
    let mut warnings = Vec::new();
    let (source, mut parameters) = choose_source(request, &mut warnings)?;
    let target = request.target.as_ref().filter(|_| matches!(source, Source::Target(_)));
    let untrusted = target.filter(|target| !target.trusted);
    if let Some(target) = untrusted {
        working_directory::reject_weaker(&parameters, environment, &target.name)?;
    }
    let named_by_source = parameters.clone();
    service::fill_from_service(&mut parameters, environment, &mut warnings)?;
    drop_foreign_service_password(&mut parameters, &named_by_source, &mut warnings);
    fill_from_environment(&mut parameters, environment)?;
    if let Some(target) = untrusted {
        drop_untrusted_target_password(&mut parameters, &target.name, &mut warnings);
    }
    let mut conninfo = build_conninfo(&parameters, environment)?;
    conninfo.password_provider = target.and_then(|target| target.password_provider.clone());
    conninfo.is_from_working_directory = untrusted.is_some();
    if let Some(target) = untrusted {
        restrict_password_file(&mut conninfo, &target.name, &mut warnings);
    }
    if conninfo.password_provider.is_some() {
        conninfo.passfile = None;
    } else {
        find_passwords(&mut conninfo, &parameters, &mut warnings);
    }
    register_names(&conninfo);
    Ok(Resolved { conninfo, source, warnings })
}

/// Resolves one conninfo or URI by itself: no flags, no target, no `DATABASE_URL`. The variables of `environment` are
/// defaults, so the caller passes only those that apply.
///
/// # Errors
///
/// Unknown or unsupported parameters, invalid values, or an undefined service.
pub fn resolve_text(text: &Secret, source: Source, environment: &Environment) -> Result<Resolved, ConninfoError> {
    let mut warnings = Vec::new();
    let mut parameters = Parameters::default();
    let conninfo = (|| {
        parameters.set_all(split_known(text.expose())?, &Origin::Source(source.clone()))?;
        let named = parameters.clone();
        service::fill_from_service(&mut parameters, environment, &mut warnings)?;
        drop_foreign_service_password(&mut parameters, &named, &mut warnings);
        fill_from_environment(&mut parameters, environment)?;
        let mut conninfo = build_conninfo(&parameters, environment)?;
        find_passwords(&mut conninfo, &parameters, &mut warnings);
        register_names(&conninfo);
        Ok(conninfo)
    })()
    .map_err(|error: ConninfoError| error.in_source(&source.to_string()))?;
    Ok(Resolved { conninfo, source, warnings })
}

fn choose_source(
    request: &ConnectionRequest,
    warnings: &mut Vec<String>,
) -> Result<(Source, Parameters), ConninfoError> {
    let ConnectionRequest { flags, target, environment } = request;
    if flags.has_connection_flag() {
        if let Some(target) = target {
            warnings.push(format!("target {} is not used: the connection options override it", target.name));
        } else if environment.var("DATABASE_URL").is_some()
            && !flags.has_server()
            && !is_named_by_environment(environment)
        {
            warnings.push("DATABASE_URL is not used: the connection options override it".to_owned());
        }
        return Ok((Source::Flags, parameters_from_flags(flags)?));
    }
    if let Some(target) = target {
        let source = Source::Target(target.name.clone());
        let mut parameters = Parameters::default();
        split_known(target.conninfo.expose())
            .and_then(|pairs| parameters.set_all(pairs, &Origin::Source(source.clone())))
            .map_err(|error| error.in_source(&source.to_string()))?;
        return Ok((source, parameters));
    }
    if is_named_by_environment(environment) {
        return Ok((Source::Environment, Parameters::default()));
    }
    match environment.var("DATABASE_URL") {
        Some(text) => Ok((Source::DatabaseUrl, database_url::read_database_url(text, warnings)?)),
        None => Ok((Source::Defaults, Parameters::default())),
    }
}

/// Returns whether a `PG*` variable specifies the server.
pub(super) fn is_named_by_environment(environment: &Environment) -> bool {
    SERVER_VARIABLES.iter().any(|name| environment.var(name).is_some())
}

pub(super) fn parameters_from_flags(flags: &ConnectionFlags) -> Result<Parameters, ConninfoError> {
    let origin = Origin::Source(Source::Flags);
    let mut parameters = Parameters::default();
    let pairs = [("host", &flags.host), ("port", &flags.port), ("user", &flags.username)];
    for (name, text) in pairs {
        // As in psql, an empty option counts as not set.
        if let Some(text) = text.as_ref().filter(|text| !text.is_empty()) {
            parameters.set_all(vec![(name.to_owned(), text.clone())], &origin)?;
        }
    }
    // As in psql, a conninfo in --dbname overrides the other options.
    if let Some(dbname) = flags.dbname.as_ref().filter(|text| !text.is_empty()) {
        let pairs = if is_connection_string(dbname) {
            split_known(dbname).map_err(|error| error.in_source("--dbname"))?
        } else {
            vec![("dbname".to_owned(), dbname.clone())]
        };
        parameters.set_all(pairs, &origin).map_err(|error| error.in_source("--dbname"))?;
    }
    Ok(parameters)
}

/// Removes the password of a service section for another host than that of the section.
fn drop_foreign_service_password(parameters: &mut Parameters, named: &Parameters, warnings: &mut Vec<String>) {
    let Some(ref origin @ Origin::Service { ref name, .. }) = parameters.origin("password").cloned() else { return };
    let has_other_host = ["host", "hostaddr"].iter().any(|key| named.text(key).is_some());
    if has_other_host {
        warnings.push(format!(
            "the password of {origin} is not used: it belongs to the host of service {name}, but another host is specified"
        ));
        parameters.remove("password");
    }
}

/// Removes PGPASSWORD and the password of PGSERVICE for a server of a file in the working directory.
fn drop_untrusted_target_password(parameters: &mut Parameters, target: &str, warnings: &mut Vec<String>) {
    let what = match parameters.origin("password") {
        Some(Origin::Environment(_)) => "PGPASSWORD".to_owned(),
        Some(origin @ Origin::Service { .. }) => format!("the password of {origin}"),
        _ => return,
    };
    warnings.push(format!(
        "{what} is not used for target {target}: its host comes from a file in the working directory; use ~/.pgpass"
    ));
    parameters.remove("password");
}

/// Allows such a server only lines of the password file with its name, and none if its file disables encryption.
fn restrict_password_file(conninfo: &mut Conninfo, target: &str, warnings: &mut Vec<String>) {
    if working_directory::is_deliberately_unencrypted(conninfo.tls.mode, &conninfo.hosts) {
        warnings.push(format!(
            "the password file is not used for target {target}: a file in the working directory disables encryption"
        ));
        conninfo.passfile = None;
    }
    if let Some(file) = &mut conninfo.passfile {
        file.hosts = HostField::NameOnly;
    }
}

/// Registers the names that messages about a connection show, even if the password is the same.
fn register_names(conninfo: &Conninfo) {
    redact::register_name(&conninfo.user);
    redact::register_name(&conninfo.dbname);
    for host in &conninfo.hosts {
        redact::register_name(&host.name());
    }
}

fn fill_from_environment(parameters: &mut Parameters, environment: &Environment) -> Result<(), ConninfoError> {
    for keyword in KEYWORDS {
        let Some(variable) = keyword.variable else { continue };
        if let Some(text) = environment.var(variable) {
            parameters.set_if_absent(keyword, text.to_owned(), Origin::Environment(variable))?;
        }
    }
    if parameters.text("sslmode").is_none() && environment.var("PGREQUIRESSL").is_some_and(|text| text.starts_with('1'))
    {
        parameters.set_all(vec![("sslmode".into(), "require".into())], &Origin::Environment("PGREQUIRESSL"))?;
    }
    Ok(())
}

fn build_conninfo(parameters: &Parameters, environment: &Environment) -> Result<Conninfo, ConninfoError> {
    reject_unsupported_values(parameters)?;
    let user = parameters.text("user").or(environment.os_user.as_deref()).map(str::to_owned).ok_or_else(|| {
        ConninfoError::new("no user name specified, and the operating system has none for this process")
            .with_hint("specify the role with -U, user= or PGUSER")
    })?;
    let dbname = parameters.text("dbname").unwrap_or(&user).to_owned();
    let socket_directory = default_socket_directory();
    let connect_timeout = match read_integer(parameters, "connect_timeout")? {
        None => Some(DEFAULT_CONNECT_TIMEOUT),
        Some(seconds) => positive(seconds).map(|seconds| Duration::from_secs(seconds.into())),
    };
    let tls = TlsParameters::read(parameters, environment)?;
    let application_name = parameters
        .text("application_name")
        .or_else(|| parameters.text("fallback_application_name"))
        .unwrap_or("pgtend");

    let conninfo = Conninfo {
        hosts: Host::from_parameters(parameters, socket_directory)?,
        user,
        dbname,
        connect_timeout,
        options: parameters.text("options").map(str::to_owned),
        application_name: application_name.to_owned(),
        keepalives: Keepalives::read(parameters)?,
        tls,
        channel_binding: ChannelBinding::read(parameters)?,
        require_auth: RequireAuth::read(parameters)?,
        limits: ReadLimits::default(),
        target_session_attrs: TargetSessionAttrs::read(parameters)?,
        load_balance_hosts: LoadBalanceHosts::read(parameters)?,
        requirepeer: parameters.text("requirepeer").map(str::to_owned),
        password_provider: None,
        is_from_working_directory: false,
        passfile: passfile_path(parameters, environment)
            .map(|path| PasswordFileSource { path, hosts: HostField::NameOrWildcard }),
        socket_directory: socket_directory.map(str::to_owned),
    };
    Ok(conninfo)
}

fn find_passwords(conninfo: &mut Conninfo, parameters: &Parameters, warnings: &mut Vec<String>) {
    if let (Some(text), Some(origin)) = (parameters.text("password"), parameters.origin("password")) {
        for host in &mut conninfo.hosts {
            host.password = Some(Password { secret: text.into(), origin: origin.clone() });
        }
        return;
    }
    let Some(PasswordFileSource { path, hosts: host_field }) = conninfo.passfile.clone() else { return };
    match PasswordFile::read(&path) {
        Ok(Some(file)) => {
            let Conninfo { hosts, user, dbname, socket_directory, .. } = conninfo;
            for host in hosts {
                let find = |field| {
                    let key = host.password_key(socket_directory.as_deref(), field);
                    file.password(field, &key, host.port, dbname, user)
                };
                let (found, unrestricted) = (find(host_field), find(HostField::NameOrWildcard));
                if let (None, Some(unused)) = (&found, unrestricted) {
                    let key = host.password_key(socket_directory.as_deref(), host_field);
                    warnings.push(format!(
                        "{} is not used: the server comes from a file in the working directory, so the line must contain its host \"{key}\"",
                        unused.origin
                    ));
                }
                host.password = found;
            }
        }
        Ok(None) => {}
        Err(warning) => warnings.push(warning),
    }
}

fn passfile_path(parameters: &Parameters, environment: &Environment) -> Option<PathBuf> {
    parameters
        .text("passfile")
        .map(PathBuf::from)
        .or_else(|| environment.home.as_ref().map(|home| home.join(".pgpass")))
}

fn reject_unsupported_values(parameters: &Parameters) -> Result<(), ConninfoError> {
    let refuse = |name: &str, text: &str, hint: &str| {
        Err(ConninfoError::new(format!("{name}={text} is not supported by pgtend")).with_hint(hint))
    };
    match parameters.text("gssencmode") {
        None | Some("disable" | "prefer") => {}
        Some(text) => {
            return refuse(
                "gssencmode",
                text,
                "pgtend does not support GSSAPI; use sslmode=verify-full for an encrypted connection",
            );
        }
    }
    match parameters.text("client_encoding").map(str::to_ascii_lowercase).as_deref() {
        None | Some("utf8" | "utf-8" | "unicode" | "auto") => {}
        Some(text) => return refuse("client_encoding", text, "pgtend supports only UTF8; the server converts"),
    }
    match parameters.text("min_protocol_version") {
        None | Some("3.0") => Ok(()),
        Some(text) => refuse("min_protocol_version", text, "pgtend supports protocol 3.0"),
    }
}

#[cfg(test)]
mod tests;
