use std::path::PathBuf;

use super::parameters::Parameters;
use super::value::{quoted_value, read_choice, read_flag};
use super::{ConninfoError, Environment};

/// `sslmode` (PostgreSQL manual, 34.19.3 Protection Provided in Different Modes).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// Without TLS first, with TLS if the server refuses that.
    Allow,
    /// With TLS first, without if the server does not support or refuses it.
    #[default]
    Prefer,
    /// Only TLS; the certificate is verified if there is a root certificate file.
    Require,
    /// Only TLS, with a certificate of a trusted authority.
    VerifyCa,
    /// Only TLS, with a certificate of a trusted authority for the host name.
    VerifyFull,
}

const SSL_MODES: [(&str, SslMode); 6] = [
    ("disable", SslMode::Disable),
    ("allow", SslMode::Allow),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

impl SslMode {
    pub(super) fn parse(text: &str) -> Option<Self> {
        SSL_MODES.iter().find(|(spelling, _)| *spelling == text).map(|(_, mode)| *mode)
    }

    /// The value as the user writes it.
    pub fn as_str(self) -> &'static str {
        SSL_MODES.iter().find(|(_, mode)| *mode == self).map_or("prefer", |(spelling, _)| spelling)
    }
}

/// `sslnegotiation`: how TLS is negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SslNegotiation {
    /// With an SSLRequest.
    #[default]
    Postgres,
    /// TLS from the first byte, with ALPN (servers from 17 on).
    Direct,
}

/// `sslcertmode`: whether a client certificate is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SslCertMode {
    /// Never.
    Disable,
    /// If the server requests one and there is one.
    #[default]
    Allow,
    /// Always; a server that does not request one is refused.
    Require,
}

/// A TLS version. Versions before 1.2 are not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProtocolVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// `sslrootcert`: the trusted authorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootCert {
    /// Those of the operating system.
    System,
    /// Those in this file, if it exists.
    File(PathBuf),
    /// The default file without a known home directory.
    NoHome,
}

/// The source of certificate revocation lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevocationSource {
    /// `sslcrl`.
    pub file: Option<PathBuf>,
    /// `sslcrldir`.
    pub directory: Option<PathBuf>,
    /// `~/.postgresql/root.crl`: used if it exists and neither of the others is set.
    pub default_file: Option<PathBuf>,
}

/// Parameters of encryption and certificates.
#[derive(Clone, Debug)]
pub struct TlsParameters {
    /// `sslmode`.
    pub mode: SslMode,
    /// `sslnegotiation`.
    pub negotiation: SslNegotiation,
    /// `sslrootcert`.
    pub root_cert: RootCert,
    /// `sslcrl` and `sslcrldir`.
    pub revocation: RevocationSource,
    /// `sslcert`, or its default path.
    pub cert: Option<PathBuf>,
    /// `sslkey`, or its default path.
    pub key: Option<PathBuf>,
    /// `sslcertmode`.
    pub cert_mode: SslCertMode,
    /// `sslsni`: whether the host name is sent unencrypted.
    pub sni: bool,
    /// `ssl_min_protocol_version`.
    pub min_version: ProtocolVersion,
    /// `ssl_max_protocol_version`.
    pub max_version: ProtocolVersion,
}

impl TlsParameters {
    pub(super) fn read(parameters: &Parameters, environment: &Environment) -> Result<Self, ConninfoError> {
        let default_file = |name: &str| environment.home.as_ref().map(|home| home.join(".postgresql").join(name));
        let file =
            |name: &str, default: &str| parameters.text(name).map(PathBuf::from).or_else(|| default_file(default));
        let root_cert = match parameters.text("sslrootcert") {
            Some("system") => RootCert::System,
            _ => file("sslrootcert", "root.crt").map_or(RootCert::NoHome, RootCert::File),
        };
        let mode = match parameters.text("sslmode") {
            None if root_cert == RootCert::System => SslMode::VerifyFull,
            _ => read_choice(parameters, "sslmode", &SSL_MODES)?,
        };
        if root_cert == RootCert::System && mode != SslMode::VerifyFull {
            return Err(ConninfoError::new(format!(
                "weak sslmode \"{}\" may not be used with sslrootcert=system",
                mode.as_str()
            ))
            .with_hint("use sslmode=verify-full: the system's authorities issue certificates for any host"));
        }
        let negotiation = read_choice(
            parameters,
            "sslnegotiation",
            &[("postgres", SslNegotiation::Postgres), ("direct", SslNegotiation::Direct)],
        )?;
        if negotiation == SslNegotiation::Direct && mode < SslMode::Require {
            return Err(ConninfoError::new(format!(
                "weak sslmode \"{}\" may not be used with sslnegotiation=direct",
                mode.as_str()
            ))
            .with_hint("use sslmode=require, verify-ca or verify-full"));
        }
        let cert_modes =
            [("disable", SslCertMode::Disable), ("allow", SslCertMode::Allow), ("require", SslCertMode::Require)];
        let (min_version, max_version) = read_tls_versions(parameters)?;
        Ok(Self {
            mode,
            negotiation,
            root_cert,
            revocation: RevocationSource {
                file: parameters.text("sslcrl").map(PathBuf::from),
                directory: parameters.text("sslcrldir").map(PathBuf::from),
                default_file: default_file("root.crl"),
            },
            cert: file("sslcert", "postgresql.crt"),
            key: file("sslkey", "postgresql.key"),
            cert_mode: read_choice(parameters, "sslcertmode", &cert_modes)?,
            sni: read_flag(parameters, "sslsni", true)?,
            min_version,
            max_version,
        })
    }
}

fn read_tls_versions(parameters: &Parameters) -> Result<(ProtocolVersion, ProtocolVersion), ConninfoError> {
    let read = |name: &str| match parameters.text(name).map(|text| (text, text.to_ascii_lowercase())) {
        None => Ok(None),
        Some((text, lower)) => match lower.as_str() {
            "tlsv1" | "tlsv1.1" => Ok(Some((text, None))),
            "tlsv1.2" => Ok(Some((text, Some(ProtocolVersion::Tls12)))),
            "tlsv1.3" => Ok(Some((text, Some(ProtocolVersion::Tls13)))),
            _ => Err(ConninfoError::new(format!("invalid {name} value: {}", quoted_value(text)))
                .with_hint("allowed values: TLSv1, TLSv1.1, TLSv1.2, TLSv1.3")),
        },
    };
    let min = read("ssl_min_protocol_version")?.and_then(|(_, version)| version).unwrap_or(ProtocolVersion::Tls12);
    let max = match read("ssl_max_protocol_version")? {
        None => ProtocolVersion::Tls13,
        Some((_, Some(version))) => version,
        Some((text, None)) => {
            return Err(ConninfoError::new(format!("ssl_max_protocol_version={text} is not supported by pgtend"))
                .with_hint("pgtend supports TLSv1.2 and TLSv1.3"));
        }
    };
    if min > max {
        return Err(ConninfoError::new("invalid SSL protocol version range")
            .with_hint("ssl_min_protocol_version is above ssl_max_protocol_version"));
    }
    Ok((min, max))
}
