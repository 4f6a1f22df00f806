use std::io::ErrorKind;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::SetupProblem;
use crate::pg::conninfo::{RootCert, SslMode};
use crate::pg::read_settings_file;

/// The trusted authorities, and what to call them in a message.
#[derive(Debug)]
pub(super) struct Roots {
    pub(super) label: String,
    pub(super) store: RootCertStore,
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

/// Reads the authorities. `None`: nothing is verified, because there is no file and the mode does
/// without. A file that is there is used in every mode, as libpq does.
pub(super) fn read(source: &RootCert, mode: SslMode) -> Result<Option<Roots>, SetupProblem> {
    let (label, certificates) = match source {
        RootCert::System => ("the system's root certificates".to_owned(), system()?),
        RootCert::File(path) => match read_settings_file(path) {
            Ok(bytes) => {
                let bad = |reason: String| SetupProblem::BadRootFile { path: path.clone(), reason };
                let certificates: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
                    .collect::<Result<_, _>>()
                    .map_err(|error| bad(error.to_string()))?;
                if certificates.is_empty() {
                    return Err(bad("there is no certificate in it".to_owned()));
                }
                (format!("\"{}\"", path.display()), certificates)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return if mode >= SslMode::VerifyCa { Err(SetupProblem::NoRootFile(path.clone())) } else { Ok(None) };
            }
            Err(error) => return Err(SetupProblem::BadRootFile { path: path.clone(), reason: error.to_string() }),
        },
        RootCert::Nowhere if mode >= SslMode::VerifyCa => return Err(SetupProblem::NoRootPlace),
        RootCert::Nowhere => return Ok(None),
    };
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates.iter().cloned());
    Ok(Some(Roots { label, store, certificates }))
}

fn system() -> Result<Vec<CertificateDer<'static>>, SetupProblem> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(SetupProblem::NoSystemRoots(reasons.join("; ")));
    }
    Ok(found.certs)
}
