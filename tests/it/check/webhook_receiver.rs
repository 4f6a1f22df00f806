//! An HTTP server on loopback that records the requests it receives.

use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

/// A received request: the path and the body.
pub type ReceivedRequest = (String, String);

/// The server, for as long as the test runs.
pub struct WebhookReceiver {
    port: u16,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
}

impl WebhookReceiver {
    /// Answers with these statuses one after the other, then with 200. A 429 asks for a second.
    pub fn with_statuses(statuses: &[u16]) -> WebhookReceiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::<Mutex<Vec<ReceivedRequest>>>::default();
        let (received, statuses) = (Arc::clone(&requests), statuses.to_vec());
        std::thread::spawn(move || {
            let mut statuses = statuses.into_iter();
            for stream in listener.incoming().flatten() {
                let status = statuses.next().unwrap_or(200);
                // A client that disconnects does not fail the test.
                receive_request(stream, status, &received).ok();
            }
        });
        WebhookReceiver { port, requests }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Takes the requests received so far.
    pub fn take_requests(&self) -> Vec<ReceivedRequest> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

fn receive_request(mut stream: TcpStream, status: u16, received: &Mutex<Vec<ReceivedRequest>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut length) = (String::new(), 0_usize);
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            // The client was killed: an incomplete request does not count.
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if status == 200 {
        received.lock().unwrap().push((path, String::from_utf8_lossy(&body).into_owned()));
    }
    let later = if status == 429 { "retry-after: 1\r\n" } else { "" };
    write!(stream, "HTTP/1.1 {status} X\r\n{later}content-length: 2\r\nconnection: close\r\n\r\nok")
}

/// Returns a Slack message as it is displayed, and asserts that it is within Slack's limits.
pub fn slack_text(body: &str) -> String {
    let message: Value = serde_json::from_str(body).expect("JSON");
    let blocks = message["blocks"].as_array().expect("blocks");
    assert!((1..=50).contains(&blocks.len()), "{} blocks", blocks.len());
    let mut lines = Vec::new();
    for block in blocks {
        let most = if block["type"] == "header" { 150 } else { 3_000 };
        let text = block["text"]["text"].as_str().or(block["elements"][0]["text"].as_str()).expect("a text");
        assert!(!text.is_empty() && text.chars().count() <= most, "{text}");
        lines.push(text.to_owned());
    }
    lines.join("\n")
}
