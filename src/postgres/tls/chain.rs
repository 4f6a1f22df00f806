//! Whether a certificate is signed by a trusted authority.

use std::cell::RefCell;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use super::certificate::ParsedCertificate;
use super::path::{ChainRules, is_self_signed, key_identifier_matches};
use super::revocation::RevocationLists;
use super::roots::TrustedRoots;
use super::{CertificateProblem, explain, signature};

/// Verifies the chain of `leaf`; `sent` are the certificates that the server sent with it.
///
/// Three kinds are accepted, and nothing that libpq refuses:
/// a certificate of the root file that is self-signed, compared byte by byte; a chain that webpki
/// verifies; and a certificate that webpki refuses because it is version 1 or has CA:TRUE, if a root
/// signed it directly.
///
/// # Errors
///
/// Returns why the certificate is not accepted.
pub(super) fn check_chain(
    roots: &TrustedRoots,
    revocation: Option<&RevocationLists>,
    leaf: &ParsedCertificate<'_>,
    sent: &[CertificateDer<'_>],
    now: UnixTime,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), CertificateProblem> {
    let sent_parsed: Vec<ParsedCertificate<'_>> =
        sent.iter().filter_map(|der| ParsedCertificate::borrowed(der).ok()).collect();
    let sent_parsed: Vec<&ParsedCertificate<'_>> = sent_parsed.iter().collect();
    let trusted: Vec<&ParsedCertificate<'_>> = roots.certificates().collect();
    let rules = ChainRules { now, algorithms, trusted: &trusted, sent: &sent_parsed, revocation };
    if is_self_signed(leaf) && roots.certificates().any(|root| root.der == leaf.der) {
        // No signature to verify: the certificate itself is trusted.
        return rules.check_path(&[leaf]);
    }
    match check_with_webpki(roots, leaf, sent, &rules) {
        Err(ChainFailure::LeafKind) => check_directly_signed(roots, leaf, &rules),
        Err(ChainFailure::Problem(problem)) => Err(problem),
        Err(ChainFailure::UnknownAuthority) => Err(unknown_authority(roots, leaf)),
        Ok(()) => Ok(()),
    }
}

enum ChainFailure {
    /// The leaf is of version 1 or has CA:TRUE.
    LeafKind,
    UnknownAuthority,
    Problem(CertificateProblem),
}

fn check_with_webpki(
    roots: &TrustedRoots,
    leaf: &ParsedCertificate<'_>,
    sent: &[CertificateDer<'_>],
    rules: &ChainRules<'_>,
) -> Result<(), ChainFailure> {
    // For OpenSSL, a certificate of the root file that is not self-signed is not a root, only an intermediate.
    let anchors: Vec<TrustAnchor<'_>> = roots.anchors().cloned().collect();
    let trusted_links = roots.links().map(|link| CertificateDer::from(link.der.as_ref()));
    let sent_links = sent.iter().map(|der| CertificateDer::from(der.as_ref()));
    let links: Vec<CertificateDer<'_>> = trusted_links.chain(sent_links).collect();
    let refused = RefCell::new(None);
    let verify = |path: &VerifiedPath<'_>| {
        check_path(roots, leaf, path, rules).map_err(|problem| {
            refused.borrow_mut().get_or_insert(problem);
            webpki::Error::UnknownIssuer
        })
    };
    let verdict = EndEntityCert::try_from(&leaf.der).and_then(|certificate| {
        let usage = KeyUsage::server_auth();
        certificate
            .verify_for_usage(rules.algorithms.all, &anchors, &links, rules.now, usage, None, Some(&verify))
            .map(|_| ())
    });
    match (verdict, refused.into_inner()) {
        (Ok(()), _) => Ok(()),
        (Err(webpki::Error::UnsupportedCertVersion | webpki::Error::CaUsedAsEndEntity), _) => {
            Err(ChainFailure::LeafKind)
        }
        (Err(_), Some(problem)) => Err(ChainFailure::Problem(problem)),
        (Err(webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey), None) => {
            Err(ChainFailure::UnknownAuthority)
        }
        (Err(error), None) => Err(ChainFailure::Problem(explain::webpki_problem(&error))),
    }
}

/// Applies OpenSSL's rules to a chain that webpki has verified. If several roots have the same name and
/// key, each currently valid one must satisfy them.
fn check_path(
    roots: &TrustedRoots,
    leaf: &ParsedCertificate<'_>,
    path: &VerifiedPath<'_>,
    rules: &ChainRules<'_>,
) -> Result<(), CertificateProblem> {
    let intermediates: Vec<CertificateDer<'_>> =
        path.intermediate_certificates().map(|intermediate| intermediate.der()).collect();
    let intermediates: Vec<ParsedCertificate<'_>> =
        intermediates.iter().map(ParsedCertificate::borrowed).collect::<Result<_, _>>()?;
    let same: Vec<&ParsedCertificate<'_>> = roots.with_anchor(path.anchor()).collect();
    let valid: Vec<&ParsedCertificate<'_>> =
        same.iter().copied().filter(|root| root.check_dates(rules.now).is_ok()).collect();
    let candidates = if valid.is_empty() { same } else { valid };
    if candidates.is_empty() {
        return Err(unknown_authority(roots, leaf));
    }
    for root in candidates {
        let chain: Vec<&ParsedCertificate<'_>> = [leaf].into_iter().chain(&intermediates).chain([root]).collect();
        rules.check_path(&chain)?;
    }
    Ok(())
}

/// Accepts a certificate of version 1 or with CA:TRUE that a root without name constraints signed.
fn check_directly_signed(
    roots: &TrustedRoots,
    leaf: &ParsedCertificate<'_>,
    rules: &ChainRules<'_>,
) -> Result<(), CertificateProblem> {
    let signers: Vec<&ParsedCertificate<'_>> = roots
        .roots()
        .filter(|root| leaf.is_issued_by(root) && key_identifier_matches(leaf, root))
        .filter(|root| signature::is_signed_by(rules.algorithms, leaf, root))
        .collect();
    let valid: Vec<&ParsedCertificate<'_>> =
        signers.iter().copied().filter(|root| root.check_dates(rules.now).is_ok()).collect();
    let candidates = if valid.is_empty() { signers } else { valid };
    if candidates.is_empty() {
        return Err(unknown_authority(roots, leaf));
    }
    for root in candidates {
        if root.has_name_constraints() {
            let kind = if leaf.is_version_1() { "is X.509 version 1" } else { "is that of an authority (CA:TRUE)" };
            return Err(CertificateProblem::Unusable(format!(
                "it {kind} and its issuer {} has name constraints",
                root.subject()
            )));
        }
        rules.check_path(&[leaf, root])?;
    }
    Ok(())
}

fn unknown_authority(roots: &TrustedRoots, leaf: &ParsedCertificate<'_>) -> CertificateProblem {
    CertificateProblem::UnknownAuthority { subject: leaf.subject(), issuer: leaf.issuer(), root: roots.label.clone() }
}
