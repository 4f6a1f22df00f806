//! Certificate revocation lists (`sslcrl`, `sslcrldir`; PostgreSQL manual, 34.1.2 Parameter Key Words).
//!
//! As libpq configures OpenSSL (`X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL`): with a list, every
//! certificate of the chain, the root included, needs a current list of its issuer.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateRevocationListDer, UnixTime};
use x509_cert::crl::CertificateList;
use x509_cert::der::Decode;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::oid::db::rfc5280;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::AuthorityKeyIdentifier;

use super::certificate::{ParsedCertificate, identifier_matches};
use super::explain::pem_problem;
use super::{CertificateProblem, SetupProblem, signature};
use crate::postgres::conninfo::{RevocationSource, RootCert};
use crate::postgres::read_connection_file;

/// The lists of all files.
pub(super) struct RevocationLists {
    label: String,
    lists: Vec<RevocationList>,
}

struct RevocationList {
    der: CertificateRevocationListDer<'static>,
    parsed: CertificateList,
}

/// Reads the lists. Returns `None` if revocation is not checked: nothing is set and there is no file
/// in the default place.
///
/// # Errors
///
/// Returns an error if a file or folder that is set does not exist, or an existing file is not a list.
/// libpq ignores such a file and then checks nothing.
pub(super) fn read_revocation_lists(
    source: &RevocationSource,
    roots: &RootCert,
) -> Result<Option<RevocationLists>, SetupProblem> {
    let mut lists = Vec::new();
    let mut labels = Vec::new();
    if let Some(path) = &source.file {
        lists.extend(read_list_file(path)?);
        labels.push(quoted_path(path));
    }
    if let Some(path) = &source.directory {
        lists.extend(read_directory(path)?);
        labels.push(quoted_path(path));
    }
    if labels.is_empty() {
        let Some(path) = source.default_file.as_deref().filter(|_| *roots != RootCert::System) else {
            return Ok(None);
        };
        match path.try_exists() {
            Ok(false) => return Ok(None),
            Ok(true) => lists.extend(read_list_file(path)?),
            Err(error) => return Err(bad_revocation_file(path, error.to_string())),
        }
        labels.push(quoted_path(path));
    }
    // OpenSSL also reads lists in the root file.
    if let RootCert::File(path) = roots {
        lists.extend(read_lists(path)?);
    }
    Ok(Some(RevocationLists { label: labels.join(" and "), lists }))
}

fn read_list_file(path: &Path) -> Result<Vec<RevocationList>, SetupProblem> {
    let lists = read_lists(path)?;
    if lists.is_empty() {
        return Err(bad_revocation_file(path, "it contains no revocation list (X509 CRL)".to_owned()));
    }
    Ok(lists)
}

fn read_lists(path: &Path) -> Result<Vec<RevocationList>, SetupProblem> {
    let bytes = read_connection_file(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => SetupProblem::NoRevocationFile(path.to_owned()),
        _ => bad_revocation_file(path, error.to_string()),
    })?;
    let blocks = CertificateRevocationListDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
    let blocks = blocks.map_err(|error| bad_revocation_file(path, pem_problem(&error)))?;
    blocks.into_iter().map(|der| RevocationList::new(der).map_err(|reason| bad_revocation_file(path, reason))).collect()
}

/// Reads the files that `openssl rehash` names: eight hexadecimal digits, `.r`, a number. The digits
/// are not compared with the issuer.
fn read_directory(directory: &Path) -> Result<Vec<RevocationList>, SetupProblem> {
    let entries = match directory.read_dir() {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(SetupProblem::NoRevocationFile(directory.to_owned()));
        }
        Err(error) => Err(error),
    };
    let entries = entries.map_err(|error| bad_revocation_file(directory, error.to_string()))?;
    let mut paths: Vec<PathBuf> = entries
        .into_iter()
        .filter(|entry| entry.file_name().to_str().is_some_and(is_hashed_name))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| read_list_file(path))
        .collect::<Result<Vec<_>, _>>()
        .map(|lists| lists.into_iter().flatten().collect())
}

