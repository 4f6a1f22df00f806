//! A parsed X.509 certificate: names, dates, key, signed bytes.

use std::net::IpAddr;

use rustls::pki_types::{CertificateDer, UnixTime};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{Ia5StringRef, ObjectIdentifier, PrintableStringRef, TeletexStringRef, Utf8StringRef};
use x509_cert::der::oid::db::{rfc4519, rfc5912};
use x509_cert::der::{Decode, Encode, Header, Reader, SliceReader};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectAltName, SubjectKeyIdentifier};
use x509_cert::{Certificate, Version};

use super::CertificateProblem;

/// A certificate with its DER bytes.
#[derive(Clone)]
pub(super) struct ParsedCertificate<'a> {
    pub(super) der: CertificateDer<'a>,
    pub(super) certificate: Certificate,
}

impl<'a> ParsedCertificate<'a> {
    /// Parses `der`.
    ///
    /// # Errors
    ///
    /// Returns an error if it is not an X.509 certificate, or has the same extension twice.
    pub(super) fn new(der: CertificateDer<'a>) -> Result<Self, CertificateProblem> {
        let malformed = || CertificateProblem::Unusable("it is malformed".to_owned());
        let certificate = Certificate::from_der(&der).map_err(|_| malformed())?;
        let extensions = certificate.tbs_certificate.extensions.as_deref().unwrap_or_default();
        let mut ids: Vec<_> = extensions.iter().map(|extension| extension.extn_id).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| matches!(pair, [left, right] if left == right)) {
            return Err(malformed());
        }
        Ok(Self { der, certificate })
    }

    /// Parses `der` without copying it.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub(super) fn borrowed(der: &'a CertificateDer<'_>) -> Result<Self, CertificateProblem> {
        Self::new(CertificateDer::from(der.as_ref()))
    }

    pub(super) fn subject(&self) -> String {
        self.certificate.tbs_certificate.subject.to_string()
    }

    pub(super) fn issuer(&self) -> String {
        self.certificate.tbs_certificate.issuer.to_string()
    }

    pub(super) fn is_version_1(&self) -> bool {
        self.certificate.tbs_certificate.version == Version::V1
    }

    pub(super) fn is_self_issued(&self) -> bool {
        self.certificate.tbs_certificate.subject == self.certificate.tbs_certificate.issuer
    }

    pub(super) fn is_issued_by(&self, issuer: &Self) -> bool {
        self.certificate.tbs_certificate.issuer == issuer.certificate.tbs_certificate.subject
    }

    /// The certificate's key, as `SubjectPublicKeyInfo`.
    pub(super) fn public_key(&self) -> Option<Vec<u8>> {
        self.certificate.tbs_certificate.subject_public_key_info.to_der().ok()
    }

    /// Checks the validity period.
    ///
    /// # Errors
    ///
    /// Returns `NotYetValid` or `Expired`.
    pub(super) fn check_dates(&self, now: UnixTime) -> Result<(), CertificateProblem> {
        let validity = &self.certificate.tbs_certificate.validity;
        if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
            return Err(CertificateProblem::NotYetValid);
        }
        if now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
            return Err(CertificateProblem::Expired);
        }
        Ok(())
    }

    /// The names of the subject alternative names.
    pub(super) fn alternative_names(&self) -> Vec<AlternativeName> {
        let Ok(Some((_, SubjectAltName(names)))) = self.certificate.tbs_certificate.get::<SubjectAltName>() else {
            return Vec::new();
        };
        names
            .into_iter()
            .filter_map(|name| match name {
                GeneralName::DnsName(name) => Some(AlternativeName::Dns(name.to_string())),
                GeneralName::IpAddress(octets) => parse_address(octets.as_bytes()).map(AlternativeName::Ip),
                _ => None,
            })
            .collect()
    }

    /// The first common name of the subject.
    pub(super) fn common_name(&self) -> Option<String> {
        let parts = self.certificate.tbs_certificate.subject.0.iter();
        parts.flat_map(|part| part.0.iter()).find(|part| part.oid == rfc4519::CN).and_then(attribute_text)
    }
}

/// Returns the first element of the outer sequence with its header: what the signature of a
/// certificate or of a revocation list covers. The bytes are those that were read, not encoded again.
pub(super) fn signed_part(der: &[u8]) -> Option<&[u8]> {
    let mut reader = SliceReader::new(der).ok()?;
    Header::decode(&mut reader).ok()?;
    reader.tlv_bytes().ok()
}

/// One subject alternative name that can stand for a host.
pub(super) enum AlternativeName {
    Dns(String),
    Ip(IpAddr),
}

fn parse_address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

fn attribute_text(attribute: &AttributeTypeAndValue) -> Option<String> {
    let value = &attribute.value;
    let utf8 = value.decode_as::<Utf8StringRef<'_>>().map(|text| text.as_str().to_owned());
    utf8.or_else(|_| value.decode_as::<PrintableStringRef<'_>>().map(|text| text.as_str().to_owned()))
        .or_else(|_| value.decode_as::<Ia5StringRef<'_>>().map(|text| text.as_str().to_owned()))
        .or_else(|_| value.decode_as::<TeletexStringRef<'_>>().map(|text| text.as_str().to_owned()))
        .ok()
}

/// The `tls-server-end-point` channel binding of a certificate (RFC 5929, section 4.1): its hash by
/// the algorithm of its signature, SHA-256 in place of MD5 and SHA-1. `None` where that is undefined.
pub(in crate::postgres) fn end_point_digest(der: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let certificate = Certificate::from_der(der).ok()?;
    let algorithm = digest_algorithm(certificate.signature_algorithm.oid)?;
    Some(ring::digest::digest(algorithm, der).as_ref().to_vec())
}

fn digest_algorithm(signature: ObjectIdentifier) -> Option<&'static ring::digest::Algorithm> {
    match signature {
        rfc5912::SHA_1_WITH_RSA_ENCRYPTION | rfc5912::SHA_256_WITH_RSA_ENCRYPTION | rfc5912::ECDSA_WITH_SHA_256 => {
            Some(&ring::digest::SHA256)
        }
        rfc5912::SHA_384_WITH_RSA_ENCRYPTION | rfc5912::ECDSA_WITH_SHA_384 => Some(&ring::digest::SHA384),
        rfc5912::SHA_512_WITH_RSA_ENCRYPTION | rfc5912::ECDSA_WITH_SHA_512 => Some(&ring::digest::SHA512),
        _ => None,
    }
}

/// Returns whether `identifier` fits `issuer`: by key identifier, and by issuer and serial number.
pub(super) fn identifier_matches(identifier: &AuthorityKeyIdentifier, issuer: &ParsedCertificate<'_>) -> bool {
    let Ok(key) = issuer.extension::<SubjectKeyIdentifier>() else { return false };
    if let (Some(wanted), Some(key)) = (&identifier.key_identifier, &key)
        && wanted.as_bytes() != key.0.as_bytes()
    {
        return false;
    }
    let tbs = &issuer.certificate.tbs_certificate;
    if identifier.authority_cert_serial_number.as_ref().is_some_and(|serial| *serial != tbs.serial_number) {
        return false;
    }
    let names = identifier.authority_cert_issuer.iter().flatten();
    let mut directories = names.filter_map(|name| match name {
        GeneralName::DirectoryName(name) => Some(name),
        _ => None,
    });
    directories.next().is_none_or(|name| *name == tbs.issuer)
}
