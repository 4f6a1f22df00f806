//! Messages for the errors of rustls and webpki, whose own texts contain names of Rust types.

use std::io;

use webpki::Error;

use super::CertificateProblem;

/// Returns the problem for an error of the library.
pub(super) fn webpki_problem(error: &Error) -> CertificateProblem {
    let reason = match error {
        Error::CertExpired { .. } => return CertificateProblem::Expired,
        Error::CertNotValidYet { .. } => return CertificateProblem::NotYetValid,
        Error::CaUsedAsEndEntity => "it is the certificate of an authority (CA:TRUE)",
        Error::EndEntityUsedAsCa => "an intermediate certificate is not that of an authority (CA:TRUE)",
        Error::CertDistrusted => "its key is distrusted",
        Error::EmptyEkuExtension | Error::RequiredEkuNotFoundContext(_) => {
            "its extended key usage, or that of an intermediate certificate, does not include serverAuth"
        }
        Error::InvalidCertValidity => "its validity ends before it begins",
        Error::NameConstraintViolation => "one of its names is outside the name constraints of its issuers",
        Error::MalformedNameConstraint | Error::InvalidNetworkMaskConstraint => {
            "the name constraints of one of its issuers are malformed"
        }
        Error::MalformedDnsIdentifier => {
            "one of its DNS names cannot be compared with the name constraints of its issuers"
        }
        Error::PathLenConstraintViolated => {
            "the chain has more intermediates than the path length of one of its issuers allows"
        }
        Error::SignatureAlgorithmMismatch => "its two signature algorithm fields differ",
        Error::UnsupportedCertVersion => "it is not X.509 version 3",
        Error::UnsupportedCriticalExtension => {
            "it or an intermediate certificate has a critical extension that pgtend does not support"
        }
        Error::UnsupportedSignatureAlgorithmContext(_) => {
            "it or an intermediate certificate is signed with an algorithm that pgtend does not accept (MD5, SHA-1 and others)"
        }
        Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "the key type of one of its issuers is not supported"
        }
        Error::InvalidSignatureForPublicKey => {
            "a signature in its chain is not valid, or made by an RSA key below 2048 bits"
        }
        Error::UnknownIssuer => "its issuer is unknown",
        Error::MaximumPathDepthExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumSignatureChecksExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => "the server sent too many certificates to try",
        Error::InvalidSerialNumber => "its serial number is malformed",
        _ => "it or an intermediate certificate is malformed",
    };
    CertificateProblem::Unusable(reason.to_owned())
}

/// Describes why a PEM file cannot be read. The library's own text contains lines of the file, which may be a key.
pub(super) fn pem_problem(error: &rustls::pki_types::pem::Error) -> String {
    use rustls::pki_types::pem::Error;
    match error {
        Error::MissingSectionEnd { .. } => "a section has no line -----END …-----".to_owned(),
        Error::IllegalSectionStart { .. } => "the first line of a section is malformed".to_owned(),
        Error::Base64Decode(_) => "it is not valid base64".to_owned(),
        Error::Io(error) => error.to_string(),
        Error::NoItemsFound => "it contains no object of this type in PEM form".to_owned(),
        _ => "it is not valid PEM".to_owned(),
    }
}

/// Describes why a handshake failed for another reason than the certificate; `error` is that of tokio-rustls.
pub(in crate::postgres) fn handshake(error: &io::Error) -> String {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match cause {
        None => error.to_string(),
        Some(rustls::Error::AlertReceived(alert)) => {
            let name = alert.as_str().map_or_else(|| "an unknown alert".to_owned(), spaced_words);
            format!(
                "the server ended the TLS handshake ({name}); it may require a TLS version, cipher, certificate or key type that the client does not offer"
            )
        }
        Some(rustls::Error::PeerIncompatible(_)) => {
            "the server and pgtend have no TLS version, cipher or key type in common".to_owned()
        }
        Some(rustls::Error::NoCertificatesPresented) => "the server sent no certificate".to_owned(),
        Some(rustls::Error::InvalidCertificate(_)) => "the server's certificate is not valid".to_owned(),
        Some(_) => "the server violated the TLS protocol".to_owned(),
    }
}

/// Converts `HandshakeFailure` to `handshake failure`.
fn spaced_words(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::UnixTime;

    use super::*;

    #[test]
    fn webpki_errors_hold_no_type_names() {
        let time = UnixTime::since_unix_epoch(std::time::Duration::ZERO);
        for error in [
            Error::BadDer,
            Error::BadDerTime,
            Error::CaUsedAsEndEntity,
            Error::CertDistrusted,
            Error::CertExpired { time, not_after: time },
            Error::CertNotValidYet { time, not_before: time },
            Error::EmptyEkuExtension,
            Error::EndEntityUsedAsCa,
            Error::ExtensionValueInvalid,
            Error::InvalidCertValidity,
            Error::InvalidNetworkMaskConstraint,
            Error::InvalidSerialNumber,
            Error::InvalidSignatureForPublicKey,
            Error::MalformedExtensions,
            Error::MalformedNameConstraint,
            Error::MaximumPathDepthExceeded,
            Error::NameConstraintViolation,
            Error::PathLenConstraintViolated,
            Error::SignatureAlgorithmMismatch,
            Error::UnknownIssuer,
            Error::UnsupportedCertVersion,
            Error::UnsupportedCriticalExtension,
        ] {
            let text = webpki_problem(&error).to_string();
            let debug = format!("{error:?}");
            let name = debug.split([' ', '(']).next().unwrap();
            assert!(text.starts_with("the server's certificate ") && !text.contains(name), "{text}");
            assert!(!text.contains("::") && !text.contains(['{', '[']), "{text}");
        }
    }

    #[test]
    fn pem_errors_quote_no_line() {
        use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
        let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
        for (file, part) in [
            (format!("{begin}\nhunter2\n"), "no line -----END"),
            ("-----BEGIN hunter2\n".to_owned(), "malformed"),
            (format!("{begin}\nhunter2!!\n{end}\n"), "not valid base64"),
            ("hunter2".to_owned(), "no object of this type"),
        ] {
            let text = pem_problem(&PrivateKeyDer::from_pem_slice(file.as_bytes()).unwrap_err());
            assert!(text.contains(part), "{file}: {text}");
            assert!(!text.contains("hunter2") && !text.contains(['[', '{']), "{file}: {text}");
        }
    }

    #[test]
    fn handshake_errors_hold_no_type_names() {
        use rustls::{AlertDescription, InvalidMessage, PeerIncompatible, PeerMisbehaved};
        for (error, part) in [
            (rustls::Error::AlertReceived(AlertDescription::HandshakeFailure), "(handshake failure)"),
            (rustls::Error::AlertReceived(AlertDescription::Unknown(250)), "(an unknown alert)"),
            (rustls::Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon), "in common"),
            (rustls::Error::PeerMisbehaved(PeerMisbehaved::IllegalTlsInnerPlaintext), "violated the TLS protocol"),
            (rustls::Error::InvalidMessage(InvalidMessage::InvalidCcs), "violated the TLS protocol"),
            (rustls::Error::NoCertificatesPresented, "no certificate"),
        ] {
            let text = handshake(&io::Error::new(io::ErrorKind::InvalidData, error.clone()));
            assert!(text.contains(part), "{error:?}: {text}");
            assert!(!text.contains("Failure") && !text.contains("::") && !text.contains('{'), "{text}");
        }
        assert_eq!(handshake(&io::Error::other("closed")), "closed");
    }
}
