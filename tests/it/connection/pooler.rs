use super::pgbouncer::{Pgbouncer, find_pgbouncer};
use super::*;
use crate::clusters::{newest_installation, shared_cluster, wait_until_true_in};

#[tokio::test]
async fn pooler_connects_and_cancels() {
    let Some(program) = find_pgbouncer("behind pgbouncer") else { return };
    let major = newest_installation().major;
    let pooler = Pgbouncer::start(&program, shared_cluster(major)).await;
    let text = pooler.conninfo();

    let error = connect_error(&format!("{text} options='-c geqo=off'")).await;
    assert_says(&error, &["unsupported startup parameter"], "remove options");

    let connected = open_session(&text).await;
    assert_eq!(connected.server_version_num / 10_000, major);
    let (slept, cancelled) = tokio::join!(connected.client.batch_execute("select pg_sleep(30), 'pooled'"), async {
        let runs = "select count(*) = 1 from pg_stat_activity where state = 'active' and query like '%30%''pooled%' \
                    and pid <> pg_backend_pid()";
        wait_until_true_in(shared_cluster(major), "postgres", runs).await;
        connected.canceller.cancel().await
    });
    cancelled.expect("the request is taken");
    assert_eq!(slept.unwrap_err().code().unwrap().code(), "57014");
    for wanted in ["primary", "read-write"] {
        open_session(&format!("{text} target_session_attrs={wanted}")).await;
    }
}
