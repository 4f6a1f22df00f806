//! The trusted certificates (`sslrootcert`).

use std::fmt;
use std::io::ErrorKind;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, TrustAnchor};

use super::SetupProblem;
use super::certificate::ParsedCertificate;
use super::explain::pem_problem;
use super::path::is_self_signed;
use crate::postgres::conninfo::{RootCert, SslMode};
use crate::postgres::read_connection_file;

/// The trusted certificates, and their source for messages.
pub(super) struct TrustedRoots {
    pub(super) label: String,
    roots: Vec<Root>,
    links: Vec<ParsedCertificate<'static>>,
}

/// A self-signed certificate, with its form for webpki.
struct Root {
    anchor: TrustAnchor<'static>,
    certificate: ParsedCertificate<'static>,
}

impl TrustedRoots {
    /// Sorts the certificates into roots and others. Those that cannot be parsed are omitted.
    fn new(label: String, certificates: Vec<CertificateDer<'static>>) -> Self {
        let mut roots = Vec::new();
        let mut links = Vec::new();
        for certificate in certificates.into_iter().filter_map(|der| ParsedCertificate::new(der).ok()) {
            if !is_self_signed(&certificate) {
                links.push(certificate);
            } else if let Ok(anchor) = webpki::anchor_from_trusted_cert(&certificate.der) {
                roots.push(Root { anchor: anchor.to_owned(), certificate });
            }
        }
        Self { label, roots, links }
    }

    /// Returns all certificates.
    pub(super) fn certificates(&self) -> impl Iterator<Item = &ParsedCertificate<'_>> {
        self.roots().chain(self.links())
    }

    /// Returns the self-signed certificates.
    pub(super) fn roots(&self) -> impl Iterator<Item = &ParsedCertificate<'_>> {
        self.roots.iter().map(|root| &root.certificate)
    }

    /// Returns the certificates that are not self-signed: links of a chain, never its end.
    pub(super) fn links(&self) -> impl Iterator<Item = &ParsedCertificate<'_>> {
        self.links.iter()
    }

    /// Returns the roots for webpki.
    pub(super) fn anchors(&self) -> impl Iterator<Item = &TrustAnchor<'static>> {
        self.roots.iter().map(|root| &root.anchor)
    }

    /// Returns the roots with the name and key of `anchor`.
    pub(super) fn with_anchor(&self, anchor: &TrustAnchor<'_>) -> impl Iterator<Item = &ParsedCertificate<'_>> {
        let same = |root: &&Root| {
            root.anchor.subject == anchor.subject
                && root.anchor.subject_public_key_info == anchor.subject_public_key_info
        };
        self.roots.iter().filter(same).map(|root| &root.certificate)
    }
}

impl fmt::Debug for TrustedRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roots").field("label", &self.label).finish_non_exhaustive()
    }
}

/// Reads the trusted certificates. Returns `None` if there is no file and the mode verifies only
/// with a file. A file that exists is used in every mode, as in libpq.
///
/// # Errors
///
/// Returns an error if the file is missing and required, cannot be read, or contains no certificate.
pub(super) fn read_trusted_roots(source: &RootCert, mode: SslMode) -> Result<Option<TrustedRoots>, SetupProblem> {
    let (label, certificates) = match source {
        RootCert::System => ("the system's root certificates".to_owned(), system_roots()?),
        RootCert::File(path) => match read_connection_file(path) {
            Ok(bytes) => {
                let bad = |reason: String| SetupProblem::BadRootFile { path: path.clone(), reason };
                let certificates: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
                    .collect::<Result<_, _>>()
                    .map_err(|error| bad(pem_problem(&error)))?;
                if certificates.is_empty() {
                    return Err(bad("it contains no certificate".to_owned()));
                }
                (format!("\"{}\"", path.display()), certificates)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return if mode >= SslMode::VerifyCa { Err(SetupProblem::NoRootFile(path.clone())) } else { Ok(None) };
            }
            Err(error) => return Err(SetupProblem::BadRootFile { path: path.clone(), reason: error.to_string() }),
        },
        RootCert::NoHome if mode >= SslMode::VerifyCa => return Err(SetupProblem::NoHomeForRootFile),
        RootCert::NoHome => return Ok(None),
    };
    Ok(Some(TrustedRoots::new(label, certificates)))
}

fn system_roots() -> Result<Vec<CertificateDer<'static>>, SetupProblem> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let reasons: Vec<String> = found
            .errors
            .iter()
            .map(|error| match &error.kind {
                rustls_native_certs::ErrorKind::Pem(problem) => format!("{}: {}", error.context, pem_problem(problem)),
                _ => error.to_string(),
            })
            .collect();
        return Err(SetupProblem::NoSystemRoots(reasons.join("; ")));
    }
    Ok(found.certs)
}
