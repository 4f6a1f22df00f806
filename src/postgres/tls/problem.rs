use std::path::PathBuf;

use thiserror::Error;

/// Why a server's certificate is not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// It is not signed by an authority in `root`.
    #[error("the server's certificate (subject {subject}, issuer {issuer}) is not signed by an authority in {root}")]
    UnknownAuthority {
        /// Subject of the certificate.
        subject: String,
        /// Issuer of the certificate.
        issuer: String,
        /// The root certificates that were used.
        root: String,
    },
    /// It is for other hosts.
    #[error("the server's certificate is for {}, not for host name \"{wanted}\"", format_names(.names))]
    WrongName {
        /// The requested host name.
        wanted: String,
        /// The names in the certificate.
        names: Vec<String>,
    },
    /// It has expired.
    #[error("the server's certificate has expired")]
    Expired,
    /// It is not valid yet.
    #[error("the server's certificate is not valid yet")]
    NotYetValid,
    /// A certificate of the chain is revoked.
    #[error("the certificate of {subject} is revoked, according to {lists}")]
    Revoked {
        /// The subject of the revoked certificate.
        subject: String,
        /// The revocation lists that were used.
        lists: String,
    },
    /// It is unknown whether a certificate of the chain is revoked.
    #[error("cannot check whether the certificate of {subject} is revoked: {reason}, in {lists}")]
    RevocationUnknown {
        /// The subject of the certificate.
        subject: String,
        /// What is missing.
        reason: String,
        /// The revocation lists that were used.
        lists: String,
    },
    /// It cannot be used, for this reason.
    #[error("the server's certificate cannot be used: {0}")]
    Unusable(String),
}

fn format_names(names: &[String]) -> String {
    if names.is_empty() { "no host name".to_owned() } else { names.join(", ") }
}

impl CertificateProblem {
    /// Returns the remedy.
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownAuthority { root, .. } => format!(
                "add the certificate of the issuing authority (or the certificate itself, if it is self-signed) to {root}, or specify another file with sslrootcert"
            ),
            Self::WrongName { names, .. } if names.is_empty() => {
                "have the certificate reissued with this host name".to_owned()
            }
            Self::WrongName { names, .. } => {
                format!(
                    "connect with one of the names in the certificate ({}), with hostaddr for the address",
                    names.join(", ")
                )
            }
            Self::Expired | Self::NotYetValid => {
                "renew the certificate, or correct the clock of this machine".to_owned()
            }
            Self::Revoked { .. } => {
                "do not connect until the server has a new certificate; ask the certificate authority for the reason of the revocation"
                    .to_owned()
            }
            Self::RevocationUnknown { lists, .. } => format!(
                "add a current list of each authority of the chain, including the root, to {lists} (sslcrl, sslcrldir)"
            ),
            Self::Unusable(_) => {
                "have the server's certificate reissued; docs/tls.md lists the supported certificates".to_owned()
            }
        }
    }
}

impl From<CertificateProblem> for rustls::Error {
    fn from(problem: CertificateProblem) -> Self {
        Self::InvalidCertificate(rustls::CertificateError::Other(rustls::OtherError(std::sync::Arc::new(problem))))
    }
}

/// Why a handshake is not possible, or is not accepted.
#[derive(Clone, Debug, Error)]
pub(in crate::postgres) enum SetupProblem {
    #[error("root certificate file \"{}\" does not exist", .0.display())]
    NoRootFile(PathBuf),
    #[error("no home directory is known to look for a root certificate file")]
    NoHomeForRootFile,
    #[error("could not read root certificate file \"{}\": {reason}", .path.display())]
    BadRootFile { path: PathBuf, reason: String },
    #[error("certificate revocation list \"{}\" does not exist", .0.display())]
    NoRevocationFile(PathBuf),
    #[error("could not read certificate revocation list \"{}\": {reason}", .path.display())]
    BadRevocationFile { path: PathBuf, reason: String },
    #[error("the system has no root certificates: {0}")]
    NoSystemRoots(String),
    #[error("host name must be specified for a verified SSL connection")]
    NoHostName,
    #[error("could not read certificate file \"{}\": {reason}", .path.display())]
    BadCertificate { path: PathBuf, reason: String },
    #[error("certificate present, but not private key file \"{}\"", .0.display())]
    NoKey(PathBuf),
    #[error("private key file \"{}\" has group or world access; file must have permissions u=rw (0600) or less if owned by the current user, or permissions u=rw,g=r (0640) or less if owned by root", .0.display())]
    KeyPermissions(PathBuf),
    #[error("could not load private key file \"{}\": {reason}", .path.display())]
    BadKey { path: PathBuf, reason: String },
    #[error("sslcertmode=require, but there is no client certificate")]
    NoCertificate,
    #[error("sslcertmode=require, but the server did not request a client certificate")]
    CertificateNotRequested,
    #[error("the server did not agree on the ALPN protocol \"postgresql\"")]
    NoAlpn,
    #[error("{0}")]
    Rustls(String),
}

impl SetupProblem {
    /// Returns the remedy.
    pub(in crate::postgres) fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoRootFile(_) | Self::NoHomeForRootFile => {
                "provide the file, specify another one with sslrootcert, or use sslrootcert=system".to_owned()
            }
            Self::NoHostName => "specify host in addition to hostaddr: the name in the server's certificate".to_owned(),
            Self::NoSystemRoots(_) => "install the ca-certificates package, or specify a file with sslrootcert".to_owned(),
            Self::KeyPermissions(path) => format!("chmod 0600 \"{}\"", path.display()),
            Self::BadKey { .. } => "the key must be an unencrypted PEM or DER file that belongs to sslcert; keys with a passphrase (sslpassword) are not supported".to_owned(),
            Self::NoRevocationFile(_) => "provide it, or remove sslcrl or sslcrldir".to_owned(),
            Self::BadRevocationFile { .. } => {
                "it must contain complete lists in PEM form (X509 CRL), as openssl ca -gencrl writes them".to_owned()
            }
            Self::NoCertificate => "specify one with sslcert and sslkey".to_owned(),
            Self::NoAlpn => "sslnegotiation=direct requires PostgreSQL 17 or newer".to_owned(),
            _ => return None,
        })
    }
}
