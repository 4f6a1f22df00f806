//! The client certificate (PostgreSQL manual, 34.19.2 Client Certificates).

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::SetupProblem;
use super::explain::pem_problem;
use crate::postgres::conninfo::{SslCertMode, TlsParameters};
use crate::postgres::read_connection_file;

/// The client certificate, and whether the server has requested one.
pub(super) struct ClientIdentity {
    key: Option<Arc<CertifiedKey>>,
    was_requested: AtomicBool,
}

impl ClientIdentity {
    pub(super) fn read(parameters: &TlsParameters, provider: &CryptoProvider) -> Result<Self, SetupProblem> {
        let wanted = parameters.cert.as_deref().filter(|_| parameters.cert_mode != SslCertMode::Disable);
        // As in libpq, a missing certificate file is not an error.
        let key = match wanted.filter(|path| path.exists()) {
            Some(cert) => Some(Arc::new(certified_key(cert, parameters.key.as_deref(), provider)?)),
            None if parameters.cert_mode == SslCertMode::Require => return Err(SetupProblem::NoCertificate),
            None => None,
        };
        Ok(Self { key, was_requested: AtomicBool::new(false) })
    }

    pub(super) fn was_requested(&self) -> bool {
        self.was_requested.load(Ordering::Relaxed)
    }
}

fn certified_key(cert: &Path, key: Option<&Path>, provider: &CryptoProvider) -> Result<CertifiedKey, SetupProblem> {
    let bad_cert = |reason: String| SetupProblem::BadCertificate { path: cert.to_owned(), reason };
    let chain: Vec<CertificateDer<'static>> = read_connection_file(cert)
        .map_err(|error| error.to_string())
        .and_then(|bytes| {
            CertificateDer::pem_slice_iter(&bytes).collect::<Result<_, _>>().map_err(|error| pem_problem(&error))
        })
        .map_err(bad_cert)?;
    if chain.is_empty() {
        return Err(bad_cert("it contains no certificate".to_owned()));
    }
    let Some(key) = key else { return Err(bad_cert("no home directory is known to look for its key".to_owned())) };
    check_key_mode(key)?;
    let bad_key = |reason: String| SetupProblem::BadKey { path: key.to_owned(), reason };
    let bytes = read_connection_file(key).map_err(|error| bad_key(error.to_string()))?;
    let private = PrivateKeyDer::from_pem_slice(&bytes)
        .or_else(|error| PrivateKeyDer::try_from(bytes.clone()).map_err(|_| error))
        .map_err(|error| bad_key(pem_problem(&error)))?;
    let signing = provider.key_provider.load_private_key(private).map_err(|error| bad_key(error.to_string()))?;
    let certified = CertifiedKey::new(chain, signing);
    match certified.keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err(bad_key(format!("it does not belong to \"{}\"", cert.display())))
        }
        _ => Ok(certified),
    }
}

fn check_key_mode(key: &Path) -> Result<(), SetupProblem> {
    let Ok(metadata) = key.metadata() else { return Err(SetupProblem::NoKey(key.to_owned())) };
    if !metadata.is_file() {
        return Err(SetupProblem::BadKey { path: key.to_owned(), reason: "it is not a regular file".to_owned() });
    }
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if metadata.mode() & forbidden != 0 {
        return Err(SetupProblem::KeyPermissions(key.to_owned()));
    }
    Ok(())
}

impl ResolvesClientCert for ClientIdentity {
    fn resolve(&self, _root_hint_subjects: &[&[u8]], _sigschemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.was_requested.store(true, Ordering::Relaxed);
        self.key.clone()
    }

    // Always true: otherwise rustls would not call `resolve`, and the server's request would go unnoticed.
    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("present", &self.key.is_some()).finish()
    }
}
