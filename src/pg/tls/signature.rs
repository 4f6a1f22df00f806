//! Checking signatures with the bare key of a certificate.
//!
//! rustls' own functions parse the certificate with webpki first, which refuses version 1: the kind
//! that `openssl x509 -req` makes, and so the kind the PostgreSQL manual's recipe yields.

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved};
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::certificate::Parsed;

/// Verifies what the server signed in a TLS handshake.
pub(super) fn check_handshake(
    algorithms: &WebPkiSupportedAlgorithms,
    message: &[u8],
    certificate: &Parsed<'_>,
    signed: &DigitallySignedStruct,
) -> Result<(), Error> {
    let candidates = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == signed.scheme)
        .map(|(_, candidates)| *candidates)
        .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
    let key = certificate.public_key().ok_or(CertificateError::BadEncoding)?;
    if candidates.iter().any(|algorithm| verifies(*algorithm, &key, message, signed.signature())) {
        return Ok(());
    }
    Err(CertificateError::BadSignature.into())
}

/// Verifies a handshake of TLS 1.3, where the scheme names the one algorithm.
pub(super) fn check_handshake_13(
    algorithms: &WebPkiSupportedAlgorithms,
    message: &[u8],
    certificate: &Parsed<'_>,
    signed: &DigitallySignedStruct,
) -> Result<(), Error> {
    let key = certificate.public_key().ok_or(CertificateError::BadEncoding)?;
    let key = SubjectPublicKeyInfoDer::from(key.as_slice());
    rustls::crypto::verify_tls13_signature_with_raw_key(message, &key, signed, algorithms).map(|_| ())
}

/// Whether `issuer`'s key made the signature of `certificate`.
pub(super) fn is_signed_by(
    algorithms: &WebPkiSupportedAlgorithms,
    certificate: &Parsed<'_>,
    issuer: &Parsed<'_>,
) -> bool {
    let parts = || {
        let message = certificate.certificate.tbs_certificate.to_der().ok()?;
        let identifier = certificate.certificate.signature_algorithm.to_der().ok()?;
        let signature = certificate.certificate.signature.as_bytes()?.to_vec();
        Some((message, content(&identifier)?.to_vec(), signature, issuer.public_key()?))
    };
    let Some((message, identifier, signature, key)) = parts() else { return false };
    let algorithms = algorithms.all.iter().filter(|algorithm| algorithm.signature_alg_id().as_ref() == identifier);
    algorithms.into_iter().any(|algorithm| verifies(*algorithm, &key, &message, &signature))
}

fn verifies(algorithm: &dyn SignatureVerificationAlgorithm, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let verified = || {
        let key = SubjectPublicKeyInfoRef::from_der(key).ok()?;
        let identifier = key.algorithm.to_der().ok()?;
        if algorithm.public_key_alg_id().as_ref() != content(&identifier)? {
            return None;
        }
        algorithm.verify_signature(key.subject_public_key.as_bytes()?, message, signature).ok()
    };
    verified().is_some()
}

/// The inside of a short DER sequence: rustls writes algorithm identifiers without the outer tag.
fn content(sequence: &[u8]) -> Option<&[u8]> {
    match sequence {
        [0x30, length, inside @ ..] if usize::from(*length) == inside.len() && *length < 0x80 => Some(inside),
        _ => None,
    }
}
