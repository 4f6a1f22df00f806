//! What the extensions of a certificate allow, by the rules of OpenSSL (`crypto/x509/v3_purp.c` and
//! `crypto/x509/x509_vfy.c` of 3.0), because libpq verifies with it.

use x509_cert::der::asn1::{BitString, ObjectIdentifier};
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::oid::db::rfc5280;
use x509_cert::der::{Decode, DecodeOwned};
use x509_cert::ext::pkix::constraints::name::{GeneralSubtree, NameConstraints};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

use super::CertificateProblem;
use super::certificate::ParsedCertificate;

/// Netscape's certificate type, an old extension that OpenSSL still checks.
const NETSCAPE_CERT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113730.1.1");

/// The critical extensions that are supported, or have no effect on this use in OpenSSL.
const KNOWN_CRITICAL: [ObjectIdentifier; 11] = [
    rfc5280::ID_CE_BASIC_CONSTRAINTS,
    rfc5280::ID_CE_KEY_USAGE,
    rfc5280::ID_CE_EXT_KEY_USAGE,
    rfc5280::ID_CE_SUBJECT_ALT_NAME,
    rfc5280::ID_CE_NAME_CONSTRAINTS,
    rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS,
    rfc5280::ID_CE_CERTIFICATE_POLICIES,
    rfc5280::ID_CE_POLICY_MAPPINGS,
    rfc5280::ID_CE_POLICY_CONSTRAINTS,
    rfc5280::ID_CE_INHIBIT_ANY_POLICY,
    NETSCAPE_CERT_TYPE,
];

impl ParsedCertificate<'_> {
    /// Returns whether the certificate has name constraints.
    pub(super) fn has_name_constraints(&self) -> bool {
        !matches!(self.extension::<NameConstraints>(), Ok(None))
    }

    /// Returns whether all name constraints are for DNS names and IP addresses, the kinds that
    /// webpki and OpenSSL compare in the same way.
    pub(super) fn has_comparable_name_constraints(&self) -> bool {
        let Ok(Some(constraints)) = self.extension::<NameConstraints>() else { return false };
        let comparable = |subtree: &GeneralSubtree| {
            let kind = matches!(subtree.base, GeneralName::DnsName(_) | GeneralName::IpAddress(_));
            kind && subtree.minimum == 0 && subtree.maximum.is_none()
        };
        let subtrees = [constraints.permitted_subtrees, constraints.excluded_subtrees];
        subtrees.into_iter().flatten().flatten().all(|subtree| comparable(&subtree))
    }

    /// Returns the number of intermediates that the basic constraints allow below the certificate.
    pub(super) fn path_length(&self) -> Option<u8> {
        self.extension::<BasicConstraints>().ok().flatten().and_then(|constraints| constraints.path_len_constraint)
    }

    /// Returns whether the key usage, if there is one, includes signing revocation lists.
    pub(super) fn may_sign_revocation_lists(&self) -> bool {
        self.extension::<KeyUsage>().is_ok_and(|usage| usage.is_none_or(|usage| usage.crl_sign()))
    }

    /// Returns whether the key usage, if there is one, includes signing certificates.
    pub(super) fn may_sign_certificates(&self) -> bool {
        self.extension::<KeyUsage>().is_ok_and(|usage| usage.is_none_or(|usage| usage.key_cert_sign()))
    }

    /// Checks that no critical extension is unknown.
    ///
    /// # Errors
    ///
    /// Returns an error that names the extension by its OID.
    pub(super) fn check_critical_extensions(&self) -> Result<(), CertificateProblem> {
        let extensions = self.certificate.tbs_certificate.extensions.as_deref().unwrap_or_default();
        match extensions.iter().find(|extension| extension.critical && !KNOWN_CRITICAL.contains(&extension.extn_id)) {
            Some(extension) => {
                let subject = self.subject();
                let oid = extension.extn_id;
                Err(unusable(format!("{subject} has a critical extension ({oid}) that pgtend does not support")))
            }
            None => Ok(()),
        }
    }

    /// Checks that the certificate may be that of a server.
    ///
    /// # Errors
    ///
    /// Returns an error if the key usage or the extended key usage excludes it, or is malformed.
    pub(super) fn check_server_usage(&self) -> Result<(), CertificateProblem> {
        self.check_extended_key_usage()?;
        if let Some(constraints) = self.extension::<BasicConstraints>()?
            && constraints.path_len_constraint.is_some()
            && !constraints.ca
        {
            return Err(unusable("its basic constraints have a path length but not CA:TRUE".to_owned()));
        }
        let usage = self.extension::<KeyUsage>()?;
        if usage.is_some_and(|usage| !usage.digital_signature() && !usage.key_encipherment() && !usage.key_agreement())
        {
            return Err(unusable("its key usage does not allow TLS".to_owned()));
        }
        if let Some(bytes) = self.extension_bytes(NETSCAPE_CERT_TYPE) {
            let server = BitString::from_der(bytes).ok().and_then(|bits| bits.raw_bytes().first().copied());
            if server.is_none_or(|bits| bits & 0x40 == 0) {
                return Err(unusable("its Netscape certificate type does not include SSL server".to_owned()));
            }
        }
        Ok(())
    }

    /// Checks that the certificate can issue those of servers. Version 1 has no basic constraints;
    /// OpenSSL lets a self-signed one sign.
    ///
    /// # Errors
    ///
    /// Returns an error if an extension excludes it, or is malformed or unknown and critical.
    pub(super) fn check_authority(&self) -> Result<(), CertificateProblem> {
        let excluded = |why: &str| Err(unusable(format!("its issuer {} {why}", self.subject())));
        self.check_critical_extensions()?;
        if !self.may_sign_certificates() {
            return excluded("cannot sign certificates: its key usage does not include keyCertSign");
        }
        let is_ca = match self.extension::<BasicConstraints>()? {
            Some(constraints) => constraints.ca,
            None => self.is_version_1() && self.is_self_issued(),
        };
        if !is_ca {
            return excluded("is not a certificate authority (CA:TRUE)");
        }
        self.check_extended_key_usage()
            .or_else(|_| excluded("cannot issue server certificates: its extended key usage excludes serverAuth"))
    }

    /// Requires serverAuth. As in OpenSSL, anyExtendedKeyUsage does not include it.
    fn check_extended_key_usage(&self) -> Result<(), CertificateProblem> {
        match self.extension::<ExtendedKeyUsage>()? {
            Some(usage) if !usage.0.contains(&rfc5280::ID_KP_SERVER_AUTH) => {
                Err(unusable("its extended key usage does not include serverAuth".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Returns the decoded value of an extension.
    ///
    /// # Errors
    ///
    /// Returns an error if it is malformed: a malformed extension is not a missing one.
    pub(super) fn extension<T: AssociatedOid + DecodeOwned>(&self) -> Result<Option<T>, CertificateProblem> {
        self.extension_bytes(T::OID)
            .map(T::from_der)
            .transpose()
            .map_err(|_| unusable(format!("an extension of {} is malformed", self.subject())))
    }

    fn extension_bytes(&self, id: ObjectIdentifier) -> Option<&[u8]> {
        let extensions = self.certificate.tbs_certificate.extensions.as_deref().unwrap_or_default();
        extensions.iter().find(|extension| extension.extn_id == id).map(|extension| extension.extn_value.as_bytes())
    }
}

fn unusable(reason: String) -> CertificateProblem {
    CertificateProblem::Unusable(reason)
}
