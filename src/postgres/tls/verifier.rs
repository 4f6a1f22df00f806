use std::fmt;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use super::certificate::ParsedCertificate;
use super::revocation::RevocationLists;
use super::roots::TrustedRoots;
use super::{chain, name, signature};

/// Verifies a server's certificate as the sslmode requires.
pub(super) struct Verifier {
    roots: Option<TrustedRoots>,
    revocation: Option<RevocationLists>,
    name: Option<String>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// Accepts any certificate without `roots`, does not check revocation without `revocation`, and
    /// accepts a certificate for any host without `name`.
    pub(super) fn new(
        roots: Option<TrustedRoots>,
        revocation: Option<RevocationLists>,
        name: Option<String>,
        algorithms: WebPkiSupportedAlgorithms,
    ) -> Self {
        Self { roots, revocation, name, algorithms }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(roots) = &self.roots {
            let leaf = ParsedCertificate::borrowed(end_entity)?;
            chain::check_chain(roots, self.revocation.as_ref(), &leaf, intermediates, now, &self.algorithms)?;
            if let Some(host) = &self.name {
                name::check_host_name(&leaf, host)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature::check_handshake(&self.algorithms, message, &ParsedCertificate::borrowed(cert)?, dss)?;
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature::check_handshake_13(&self.algorithms, message, &ParsedCertificate::borrowed(cert)?, dss)?;
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("roots", &self.roots.as_ref().map(|roots| &roots.label))
            .field("revocation", &self.revocation)
            .field("name", &self.name)
            .finish()
    }
}