fn is_hashed_name(name: &str) -> bool {
    let Some((hash, number)) = name.split_once(".r") else { return false };
    let hexadecimal = hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    hexadecimal && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn bad_revocation_file(path: &Path, reason: String) -> SetupProblem {
    SetupProblem::BadRevocationFile { path: path.to_owned(), reason }
}

fn quoted_path(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

impl RevocationLists {
    /// Checks each certificate of `chain`, whose last one is self-signed.
    ///
    /// # Errors
    ///
    /// Returns an error if one is revoked, or if there is no current list of its issuer.
    pub(super) fn check_chain(
        &self,
        chain: &[&ParsedCertificate<'_>],
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<(), CertificateProblem> {
        let issuers = chain.iter().skip(1).chain(chain.last());
        for (certificate, issuer) in chain.iter().zip(issuers) {
            self.check_certificate(certificate, issuer, now, algorithms)?;
        }
        Ok(())
    }

    /// All lists of the issuer are checked, not only the newest one, and an invalid one refuses the
    /// certificate: which list OpenSSL uses depends on their order.
    fn check_certificate(
        &self,
        certificate: &ParsedCertificate<'_>,
        issuer: &ParsedCertificate<'_>,
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<(), CertificateProblem> {
        let of = issuer.subject();
        let unknown = |reason: String| {
            Err(CertificateProblem::RevocationUnknown {
                subject: certificate.subject(),
                reason,
                lists: self.label.clone(),
            })
        };
        let issuer_lists: Vec<&RevocationList> = self.lists.iter().filter(|list| list.is_from(issuer)).collect();
        if issuer_lists.is_empty() {
            return unknown(format!("there is no revocation list of {of}"));
        }
        if !issuer.may_sign_revocation_lists() {
            return unknown(format!("the key usage of {of} does not allow revocation lists (cRLSign)"));
        }
        let current: Vec<&RevocationList> = issuer_lists.iter().copied().filter(|list| list.is_current(now)).collect();
        if current.is_empty() {
            let early = issuer_lists.iter().all(|list| list.is_not_yet_valid(now));
            return unknown(if early {
                format!("the revocation list of {of} is not valid yet")
            } else {
                format!("the revocation list of {of} has expired")
            });
        }
        for list in current {
            if !list.is_signed_by(issuer, algorithms) {
                return unknown(format!("the signature of a revocation list was not made by {of}"));
            }
            let serial = &certificate.certificate.tbs_certificate.serial_number;
            let revoked = list.parsed.tbs_cert_list.revoked_certificates.iter().flatten();
            if revoked.into_iter().any(|entry| entry.serial_number == *serial) {
                return Err(CertificateProblem::Revoked { subject: certificate.subject(), lists: self.label.clone() });
            }
        }
        Ok(())
    }
}

impl RevocationList {
    fn new(der: CertificateRevocationListDer<'static>) -> Result<Self, String> {
        let parsed = CertificateList::from_der(&der).map_err(|_| {
            "a revocation list in it is malformed or of version 1 (openssl ca: set crlnumber)".to_owned()
        })?;
        let list = Self { der, parsed };
        let tbs = &list.parsed.tbs_cert_list;
        if let Some(extension) = list.extensions().iter().find(|extension| {
            let partial = [rfc5280::ID_CE_ISSUING_DISTRIBUTION_POINT, rfc5280::ID_CE_DELTA_CRL_INDICATOR];
            partial.contains(&extension.extn_id)
                || extension.critical && extension.extn_id != AuthorityKeyIdentifier::OID
        }) {
            let oid = extension.extn_id;
            return Err(format!("a revocation list in it has an extension ({oid}) that pgtend does not support"));
        }
        let entries = tbs.revoked_certificates.iter().flatten();
        let mut extensions = entries.flat_map(|entry| entry.crl_entry_extensions.iter().flatten());
        if extensions.any(|extension| extension.critical) {
            return Err("an entry of a revocation list in it has a critical extension".to_owned());
        }
        if tbs.signature != list.parsed.signature_algorithm {
            return Err("a revocation list in it is malformed".to_owned());
        }
        Ok(list)
    }

    fn extensions(&self) -> &[Extension] {
        self.parsed.tbs_cert_list.crl_extensions.as_deref().unwrap_or_default()
    }

    /// Returns whether the list is that of `issuer`, by name and, if it has a key identifier, by key.
    fn is_from(&self, issuer: &ParsedCertificate<'_>) -> bool {
        if self.parsed.tbs_cert_list.issuer != issuer.certificate.tbs_certificate.subject {
            return false;
        }
        let identifier = self.extensions().iter().find(|extension| extension.extn_id == AuthorityKeyIdentifier::OID);
        identifier.is_none_or(|extension| {
            AuthorityKeyIdentifier::from_der(extension.extn_value.as_bytes())
                .is_ok_and(|identifier| identifier_matches(&identifier, issuer))
        })
    }

    fn is_not_yet_valid(&self, now: UnixTime) -> bool {
        now.as_secs() < self.parsed.tbs_cert_list.this_update.to_unix_duration().as_secs()
    }

    fn is_current(&self, now: UnixTime) -> bool {
        let expired = |next: x509_cert::time::Time| now.as_secs() > next.to_unix_duration().as_secs();
        !self.is_not_yet_valid(now) && !self.parsed.tbs_cert_list.next_update.is_some_and(expired)
    }

    fn is_signed_by(&self, issuer: &ParsedCertificate<'_>, algorithms: &WebPkiSupportedAlgorithms) -> bool {
        let signed = self.parsed.signature.as_bytes();
        signed.is_some_and(|signed| {
            signature::is_signed(algorithms, &self.der, &self.parsed.signature_algorithm, signed, issuer)
        })
    }
}

impl fmt::Debug for RevocationLists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationLists").field("label", &self.label).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::is_hashed_name;

    #[test]
    fn hashed_name_rejects_other_files() {
        for name in ["0a1b2c3d.0", "0a1b2c3d.r", "0a1b2c3d.rx", "0a1b2c3.r0", "0a1b2c3dd.r0", "root.crl", "ghijklmn.r0"]
        {
            assert!(!is_hashed_name(name), "{name}");
        }
        assert!(is_hashed_name("0a1b2c3d.r0") && is_hashed_name("0A1B2C3D.r12"));
    }
}
