use std::time::Duration;

use super::pgbouncer::{Pgbouncer, program};
use super::*;
use crate::clusters::{majors, shared};

#[tokio::test]
async fn a_server_behind_pgbouncer_is_reached_and_cancelled() {
    let Some(program) = program("behind pgbouncer") else { return };
    let major = *majors().keys().max().expect("a major");
    let pooler = Pgbouncer::start(&program, shared(major)).await;
    let text = pooler.conninfo();

    let error = refusal(&format!("{text} options='-c geqo=off'")).await;
    assert_says(&error, &["unsupported startup parameter"], "remove options");

    let connected = session(&text).await;
    assert_eq!(connected.server_version_num / 10_000, major);
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
