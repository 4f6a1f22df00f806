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
        /// The name the user asked for.
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
    #[error("the certificate of {subject} is revoked, by {lists}")]
    Revoked {
        /// The subject of the revoked certificate.
        subject: String,
        /// The revocation lists that were used.
        lists: String,
    },
    /// Whether a certificate of the chain is revoked is not known.
    #[error("cannot check whether the certificate of {subject} is revoked: {reason}, in {lists}")]
    RevocationUnknown {
        /// The subject of the certificate.
        subject: String,
        /// What is missing.
        reason: String,
        /// The revocation lists that were used.
        lists: String,
    },
    /// It cannot be used for this.
    #[error("the server's certificate cannot be used: {0}")]
    Unusable(String),
}

fn format_names(names: &[String]) -> String {
    if names.is_empty() { "no host at all".to_owned() } else { names.join(", ") }
}

impl CertificateProblem {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownAuthority { root, .. } => format!(
                "put the authority that signed it (or the certificate itself, if it is self-signed) into {root}, or name another file with sslrootcert"
            ),
            Self::WrongName { names, .. } if names.is_empty() => {
                "have the certificate issued with the host's name".to_owned()
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
                "do not connect before the server has a new certificate; the administrator of the authority knows why it was revoked"
                    .to_owned()
            }
            Self::RevocationUnknown { lists, .. } => format!(
                "put a current list of each authority of the chain, the root included, into {lists} (sslcrl, sslcrldir)"
            ),
            Self::Unusable(_) => {
                "have the server's certificate issued again; docs/tls.md lists what pgtend accepts".to_owned()
            }
        }
    }
}

impl From<CertificateProblem> for rustls::Error {
    fn from(problem: CertificateProblem) -> Self {
        Self::InvalidCertificate(rustls::CertificateError::Other(rustls::OtherError(std::sync::Arc::new(problem))))
    }
}

/// Why a handshake cannot even be tried, or must not count.
#[derive(Clone, Debug, Error)]
pub(in crate::postgres) enum SetupProblem {
    #[error("root certificate file \"{}\" does not exist", .0.display())]
    NoRootFile(PathBuf),
    #[error("there is no home directory to keep a root certificate file in")]
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
    #[error("there is no client certificate, and sslcertmode=require asks for one")]
    NoCertificate,
    #[error("the server did not ask for a client certificate, and sslcertmode=require wants it to")]
    CertificateNotRequested,
    #[error("the server did not agree on the ALPN protocol \"postgresql\"")]
    NoAlpn,
    #[error("{0}")]
    Rustls(String),
}

impl SetupProblem {
    /// What to do about it.
    pub(in crate::postgres) fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoRootFile(_) | Self::NoHomeForRootFile => {
                "provide the file, name another one with sslrootcert, or use sslrootcert=system".to_owned()
            }
            Self::NoHostName => "give host beside hostaddr: the name in the server's certificate".to_owned(),
            Self::NoSystemRoots(_) => "install the ca-certificates package, or name a file with sslrootcert".to_owned(),
            Self::KeyPermissions(path) => format!("chmod 0600 \"{}\"", path.display()),
            Self::BadKey { .. } => "the key must be an unencrypted PEM or DER file that belongs to sslcert; keys with a passphrase (sslpassword) are not supported".to_owned(),
            Self::NoRevocationFile(_) => "provide it, or remove sslcrl or sslcrldir".to_owned(),
            Self::BadRevocationFile { .. } => {
                "it must hold complete lists in PEM form (X509 CRL), as openssl ca -gencrl writes them".to_owned()
            }
            Self::NoCertificate => "name one with sslcert and sslkey".to_owned(),
            Self::NoAlpn => "sslnegotiation=direct needs a server of version 17 or newer".to_owned(),
            _ => return None,
        })
    }
}
