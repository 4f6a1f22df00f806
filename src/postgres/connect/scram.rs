//! The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677; PostgreSQL manual, 53.3 SASL Authentication).
//!
//! The implementation of tokio-postgres refuses more than 100,000 iterations and accepts 0.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2, rand};
use thiserror::Error;

/// The iterations below which a password is easier to guess than with PostgreSQL's default (RFC 7677, section 4).
pub(super) const LOW_ITERATIONS: u32 = 4_096;

/// Maximum number of iterations, which take about the default connect timeout on a slow machine.
pub(super) const MAX_ITERATIONS: u32 = 10_000_000;

/// Why the exchange ended.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ScramError {
    /// A message is malformed.
    #[error("malformed SCRAM message ({0})")]
    Malformed(&'static str),
    /// The iteration count is above `MAX_ITERATIONS`.
    #[error(
        "the server asks for {0} SCRAM iterations; at most {MAX_ITERATIONS} are accepted (scram_iterations on the server)"
    )]
    TooManyIterations(u64),
    /// The server reports an error.
    #[error("error received from server in SCRAM exchange: {0}")]
    Server(String),
    /// The server does not know the password.
    #[error("incorrect server signature")]
    WrongSignature,
    /// The operating system has no random numbers.
    #[error("could not generate nonce")]
    NoRandomNumbers,
}

/// How the exchange is bound to the TLS channel.
pub(super) enum Binding {
    /// The client does not support it.
    Unsupported,
    /// The client supports it and the server did not offer it.
    NotOffered,
    /// `tls-server-end-point` with the digest of the server's certificate.
    EndPoint(Vec<u8>),
}

/// The exchange before the server's first message.
pub(super) struct ClientFirst {
    nonce: String,
    header: &'static str,
    binding: Vec<u8>,
}

/// The content of the server-first-message.
#[derive(Debug)]
pub(super) struct ServerFirst {
    text: String,
    nonce: String,
    salt: Vec<u8>,
    pub(super) iterations: NonZeroU32,
}

/// The client-final-message, and the expected signature of the server.
pub(super) struct ClientFinal {
    pub(super) message: String,
    server_key: hmac::Key,
    auth_message: String,
}

impl ClientFirst {
    pub(super) fn new(binding: Binding) -> Result<Self, ScramError> {
        let random: [u8; 18] = rand::generate(&rand::SystemRandom::new())
            .map_err(|ring::error::Unspecified| ScramError::NoRandomNumbers)?
            .expose();
        Ok(Self::with_nonce(binding, STANDARD.encode(random)))
    }

    fn with_nonce(binding: Binding, nonce: String) -> Self {
        let (header, binding) = match binding {
            Binding::Unsupported => ("n,,", Vec::new()),
            Binding::NotOffered => ("y,,", Vec::new()),
            Binding::EndPoint(digest) => ("p=tls-server-end-point,,", digest),
        };
        Self { nonce, header, binding }
    }

    /// Returns the client-first-message. The server takes the role from the startup packet.
    pub(super) fn message(&self) -> String {
        format!("{}{}", self.header, self.client_first_bare())
    }

    fn client_first_bare(&self) -> String {
        format!("n=,r={}", self.nonce)
    }

