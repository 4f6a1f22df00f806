use std::time::{Duration, Instant};

use futures_util::future::join_all;
use pg_sandbox::Cluster;
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

use super::clusters::{on_the_newest_shared, wait_until, wait_until_true_in};
use super::proxy::{Behaviour, Proxy};

const TIME_LIMIT: Duration = Duration::from_secs(10);

fn start_proxy(cluster: &Cluster, behaviour: Behaviour) -> Proxy {
    Proxy::new(cluster.host(), cluster.port(), behaviour)
}

async fn connect_through_proxy(cluster: &Cluster, proxy: &Proxy) -> Client {
    let (port, password) = (proxy.port(), cluster.password());
    let conninfo = format!("host=127.0.0.1 port={port} user=postgres password={password} dbname=postgres");
    let (client, connection) = tokio_postgres::connect(&conninfo, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn proxy_counts_waiting_queries() {
    on_the_newest_shared("round trips of waiting queries", async |_, cluster| {
        let proxy = start_proxy(cluster, Behaviour::default());
        let client = connect_through_proxy(cluster, &proxy).await;
        // Startup and the two steps of SCRAM.
        assert_eq!((proxy.round_trips_to_connect(), proxy.round_trips()), (3, 0));
        let before = proxy.bytes();
        for _ in 0..3 {
            client.batch_execute("select 1").await.unwrap();
        }
        assert_eq!(proxy.round_trips(), 3);
        // A length before and a terminator after each text.
        assert_eq!(proxy.bytes().to_server - before.to_server, 3 * ("select 1".len() as u64 + 6));
        join_all((0..5).map(|_| client.batch_execute("select 1"))).await.into_iter().for_each(Result::unwrap);
        assert_eq!(proxy.round_trips(), 4);
        assert_eq!((proxy.round_trips_to_connect(), proxy.connections()), (3, 1));
    })
    .await;
}

#[tokio::test]
async fn proxy_counts_pipeline_as_one_round_trip() {
    on_the_newest_shared("round trips of a pipeline", async |_, cluster| {
        let slow = Behaviour { to_client: Duration::from_millis(50), ..Behaviour::default() };
        let proxy = start_proxy(cluster, slow);
        let client = connect_through_proxy(cluster, &proxy).await;
        let long = format!("select 1 /* {} */", "x".repeat(5_000));
        join_all((0..30).map(|_| client.batch_execute(&long))).await.into_iter().for_each(Result::unwrap);
        assert_eq!(proxy.round_trips(), 1);
    })
    .await;
}

#[tokio::test]
async fn proxy_counts_no_round_trip_for_terminate() {
    on_the_newest_shared("round trips over a socket", async |_, cluster| {
        let folder = cluster.socket_dir().to_string_lossy();
        let proxy = Proxy::new(&folder, cluster.port(), Behaviour::default());
        let conninfo = format!("host=127.0.0.1 port={} user=postgres dbname=postgres", proxy.port());
        let (client, connection) = tokio_postgres::connect(&conninfo, NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        client.batch_execute("select 1").await.unwrap();
        drop(client);
        connection.await.unwrap().unwrap();
        // Trust authentication on the socket: only the startup.
        assert_eq!((proxy.round_trips_to_connect(), proxy.round_trips()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn proxy_delays_both_directions() {
    on_the_newest_shared("delays of the proxy", async |_, cluster| {
        let slow = Behaviour {
            to_server: Duration::from_millis(40),
            to_client: Duration::from_millis(60),
            ..Behaviour::default()
        };
        let proxy = start_proxy(cluster, slow);
        let client = connect_through_proxy(cluster, &proxy).await;
        let begun = Instant::now();
        client.batch_execute("select 1").await.unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(100), "{:?}", begun.elapsed());
    })
    .await;
}

#[tokio::test]
async fn proxy_stall_holds_bytes_until_resume() {
    on_the_newest_shared("stalled proxy", async |_, cluster| {
        let proxy = start_proxy(cluster, Behaviour::default());
        let client = connect_through_proxy(cluster, &proxy).await;
        proxy.stall();
        let mut pending_query = Box::pin(client.batch_execute("select 1"));
        assert!(
            timeout(Duration::from_millis(200), &mut pending_query).await.is_err(),
            "a stalled proxy forwarded a response"
        );
        proxy.resume();
        timeout(TIME_LIMIT, pending_query).await.expect("an answer").unwrap();
        assert_eq!(proxy.round_trips(), 1);
        let stalled = start_proxy(cluster, Behaviour { stalled: true, ..Behaviour::default() });
        assert!(timeout(Duration::from_millis(200), connect_through_proxy(cluster, &stalled)).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn proxy_cut_ends_open_connections_only() {
    on_the_newest_shared("connections cut by the proxy", async |_, cluster| {
        let proxy = start_proxy(cluster, Behaviour::default());
        let client = connect_through_proxy(cluster, &proxy).await;
        let (answer, ()) = tokio::join!(client.batch_execute("select pg_sleep(30), 'cut'"), async {
            let runs = "select count(*) = 1 from pg_stat_activity where state = 'active' and query like '%30%''cut%' \
                        and pid <> pg_backend_pid()";
            wait_until_true_in(cluster, "postgres", runs).await;
            proxy.cut_connections();
        });
        assert!(answer.unwrap_err().is_closed() || client.is_closed());
        let next = connect_through_proxy(cluster, &proxy).await;
        timeout(TIME_LIMIT, next.batch_execute("select 1")).await.expect("an answer").unwrap();
        let port = proxy.port();
        drop(proxy);
        let lost = timeout(TIME_LIMIT, next.batch_execute("select pg_sleep(30)")).await.expect("an end");
        assert!(lost.is_err(), "the connection outlived its proxy");
        let is_closed = async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err();
        wait_until("the port being closed", is_closed).await;
    })
    .await;
}
