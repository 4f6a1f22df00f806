//! Sends notifications, with a limited number of attempts and growing pauses.

use super::{Notification, Recipient, RecipientKind};
use crate::redact;
use reqwest::{Client, Response, StatusCode, header::RETRY_AFTER};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// Attempts and timeouts for one recipient.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Maximum number of attempts.
    pub max_attempts: u32,
    /// First pause; each further pause is twice the previous one.
    pub first_pause: Duration,
    /// Timeout of one attempt.
    pub attempt_timeout: Duration,
    /// Timeout of all attempts and pauses.
    pub total_timeout: Duration,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            max_attempts: 4,
            first_pause: Duration::from_secs(1),
            attempt_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(40),
        }
    }
}

/// Why a notification was not delivered. No message contains the URL.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The URL is not valid; the text is the parser's message.
    #[error("invalid URL: {0}")]
    InvalidUrl(String),
    /// The server responded with an error; the text is its status.
    #[error("the server returned {0}")]
    Refused(String),
    /// The server could not be reached; the text has the causes.
    #[error("the server could not be reached: {0}")]
    Unreachable(String),
    /// All attempts together took longer than this timeout.
    #[error("no success within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The HTTP client could not be created; the text is its message.
    #[error("cannot create the HTTP client: {0}")]
    ClientSetup(String),
}

/// Sends notifications through the proxy of the environment (`HTTPS_PROXY`, `NO_PROXY`).
#[derive(Clone, Debug)]
pub struct Sender {
    client: Client,
    retry_policy: RetryPolicy,
}

impl Sender {
    /// Creates the HTTP client, which follows no redirects.
    ///
    /// # Errors
    ///
    /// [`NotifyError::ClientSetup`] when the client cannot be created.
    pub fn new(retry_policy: RetryPolicy) -> Result<Sender, NotifyError> {
        // A second call has no effect; the provider is the same.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder()
            .user_agent(concat!("pgtend/", env!("CARGO_PKG_VERSION")))
            .timeout(retry_policy.attempt_timeout)
            // A redirect could send a secret to an unknown host.
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Ok(Sender { client: client.map_err(|error| NotifyError::ClientSetup(error_chain_text(error)))?, retry_policy })
    }

    /// Sends a notification to one recipient. A heartbeat gets a request without content.
    ///
    /// # Errors
    ///
    /// The notification was not delivered within the limits.
    pub async fn send(&self, to: &Recipient, notification: &Notification) -> Result<(), NotifyError> {
        let total_timeout = self.retry_policy.total_timeout;
        let sending = tokio::time::timeout(
            total_timeout,
            self.send_with_retries(to, notification, Instant::now() + total_timeout),
        );
        sending.await.unwrap_or(Err(NotifyError::Timeout(total_timeout)))
    }

    async fn send_with_retries(
        &self,
        to: &Recipient,
        notification: &Notification,
        end: Instant,
    ) -> Result<(), NotifyError> {
        let url = reqwest::Url::parse(to.url.trim()).map_err(|error| NotifyError::InvalidUrl(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(NotifyError::InvalidUrl("it must begin with https:// or http://".to_owned()));
        }
        let body = to.kind.body(notification).map(without_secrets);
        let mut pause = self.retry_policy.first_pause;
        for attempt in 1.. {
            let request = match (&body, to.kind) {
                (Some(body), _) => self.client.post(url.clone()).json(body),
                (None, RecipientKind::Heartbeat) => self.client.get(url.clone()),
                (None, _) => self.client.post(url.clone()),
            };
            let (error, retry_after) = match request.send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => {
                    let (status, retry_after) = (answer.status(), retry_after(&answer));
                    let error = NotifyError::Refused(status.to_string());
                    if !(status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS) {
                        return Err(error);
                    }
                    (error, retry_after)
                }
                Err(error) => (NotifyError::Unreachable(error_chain_text(error)), None),
            };
            let wait = retry_after.map_or(pause, |wanted| wanted.max(pause));
            // A requested wait longer than the remaining time is not awaited.
            if attempt >= self.retry_policy.max_attempts || wait >= end.saturating_duration_since(Instant::now()) {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            pause *= 2;
        }
        unreachable!("the loop ends by returning")
    }
}

/// Removes secrets from the strings of the body; keys do not change.
fn without_secrets(value: Value) -> Value {
    match value {
        Value::String(text) => redact::own(&text).into_owned().into(),
        Value::Array(items) => items.into_iter().map(without_secrets).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, without_secrets(value))).collect(),
        value => value,
    }
}

/// Returns the wait that a recipient asks for, in whole seconds as Slack writes them.
fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Returns the error with its causes, without the URL.
fn error_chain_text(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        let more = tls_problem(error).map_or_else(|| error.to_string(), str::to_owned);
        if !text.contains(&more) {
            text.push_str(&format!(": {more}"));
        }
        cause = error.source();
    }
    redact::foreign(&text).into_owned()
}

/// Describes a TLS error; the library's own message names its types. `None` for other errors.
fn tls_problem(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    use rustls::{CertificateError, Error};
    let inner = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref()?.downcast_ref());
    Some(match inner.or_else(|| error.downcast_ref::<Error>())? {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "the server's certificate is not signed by a trusted root certificate of the system"
        }
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "the server's certificate has expired"
        }
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the server's certificate does not match the host name",
        Error::InvalidCertificate(_) => "the server's certificate is not valid",
        Error::AlertReceived(_) => "the server ended the TLS handshake",
        _ => "the TLS handshake failed",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_problems_hold_no_type_names() {
        use rustls::{AlertDescription, CertificateError, Error};
        for (error, part) in [
            (Error::InvalidCertificate(CertificateError::UnknownIssuer), "not signed by"),
            (Error::InvalidCertificate(CertificateError::Expired), "expired"),
            (Error::InvalidCertificate(CertificateError::NotValidForName), "does not match the host name"),
            (Error::InvalidCertificate(CertificateError::BadEncoding), "not valid"),
            (Error::AlertReceived(AlertDescription::HandshakeFailure), "ended the TLS handshake"),
        ] {
            let wrapped = std::io::Error::new(std::io::ErrorKind::InvalidData, error.clone());
            assert!(tls_problem(&wrapped).is_some_and(|text| text.contains(part)), "{error}");
            assert_eq!(tls_problem(&error), tls_problem(&wrapped), "{error}");
        }
        assert_eq!(tls_problem(&std::io::Error::other("closed")), None);
    }
    use serde_json::json;

    #[test]
    fn notification_body_holds_no_secret() {
        redact::register("password-of-notify");
        let body =
            json!({"text": "bad password-of-notify", "list": [{"password-of-notify": 1}, "password-of-notify", 2]});
        let expected = json!({"text": "bad …", "list": [{"password-of-notify": 1}, "…", 2]});
        assert_eq!(without_secrets(body), expected);
    }
}
