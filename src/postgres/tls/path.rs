//! Checking a chain of certificates, from the server's to a trusted root, by OpenSSL's rules.
//!
//! webpki verifies signatures, dates and name constraints below the root, but takes a root as a name
//! and a key. OpenSSL, and so libpq, applies the same rules to roots as to other certificates.

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::UnixTime;
use x509_cert::ext::pkix::AuthorityKeyIdentifier;

use super::CertificateProblem;
use super::certificate::{AlternativeName, ParsedCertificate, identifier_matches};
use super::revocation::RevocationLists;

/// The certificates and lists that chains are checked with.
pub(super) struct ChainRules<'a> {
    pub(super) now: UnixTime,
    pub(super) algorithms: &'a WebPkiSupportedAlgorithms,
    /// The certificates of the root file, roots or not.
    pub(super) trusted: &'a [&'a ParsedCertificate<'a>],
    /// The certificates that the server sent in addition to its own, in order.
    pub(super) sent: &'a [&'a ParsedCertificate<'a>],
    /// `None`: revocation is not checked.
    pub(super) revocation: Option<&'a RevocationLists>,
}

impl ChainRules<'_> {
    /// Checks `chain`, whose signatures are valid: the server's certificate first, a root of the root file last.
    ///
    /// # Errors
    ///
    /// Returns the first violated rule.
    pub(super) fn check_path(&self, chain: &[&ParsedCertificate<'_>]) -> Result<(), CertificateProblem> {
        let Some((leaf, authorities)) = chain.split_first() else {
            return Err(CertificateProblem::Unusable("the server did not send it".to_owned()));
        };
        // OpenSSL ends a chain at a self-issued certificate.
        let below_root = chain.split_last().map(|(_, below)| below).unwrap_or_default();
        if let Some(self_issued) = below_root.iter().find(|certificate| is_self_signed(certificate)) {
            return Err(CertificateProblem::Unusable(format!(
                "{} is self-issued and not in the root file",
                self_issued.subject()
            )));
        }
        leaf.check_server_usage()?;
        leaf.check_critical_extensions()?;
        for certificate in chain {
            certificate.check_dates(self.now)?;
        }
        for (position, authority) in authorities.iter().enumerate() {
            authority.check_authority()?;
            let below = authorities.iter().take(position).filter(|below| !below.is_self_issued()).count();
            if authority.path_length().is_some_and(|allowed| below > usize::from(allowed)) {
                let subject = authority.subject();
                return Err(CertificateProblem::Unusable(format!(
                    "the chain has more intermediates than the path length of {subject} allows"
                )));
            }
        }
        check_name_constraints(leaf, authorities)?;
        for (child, issuer) in chain.iter().zip(authorities) {
            self.check_link(child, issuer)?;
        }
        self.revocation.map_or(Ok(()), |lists| lists.check_chain(chain, self.now, self.algorithms))
    }

    /// Checks that `issuer` is the one that OpenSSL selects: the first that matches by name, key identifier,
    /// key usage and date, trusted ones before those sent. It does not try another one when a signature
    /// does not verify or the chain ends elsewhere. If several trusted ones match, their order in
    /// OpenSSL's store decides: such a chain is refused unless they have the same key.
    fn check_link(
        &self,
        child: &ParsedCertificate<'_>,
        issuer: &ParsedCertificate<'_>,
    ) -> Result<(), CertificateProblem> {
        if !key_identifier_matches(child, issuer) {
            return Err(CertificateProblem::Unusable(format!(
                "the authority key identifier of {} does not match its issuer {}",
                child.subject(),
                issuer.subject()
            )));
        }
        let fits = |other: &ParsedCertificate<'_>| {
            child.is_issued_by(other)
                && key_identifier_matches(child, other)
                && other.may_sign_certificates()
                && other.check_dates(self.now).is_ok()
        };
        let ambiguous = || {
            Err(CertificateProblem::Unusable(format!(
                "several authorities are named {}, and the first that matches did not sign {}",
                issuer.subject(),
                child.subject()
            )))
        };
        let trusted: Vec<&ParsedCertificate<'_>> = self.trusted.iter().copied().filter(|other| fits(other)).collect();
        for other in &trusted {
            if other.public_key() != issuer.public_key() {
                return ambiguous();
            }
            other.check_authority()?;
        }
        let is_taken = |other: &ParsedCertificate<'_>| other.der == issuer.der;
        let is_openssl_choice = match trusted.as_slice() {
            [] => self.sent.iter().copied().find(|other| fits(other)).is_none_or(is_taken),
            some => some.iter().copied().any(is_taken),
        };
        if is_openssl_choice { Ok(()) } else { ambiguous() }
    }
}

/// Returns whether the authority key identifier of `child`, if there is one, matches `issuer`.
pub(super) fn key_identifier_matches(child: &ParsedCertificate<'_>, issuer: &ParsedCertificate<'_>) -> bool {
    let Ok(identifier) = child.extension::<AuthorityKeyIdentifier>() else { return false };
    identifier.is_none_or(|identifier| identifier_matches(&identifier, issuer))
}

/// Returns whether the certificate is self-issued, so that it can end a chain.
pub(super) fn is_self_signed(certificate: &ParsedCertificate<'_>) -> bool {
    certificate.is_self_issued() && key_identifier_matches(certificate, certificate)
}

/// Refuses chains whose name constraints need more than webpki has compared, the alternative names.
/// OpenSSL also compares the common name if there is no DNS name, and more kinds of names.
fn check_name_constraints(
    leaf: &ParsedCertificate<'_>,
    authorities: &[&ParsedCertificate<'_>],
) -> Result<(), CertificateProblem> {
    let Some(authority) = authorities.iter().find(|authority| authority.has_name_constraints()) else { return Ok(()) };
    let subject = authority.subject();
    if !authorities
        .iter()
        .all(|authority| !authority.has_name_constraints() || authority.has_comparable_name_constraints())
    {
        return Err(CertificateProblem::Unusable(format!(
            "the name constraints of {subject} are not only for DNS names and IP addresses"
        )));
    }
    if !leaf.alternative_names().iter().any(|name| matches!(name, AlternativeName::Dns(_))) {
        return Err(CertificateProblem::Unusable(format!(
            "{subject} has name constraints, and the server's certificate has no DNS name"
        )));
    }
    Ok(())
}
