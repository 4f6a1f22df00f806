use pgtend::postgres::Problem;

use super::*;

fn connect_problem(error: &ConnectError) -> &Problem {
    &error.failure().attempts.last().expect("an attempt").problem
}

/// Starts a server that requests this kind of authentication and then accepts the client.
fn server_asking_for(kind: u32, body: &'static [u8]) -> HostileServer {
    HostileServer::start(move |wire| {
        wire.startup()?;
        if kind != 0 {
            wire.authentication(kind, body)?;
            wire.message()?;
        }
        wire.send_welcome("17.2")?;
        wire.serve(|_, _| Ok(()))
    })
}

const KINDS: [(&str, u32, &[u8], &str); 6] = [
    ("none", 0, b"", "server did not complete authentication"),
    ("password", 3, b"", "server requested a cleartext password"),
    ("md5", 5, b"salt", "server requested a hashed password"),
    ("gss", 7, b"", "server requested GSSAPI authentication"),
    ("sspi", 9, b"", "server requested SSPI authentication"),
    ("scram-sha-256", 10, b"SCRAM-SHA-256\0\0", "server requested SASL authentication"),
];

#[tokio::test]
async fn require_auth_refuses_before_anything_is_sent() {
    for (method, kind, body, reason) in KINDS {
        let other = if method == "md5" { "password" } else { "md5" };
        for required in [format!("!{method}"), other.to_owned()] {
            let server = server_asking_for(kind, body);
            let error = connect_error(&server, &format!("require_auth={required}")).await;
            let message = format!("authentication method requirement \"{required}\" failed: {reason}");
            assert!(error.to_string().contains(&message), "{error}");
            assert!(matches!(connect_problem(&error), Problem::MethodRefused { .. }));
            assert!(error.hint().unwrap_or_default().contains("PGREQUIREAUTH"), "{:?}", error.hint());
            // The startup packet only.
            assert_eq!(server.received().len(), 1, "{required} {method}");
        }
    }
}

#[tokio::test]
async fn require_auth_lets_allowed_methods_pass() {
    for (required, kind, body) in [
        ("none", 0, &b""[..]),
        ("!password", 0, b""),
        ("password", 3, b""),
        ("md5,password", 3, b""),
        ("md5,scram-sha-256", 5, b"salt"),
        ("!password", 5, b"salt"),
        ("!none", 5, b"salt"),
    ] {
        let server = server_asking_for(kind, body);
        let connected = connect(&conninfo(&server, &format!("require_auth={required}"))).await;
        connected.unwrap_or_else(|error| panic!("{required}: {error}"));
        assert_eq!(server.was_sent(PASSWORD.as_bytes()), kind == 3, "{required}");
    }
}

#[tokio::test]
async fn channel_binding_require_sends_no_password() {
    for (_, kind, body, _) in KINDS {
        let server = server_asking_for(kind, body);
        let error = connect_error(&server, "channel_binding=require").await;
        assert!(error.to_string().contains("channel binding"), "{error}");
        assert_eq!(server.received().len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn authentication_refuses_what_it_does_not_know() {
    for kind in [2, 4, 6, 8, 11, 12, 13, u32::MAX] {
        let server = server_asking_for(kind, b"");
        let error = connect_error(&server, "").await;
        assert!(matches!(connect_problem(&error), Problem::Authentication(_)), "{kind}: {error}");
        assert_eq!(server.received().len(), 1, "{kind}");
    }
    for body in [&b""[..], b"\0\0\0", b"\0\0\0\x05sal", b"\0\0\0\x05salty"] {
        let error = connect_error_of_script(move |wire| {
            wire.startup()?;
            wire.send(b'R', body)?;
            wire.message().map(drop)
        })
        .await;
        assert!(error.to_string().contains("received invalid authentication request"), "{error}");
    }
}

#[tokio::test]
async fn authentication_requests_do_not_repeat() {
    let server = HostileServer::start(|wire| {
        wire.startup()?;
        loop {
            wire.authentication(3, &[])?;
            wire.message()?;
        }
    });
    let error = connect_error(&server, "").await;
    assert!(error.to_string().contains("duplicate authentication request"), "{error}");
    assert_eq!(server.received().len(), 2, "the password is sent once");
}

#[tokio::test]
async fn scram_refuses_bad_first_messages() {
    let long = "x".repeat(200 << 20);
    for (tail, attributes, message) in [
        ("", "s=c2FsdA==,i=4096", "malformed SCRAM message (invalid nonce)"),
        ("x", "s=c2FsdA==,i=0", "malformed SCRAM message (invalid iteration count)"),
        ("x", "s=c2FsdA==,i=-5", "malformed SCRAM message (invalid iteration count)"),
        ("x", "s=c2FsdA==,i=", "malformed SCRAM message (invalid iteration count)"),
        ("x", "s=c2FsdA==,i=10000001", "10000001 SCRAM iterations; at most 10000000 are accepted"),
        ("x", "s=c2FsdA==,i=4294967296", "4294967296 SCRAM iterations; at most 10000000 are accepted"),
        (long.as_str(), "s=c2FsdA==,i=4096", "at most 65536 are accepted"),
    ] {
        let (tail, rest) = (tail.to_owned(), attributes.to_owned());
        let server = HostileServer::start(move |wire| {
            wire.startup()?;
            wire.scram_first(&tail, &rest)?;
            wire.message().map(drop)
        });
        let error = connect_error(&server, "").await;
        assert!(error.to_string().contains(message), "{error}");
        // The startup packet and the client-first-message, which contains no proof of the password.
        assert_eq!(server.received().len(), 2, "{attributes}");
    }
}

#[tokio::test]
async fn scram_needs_the_servers_signature() {
    for (kind, body, message) in [
        (0, &b""[..], "server did not complete authentication"),
        (12, b"v=AAAA", "incorrect server signature"),
        (12, b"e=other-error", "error received from server in SCRAM exchange: other-error"),
        (12, b"", "malformed SCRAM message"),
        (3, b"", "duplicate authentication request"),
    ] {
        let server = HostileServer::start(move |wire| {
            wire.startup()?;
            wire.scram_first("x", "s=c2FsdA==,i=4096")?;
            wire.message()?;
            wire.authentication(kind, body)?;
            wire.message().map(drop)
        });
        let error = connect_error(&server, "").await;
        assert!(error.to_string().contains(message), "{error}");
        assert!(!server.was_sent(PASSWORD.as_bytes()));
    }
}
