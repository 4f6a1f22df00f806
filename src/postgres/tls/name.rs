//! Whether a certificate is for a host (PostgreSQL manual, 34.19.1 Client Verification of Server Certificates).

use std::net::IpAddr;

use super::CertificateProblem;
use super::certificate::{AlternativeName, ParsedCertificate};

/// Compares the host name with the subject alternative names; with the common name only when there
/// is no alternative name of the host's kind.
pub(super) fn check_host_name(certificate: &ParsedCertificate<'_>, host: &str) -> Result<(), CertificateProblem> {
    let address: Option<IpAddr> = host.parse().ok();
    let mut names = Vec::new();
    let mut try_common_name = true;
    for name in certificate.alternative_names() {
        let fits = match &name {
            AlternativeName::Dns(pattern) => {
                try_common_name &= address.is_some();
                host_matches(pattern, host)
            }
            AlternativeName::Ip(ip) => {
                try_common_name &= address.is_none();
                address == Some(*ip)
            }
        };
        if fits {
            return Ok(());
        }
        names.push(match name {
            AlternativeName::Dns(name) => name,
            AlternativeName::Ip(ip) => ip.to_string(),
        });
    }
    if try_common_name && let Some(name) = certificate.common_name() {
        if host_matches(&name, host) {
            return Ok(());
        }
        names.push(name);
    }
    Err(CertificateProblem::WrongName { wanted: host.to_owned(), names })
}

/// Compares ignoring case; `*.` at the beginning stands for one label.
fn host_matches(pattern: &str, host: &str) -> bool {
    // A name with a NUL byte could pass for another name.
    if pattern.contains('\0') {
        return false;
    }
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some(domain), Some((label, rest))) = (pattern.strip_prefix("*."), host.split_once('.')) else { return false };
    !label.is_empty() && !domain.is_empty() && domain.eq_ignore_ascii_case(rest)
}

#[cfg(test)]
mod tests {
    use super::host_matches;

    #[test]
    fn host_matches_rejects_other_names() {
        for (pattern, host) in [
            ("db.example.com", "db.example.org"),
            ("*.example.com", "example.com"),
            ("*.example.com", "a.b.example.com"),
            ("*.example.com", ".example.com"),
            ("*", "localhost"),
            ("*.", "a."),
            ("d*.example.com", "db.example.com"),
            ("db.*.com", "db.example.com"),
            ("db.example.com\0.evil.org", "db.example.com"),
        ] {
            assert!(!host_matches(pattern, host), "{pattern} {host}");
        }
    }

    #[test]
    fn host_matches_name_and_one_wildcard_label() {
        for (pattern, host) in
            [("db.example.com", "DB.example.COM"), ("*.example.com", "db.example.com"), ("localhost", "localhost")]
        {
            assert!(host_matches(pattern, host), "{pattern} {host}");
        }
    }
}
