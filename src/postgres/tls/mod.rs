//! TLS with libpq's semantics (PostgreSQL manual, 34.19 SSL Support), on rustls with *ring*.

mod certificate;
mod chain;
mod explain;
mod identity;
mod name;
mod path;
mod problem;
mod revocation;
mod roots;
mod signature;
mod usage;
mod verifier;

pub(super) use certificate::end_point_digest;
pub(super) use explain::handshake as explain_handshake;
pub use problem::CertificateProblem;

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{default_provider, kx_group};
use rustls::pki_types::ServerName;

use self::identity::ClientIdentity;
use self::problem::SetupProblem;
use self::verifier::Verifier;
use super::conninfo::{ProtocolVersion, SslCertMode, SslMode, SslNegotiation, TlsParameters};

/// The name of the protocol in ALPN, registered with IANA.
const ALPN: &[u8] = b"postgresql";

/// The TLS configuration of one host, also used for its cancel requests.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    pub(super) server_name: ServerName<'static>,
    identity: Arc<ClientIdentity>,
    direct: bool,
    cert_mode: SslCertMode,
}

impl Tls {
    /// Reads root and client certificates for a host; `host` is the name to verify, if any.
    pub(super) fn new(parameters: &TlsParameters, host: Option<&str>) -> Result<Self, SetupProblem> {
        let provider = Arc::new(crypto_provider());
        let roots = roots::read_trusted_roots(&parameters.root_cert, parameters.mode)?;
        // As in libpq, revocation is checked if the chain is verified.
        let revocation = match &roots {
            Some(_) => revocation::read_revocation_lists(&parameters.revocation, &parameters.root_cert)?,
            None => None,
        };
        let name = match (parameters.mode, host) {
            (SslMode::VerifyFull, None) => return Err(SetupProblem::NoHostName),
            (SslMode::VerifyFull, Some(host)) => Some(host.to_owned()),
            _ => None,
        };
        let identity = Arc::new(ClientIdentity::read(parameters, &provider)?);
        let mut config = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&tls_versions(parameters))
            .map_err(|error| SetupProblem::Rustls(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier::new(
                roots,
                revocation,
                name,
                provider.signature_verification_algorithms,
            )))
            .with_client_cert_resolver(identity.clone());
        let direct = parameters.negotiation == SslNegotiation::Direct;
        if direct {
            config.alpn_protocols = vec![ALPN.to_vec()];
        }
        let dns_name = host.and_then(|host| ServerName::try_from(host.to_owned()).ok());
        config.enable_sni = parameters.sni && matches!(dns_name, Some(ServerName::DnsName(_)));
        // The verifier has its own name; rustls needs one for SNI.
        let server_name = dns_name.unwrap_or(ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into()));
        Ok(Self { config: Arc::new(config), server_name, identity, direct, cert_mode: parameters.cert_mode })
    }

    /// Returns whether TLS begins without an SSLRequest.
    pub(super) fn is_direct(&self) -> bool {
        self.direct
    }

    /// Checks that are only possible after the handshake.
    pub(super) fn check_handshake(&self, session: &rustls::ClientConnection) -> Result<(), SetupProblem> {
        if self.direct && session.alpn_protocol() != Some(ALPN) {
            return Err(SetupProblem::NoAlpn);
        }
        match self.cert_mode {
            SslCertMode::Require if !self.identity.was_requested() => Err(SetupProblem::CertificateNotRequested),
            _ => Ok(()),
        }
    }
}

/// *ring*, with SECP256R1 first: servers select it, so that no second round trip is needed.
fn crypto_provider() -> CryptoProvider {
    CryptoProvider { kx_groups: vec![kx_group::SECP256R1, kx_group::X25519, kx_group::SECP384R1], ..default_provider() }
}

fn tls_versions(parameters: &TlsParameters) -> Vec<&'static rustls::SupportedProtocolVersion> {
    [(ProtocolVersion::Tls12, &rustls::version::TLS12), (ProtocolVersion::Tls13, &rustls::version::TLS13)]
        .into_iter()
        .filter(|(version, _)| (parameters.min_version..=parameters.max_version).contains(version))
        .map(|(_, version)| version)
        .collect()
}

pub(super) use problem::SetupProblem as TlsSetupProblem;
