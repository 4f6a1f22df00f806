//! Limits on a target of a `pgtend.toml` that was found in the working directory: anyone may have written it, so it
//! must not obtain a password of another server, or weaken the requirements of the environment on a connection.

use super::parameters::Parameters;
use super::{ConninfoError, Environment, Host, HostAddress, Origin, SslMode};

/// Parameters that such a file cannot set: secrets, and files that contain secrets.
pub const REFUSED_PARAMETERS: [&str; 6] = ["password", "passfile", "servicefile", "service", "sslcert", "sslkey"];

/// Parameters that such a file cannot change if the environment sets them.
const PROTECTED_PARAMETERS: [(&str, &str); 11] = [
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcrl", "PGSSLCRL"),
    ("sslcrldir", "PGSSLCRLDIR"),
    ("sslcertmode", "PGSSLCERTMODE"),
    ("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    ("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("require_auth", "PGREQUIREAUTH"),
    ("requirepeer", "PGREQUIREPEER"),
    ("gssencmode", "PGGSSENCMODE"),
];

/// Refuses a target that would weaken the requirements of the environment; `target` is its name.
///
/// # Errors
///
/// The error contains the parameter and the variable.
pub(super) fn reject_weaker(
    parameters: &Parameters,
    environment: &Environment,
    target: &str,
) -> Result<(), ConninfoError> {
    let refusal = |name: &str, variable: &str| {
        Err(ConninfoError::new(format!(
            "target {target}: a file found in the working directory cannot change {name}, which {variable} sets"
        ))
        .with_hint(format!("remove {name} from its conninfo, or move the target to your own configuration file")))
    };
    let required_mode = required_sslmode(environment);
    for (name, variable) in PROTECTED_PARAMETERS {
        let Some(given) = parameters.text(name) else { continue };
        if !matches!(parameters.origin(name), Some(Origin::Source(_))) {
            continue;
        }
        if name == "sslmode" {
            let Some((demanded, variable)) = required_mode else { continue };
            if SslMode::parse(given).is_some_and(|given| given < demanded) {
                return refusal(name, variable);
            }
        } else if environment.var(variable).is_some_and(|value| value != given) {
            return refusal(name, variable);
        } else if name == "sslrootcert"
            && let Some((SslMode::VerifyCa | SslMode::VerifyFull, variable)) = required_mode
            && environment.var("PGSSLROOTCERT").is_none()
        {
            // The owner of another authority could issue a certificate for any server.
            return refusal(name, variable);
        }
    }
    Ok(())
}

fn required_sslmode(environment: &Environment) -> Option<(SslMode, &'static str)> {
    if let Some(mode) = environment.var("PGSSLMODE") {
        return SslMode::parse(mode).map(|mode| (mode, "PGSSLMODE"));
    }
    let is_required = environment.var("PGREQUIRESSL").is_some_and(|text| text.starts_with('1'));
    is_required.then_some((SslMode::Require, "PGREQUIRESSL"))
}

/// Returns whether the target has weaker encryption than libpq's default for a connection to another machine.
pub(super) fn is_deliberately_unencrypted(mode: SslMode, hosts: &[Host]) -> bool {
    mode < SslMode::Prefer && hosts.iter().any(|host| !is_local_address(&host.address))
}

fn is_local_address(place: &HostAddress) -> bool {
    match place {
        HostAddress::Socket(_) => true,
        HostAddress::Tcp { hostaddr: Some(address), .. } => address.is_loopback(),
        HostAddress::Tcp { host: Some(host), .. } => {
            host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
        HostAddress::Tcp { .. } => true,
    }
}