    /// Reads the server-first-message.
    ///
    /// # Errors
    /// Returns [`ScramError::Malformed`] for another nonce, no salt or no iterations, [`ScramError::TooManyIterations`]
    /// above the limit.
    pub(super) fn server_first(&self, message: &[u8]) -> Result<ServerFirst, ScramError> {
        let text = std::str::from_utf8(message).map_err(|_| ScramError::Malformed("not UTF-8"))?;
        let mut attributes = text.split(',');
        let mut attribute = |name, problem| {
            attributes.next().and_then(|text| text.strip_prefix(name)).ok_or(ScramError::Malformed(problem))
        };
        let nonce = attribute("r=", "attribute \"r\" expected")?;
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(ScramError::Malformed("invalid nonce"));
        }
        let salt = attribute("s=", "attribute \"s\" expected")?;
        let salt = STANDARD.decode(salt).map_err(|_| ScramError::Malformed("invalid salt"))?;
        let iterations: u64 = attribute("i=", "attribute \"i\" expected")?
            .parse()
            .map_err(|_| ScramError::Malformed("invalid iteration count"))?;
        if iterations > u64::from(MAX_ITERATIONS) {
            return Err(ScramError::TooManyIterations(iterations));
        }
        let iterations = u32::try_from(iterations).ok().and_then(NonZeroU32::new);
        let iterations = iterations.ok_or(ScramError::Malformed("invalid iteration count"))?;
        if attributes.next().is_some() {
            return Err(ScramError::Malformed("garbage at end of server-first-message"));
        }
        Ok(ServerFirst { text: text.to_owned(), nonce: nonce.to_owned(), salt, iterations })
    }

    /// Computes the client-final-message, which takes the time of the iterations.
    pub(super) fn client_final(&self, password: &str, server: &ServerFirst) -> ClientFinal {
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        let password = stringprep::saslprep(password).unwrap_or(password.into());
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(algorithm, server.iterations, &server.salt, password.as_bytes(), &mut salted);
        let salted = hmac::Key::new(hmac::HMAC_SHA256, &salted);
        let client_key = hmac::sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let binding = STANDARD.encode([self.header.as_bytes(), &self.binding].concat());
        let without_proof = format!("c={binding},r={}", server.nonce);
        let auth_message = format!("{},{},{without_proof}", self.client_first_bare(), server.text);
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, stored_key.as_ref()), auth_message.as_bytes());
        let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(key, sign)| key ^ sign).collect();
        let server_key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&salted, b"Server Key").as_ref());
        ClientFinal { message: format!("{without_proof},p={}", STANDARD.encode(proof)), server_key, auth_message }
    }
}

impl ClientFinal {
    /// Checks the server-final-message: only a server that knows the password can sign it.
    ///
    /// # Errors
    /// Returns the server's own error, or that the message is malformed or wrongly signed.
    pub(super) fn verify(&self, message: &[u8]) -> Result<(), ScramError> {
        let text = std::str::from_utf8(message).map_err(|_| ScramError::Malformed("not UTF-8"))?;
        if let Some(error) = text.strip_prefix("e=") {
            return Err(ScramError::Server(error.chars().take(200).collect()));
        }
        let signature = text.strip_prefix("v=").ok_or(ScramError::Malformed("attribute \"v\" expected"))?;
        let signature = STANDARD.decode(signature).map_err(|_| ScramError::Malformed("invalid server signature"))?;
        hmac::verify(&self.server_key, self.auth_message.as_bytes(), &signature)
            .map_err(|ring::error::Unspecified| ScramError::WrongSignature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> ClientFirst {
        ClientFirst::with_nonce(Binding::Unsupported, "rOprNGfwEbeRWgbNEkqO".to_owned())
    }

    #[test]
    fn scram_rejects_malformed_server_messages() {
        for (message, problem) in [
            ("", "attribute \"r\" expected"),
            ("r=rOprNGfwEbeRWgbNEkqO,s=,i=4096", "invalid nonce"),
            ("r=another,s=AA==,i=4096", "invalid nonce"),
            ("r=rOprNGfwEbeRWgbNEkqOx,i=4096", "attribute \"s\" expected"),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=?,i=4096", "invalid salt"),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=AA==", "attribute \"i\" expected"),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=0", "invalid iteration count"),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=-1", "invalid iteration count"),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=1x", "invalid iteration count"),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=99999999999999999999", "invalid iteration count"),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=1,m=x", "garbage at end of server-first-message"),
        ] {
            let error = client().server_first(message.as_bytes()).unwrap_err().to_string();
            assert_eq!(error, format!("malformed SCRAM message ({problem})"), "{message}");
        }
        let error = client().server_first(b"r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=10000001").unwrap_err();
        assert_eq!(error, ScramError::TooManyIterations(10_000_001));
        let server = client().server_first(b"r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=1").unwrap();
        let finish = client().client_final("pencil", &server);
        assert_eq!(finish.verify(b"e=other-error").unwrap_err(), ScramError::Server("other-error".to_owned()));
        assert_eq!(finish.verify(b"v=AAAA").unwrap_err(), ScramError::WrongSignature);
        assert!(matches!(finish.verify(b"x").unwrap_err(), ScramError::Malformed(_)));
    }

    /// RFC 7677, section 3; the server ignores the user name, which enters the signed text.
    #[test]
    fn scram_matches_rfc_7677_example() {
        let first = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let server = client().server_first(first).unwrap();
        let ours = client().client_final("pencil", &server);
        assert!(ours.message.starts_with("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p="));
        // The example's own signature, over the text with n=user.
        let auth_message = ours.auth_message.replace("n=,", "n=user,");
        let signature = STANDARD.decode("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        assert!(hmac::verify(&ours.server_key, auth_message.as_bytes(), &signature).is_ok());
    }
}
