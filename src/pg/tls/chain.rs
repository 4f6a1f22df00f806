//! Whether a certificate is signed by a trusted authority.

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error};

use super::certificate::Parsed;
use super::roots::Roots;
use super::{CertificateProblem, signature};

/// Verifies the chain: by webpki, and where webpki is stricter than OpenSSL, by hand.
pub(super) fn check(
    roots: &Roots,
    leaf: &Parsed<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), CertificateProblem> {
    let verdict = ParsedCertificate::try_from(leaf.der).and_then(|certificate| {
        verify_server_cert_signed_by_trust_anchor(&certificate, &roots.store, intermediates, now, algorithms.all)
    });
    match verdict {
        Ok(()) => Ok(()),
        Err(Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })) => {
            Err(CertificateProblem::Expired)
        }
        Err(Error::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. })) => {
            Err(CertificateProblem::NotYetValid)
        }
        // OpenSSL accepts both under a trusted root: the self-signed certificate of the manual's
        // recipe, which is an authority too, and version 1, which `openssl x509 -req` makes.
        Err(_) if leaf.may_sign() || leaf.is_version_1() => check_by_hand(roots, leaf, now, algorithms),
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {
            Err(unknown_authority(roots, leaf))
        }
        Err(Error::InvalidCertificate(problem)) => Err(CertificateProblem::Unusable(problem.to_string())),
        Err(error) => Err(CertificateProblem::Unusable(error.to_string())),
    }
}

/// Accepts a certificate that is a trusted root itself, or that a trusted root signed directly.
fn check_by_hand(
    roots: &Roots,
    leaf: &Parsed<'_>,
    now: UnixTime,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), CertificateProblem> {
    let is_root = leaf.is_self_issued() && roots.certificates.iter().any(|root| root.as_ref() == leaf.der.as_ref());
    let issuer = roots
        .certificates
        .iter()
        .filter_map(|root| Parsed::new(root).ok())
        .find(|root| leaf.is_issued_by(root) && root.may_sign() && signature::is_signed_by(algorithms, leaf, root));
    match issuer {
        _ if is_root => {}
        Some(issuer) => issuer.check_dates(now)?,
        None => return Err(unknown_authority(roots, leaf)),
    }
    leaf.check_dates(now)?;
    if !leaf.may_be_a_server() {
        return Err(CertificateProblem::Unusable("its extended key usage does not include serverAuth".to_owned()));
    }
    Ok(())
}

fn unknown_authority(roots: &Roots, leaf: &Parsed<'_>) -> CertificateProblem {
    CertificateProblem::UnknownAuthority { subject: leaf.subject(), issuer: leaf.issuer(), root: roots.label.clone() }
}
