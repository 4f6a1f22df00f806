use std::process::{Child, Stdio};
use std::time::Duration;

use super::server::{Server, as_user, give};
use super::*;

/// pgbouncer before a server, killed with the test.
struct Pooler(Child);

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
#[ignore = "needs pgbouncer: PGTEND_TEST_PGBOUNCER is its path"]
async fn a_server_behind_pgbouncer_is_reached_and_cancelled() {
    let server = Server::start("", "local all all trust\nhost all all all trust\n", &[]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ini = server.directory.join("pgbouncer.ini");
    let text = format!(
        "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n",
        server.directory.display(),
        server.port
    );
    std::fs::write(&ini, text.replace("host=", "user=postgres host=")).unwrap();
    give(&ini, 0o600);
    let path = std::env::var("PGTEND_TEST_PGBOUNCER").expect("PGTEND_TEST_PGBOUNCER");
    let started = as_user(path).arg(&ini).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let _pooler = Pooler(started);
    let text = format!("host=127.0.0.1 port={port} dbname=postgres user=postgres");
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let error = refusal(&format!("{text} options='-c geqo=off'")).await;
    assert_says(&error, &["unsupported startup parameter"], "remove options");

    let connected = session(&text).await;
    assert_eq!(connected.server_version_num / 10_000, server.major());
    let (slept, cancelled) = tokio::join!(connected.client.batch_execute("select pg_sleep(30)"), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        connected.canceller.cancel().await
    });
    cancelled.expect("the request is taken");
    assert_eq!(slept.unwrap_err().code().unwrap().code(), "57014");
    for wanted in ["primary", "read-write"] {
        session(&format!("{text} target_session_attrs={wanted}")).await;
    }
}
