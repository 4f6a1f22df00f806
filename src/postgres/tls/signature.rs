//! Checking signatures with the key of a certificate.
//!
//! rustls' own functions parse the certificate with webpki first, which refuses version 1. This is
//! the version that `openssl x509 -req`, and so the recipe of the PostgreSQL manual, creates.

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use rustls::{DigitallySignedStruct, Error};
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoRef};

use super::CertificateProblem;
use super::certificate::{ParsedCertificate, signed_part};

/// Verifies the server's signature in a TLS handshake.
pub(super) fn check_handshake(
    algorithms: &WebPkiSupportedAlgorithms,
    message: &[u8],
    certificate: &ParsedCertificate<'_>,
    signed: &DigitallySignedStruct,
) -> Result<(), Error> {
    let candidates = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == signed.scheme)
        .map(|(_, candidates)| *candidates)
        .ok_or_else(signature_error)?;
    let key = certificate.public_key().ok_or_else(signature_error)?;
    if candidates.iter().any(|algorithm| signature_matches(*algorithm, &key, message, signed.signature())) {
        return Ok(());
    }
    Err(signature_error())
}

/// Verifies a handshake of TLS 1.3, where the scheme determines the algorithm.
pub(super) fn check_handshake_13(
    algorithms: &WebPkiSupportedAlgorithms,
    message: &[u8],
    certificate: &ParsedCertificate<'_>,
    signed: &DigitallySignedStruct,
) -> Result<(), Error> {
    let key = certificate.public_key().ok_or_else(signature_error)?;
    let key = SubjectPublicKeyInfoDer::from(key.as_slice());
    rustls::crypto::verify_tls13_signature_with_raw_key(message, &key, signed, algorithms)
        .map(|_| ())
        .map_err(|_| signature_error())
}

fn signature_error() -> Error {
    let reason = "its key did not sign the handshake, or its key type is not supported (RSA below 2048 bits is not)";
    CertificateProblem::Unusable(reason.to_owned()).into()
}

/// Returns whether the key of `issuer` made the signature of `certificate`.
pub(super) fn is_signed_by(
    algorithms: &WebPkiSupportedAlgorithms,
    certificate: &ParsedCertificate<'_>,
    issuer: &ParsedCertificate<'_>,
) -> bool {
    let parsed = &certificate.certificate;
    if parsed.signature_algorithm != parsed.tbs_certificate.signature {
        return false;
    }
    parsed.signature.as_bytes().is_some_and(|signature| {
        is_signed(algorithms, &certificate.der, &parsed.signature_algorithm, signature, issuer)
    })
}

/// Returns whether the key of `issuer` made `signature` over the first part of `der`, a certificate
/// or a revocation list. Only *ring*'s algorithms are accepted: no MD5, no SHA-1, no RSA below 2048 bits.
pub(super) fn is_signed(
    algorithms: &WebPkiSupportedAlgorithms,
    der: &[u8],
    identifier: &AlgorithmIdentifierOwned,
    signature: &[u8],
    issuer: &ParsedCertificate<'_>,
) -> bool {
    let parts = || Some((signed_part(der)?, identifier.to_der().ok()?, issuer.public_key()?));
    let Some((message, identifier, key)) = parts() else { return false };
    let Some(identifier) = sequence_content(&identifier) else { return false };
    let mut algorithms = algorithms.all.iter().filter(|algorithm| algorithm.signature_alg_id().as_ref() == identifier);
    algorithms.any(|algorithm| signature_matches(*algorithm, &key, message, signature))
}

fn signature_matches(
    algorithm: &dyn SignatureVerificationAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let verified = || {
        let key = SubjectPublicKeyInfoRef::from_der(key).ok()?;
        let identifier = key.algorithm.to_der().ok()?;
        if algorithm.public_key_alg_id().as_ref() != sequence_content(&identifier)? {
            return None;
        }
        algorithm.verify_signature(key.subject_public_key.as_bytes()?, message, signature).ok()
    };
    verified().is_some()
}

/// Returns the content of a short DER sequence: rustls writes algorithm identifiers without the outer tag.
fn sequence_content(sequence: &[u8]) -> Option<&[u8]> {
    match sequence {
        [0x30, length, inside @ ..] if usize::from(*length) == inside.len() && *length < 0x80 => Some(inside),
        _ => None,
    }
}
