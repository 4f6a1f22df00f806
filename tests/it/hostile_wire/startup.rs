use std::time::{Duration, Instant};

use super::*;

#[track_caller]
fn assert_says(error: &ConnectError, message: &str) {
    assert!(error.to_string().contains(message), "{message:?} is not in: {error}");
    assert!(error.hint().is_some(), "{error}");
}

#[tokio::test]
async fn startup_refuses_a_2_gb_message() {
    for tag in [b'R', b'S', b'K', b'N', b'Z'] {
        let error = connect_error_of_script(move |wire| {
            wire.startup()?;
            wire.raw(&[&[tag], &(1_u32 << 31).to_be_bytes()[..]].concat())?;
            wire.message().map(drop)
        })
        .await;
        assert_says(
            &error,
            "the server sent 2147483648 bytes before the session was ready; at most 65536 are accepted",
        );
    }
}

#[tokio::test]
async fn startup_refuses_a_flood_of_parameters() {
    let error = connect_error_of_script(|wire| {
        wire.startup()?;
        wire.authentication(0, &[])?;
        (0..u32::MAX).try_for_each(|number| wire.parameter(&format!("p{number}"), &"x".repeat(1_000)))
    })
    .await;
    assert_says(&error, "at most 1048576 are accepted");
}

#[tokio::test]
async fn startup_refuses_a_flood_of_notices() {
    let error = connect_error_of_script(|wire| {
        wire.startup()?;
        wire.authentication(0, &[])?;
        loop {
            wire.send(b'N', format!("SNOTICE\0C00000\0M{}\0\0", "x".repeat(5_000)).as_bytes())?;
        }
    })
    .await;
    assert_says(&error, "at most 1048576 are accepted");
}

#[tokio::test]
async fn startup_refuses_out_of_order_messages() {
    for tag in [b'S', b'K', b'Z', b'T', b'D', b'H'] {
        let error = connect_error_of_script(move |wire| {
            wire.startup()?;
            wire.send(tag, &[0; 8])?;
            wire.message().map(drop)
        })
        .await;
        assert_says(
            &error,
            &format!("expected authentication request from server, but received '{}'", char::from(tag)),
        );
    }
    // A notice may be sent at any time, but it does not replace an authentication request.
    let error = connect_error_of_script(|wire| {
        wire.startup()?;
        wire.send(b'N', b"SNOTICE\0Mhello\0\0")?;
        wire.send(b'Z', b"I")?;
        wire.message().map(drop)
    })
    .await;
    assert_says(&error, "expected authentication request from server, but received 'Z'");
    let error = connect_error_of_script(|wire| {
        wire.startup()?;
        wire.send(b'v', &[0, 3, 0, 0, 0, 0, 0, 0])?;
        wire.message().map(drop)
    })
    .await;
    assert_says(&error, "does not support protocol 3.0");
    let error = connect_error_of_script(|wire| {
        wire.startup()?;
        wire.authentication(0, &[])?;
        wire.authentication(3, &[])?;
        wire.message().map(drop)
    })
    .await;
    assert_says(&error, "but received 'R'");
}

#[tokio::test]
async fn startup_truncates_an_error_of_5_mb() {
    let error = connect_error_of_script(|wire| {
        wire.startup()?;
        wire.error("FATAL", "28000", &"x".repeat(5_000_000))
    })
    .await;
    let text = error.to_string();
    assert!(text.len() < 10_000 && text.contains("FATAL: xxx"), "{} bytes", text.len());
}

#[tokio::test]
async fn startup_ends_slow_server_at_timeout() {
    let server = HostileServer::start(|wire| {
        wire.startup()?;
        for byte in b"R\0\0\0\x08\0\0\0\0S\0\0\0\x08a\0b\0".iter().cycle() {
            wire.raw(&[*byte])?;
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    });
    let since = Instant::now();
    let error = connect_error(&server, "connect_timeout=2").await;
    assert!(since.elapsed() < Duration::from_secs(10));
    assert_says(&error, "timeout after 2 s");
    let hint = error.hint().unwrap_or_default();
    assert!(!hint.contains("no answer") && hint.contains("connect_timeout"), "{hint}");
}

#[tokio::test]
async fn startup_ends_session_attrs_query_at_timeout() {
    let server = HostileServer::start(|wire| {
        wire.startup()?;
        wire.authentication(0, &[])?;
        wire.parameter("server_version", "13.1")?;
        wire.ready()?;
        wire.message()?;
        std::thread::sleep(Duration::from_secs(8));
        Ok(())
    });
    let error = connect_error(&server, "connect_timeout=2 target_session_attrs=primary").await;
    assert_says(&error, "timeout after 2 s");
}

#[tokio::test]
async fn startup_bounds_the_session_attrs_answer() {
    let server = HostileServer::start(|wire| {
        wire.startup()?;
        wire.authentication(0, &[])?;
        wire.parameter("server_version", "13.1")?;
        wire.ready()?;
        wire.message()?;
        wire.send(b'T', b"\0\x01x\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0")?;
        let rows = b"D\0\0\0\x0b\0\x01\0\0\0\x01f".repeat(1_000);
        loop {
            wire.raw(&rows)?;
        }
    });
    let error = connect_error(&server, "target_session_attrs=standby").await;
    assert_says(&error, "at most 1048576 are accepted");
}
