use std::sync::LazyLock;

use super::server::Server;
use super::*;

/// A primary and its standby.
static PAIR: LazyLock<(Server, Server)> = LazyLock::new(|| {
    let hba = "local all all trust\nlocal replication all trust\nhost all all all trust\n";
    let primary = Server::start("", hba, &[]);
    let upstream =
        format!("primary_conninfo = 'host={} port={} user=postgres'", primary.directory.display(), primary.port);
    let standby = Server::start(&upstream, hba, &[("standby.signal", "")]);
    (primary, standby)
});

fn hosts(servers: &[u16], more: &str) -> String {
    let list = |item: &dyn Fn(&u16) -> String| servers.iter().map(item).collect::<Vec<_>>().join(",");
    format!(
        "host={} port={} dbname=postgres user=postgres sslmode=disable {more}",
        list(&|_| "127.0.0.1".to_owned()),
        list(&|port| port.to_string())
    )
}

fn ports() -> (u16, u16) {
    (PAIR.0.port, PAIR.1.port)
}

fn unused_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn port_of(text: &str) -> u16 {
    match session(text).await.endpoint {
        pgtend::pg::Endpoint::Tcp { port, .. } => port,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_server_of_the_wrong_kind_is_refused() {
    let (primary, standby) = ports();
    for (port, wanted, message) in [
        (primary, "standby", "server is not in hot standby mode"),
        (primary, "read-only", "session is not read-only"),
        (standby, "primary", "server is in hot standby mode"),
        (standby, "read-write", "session is read-only"),
    ] {
        let error = refusal(&hosts(&[port], &format!("target_session_attrs={wanted}"))).await;
        assert_says(&error, &[message], "target_session_attrs");
    }
    let read_only = hosts(&[primary], "target_session_attrs=read-write options='-c default_transaction_read_only=on'");
    assert_says(&refusal(&read_only).await, &["session is read-only"], "");
}

#[tokio::test]
async fn every_host_that_was_tried_is_named() {
    let (dead, other) = (unused_port(), unused_port());
    let error = refusal(&hosts(&[dead, other, ports().0], "target_session_attrs=standby")).await;
    let (dead, other) = (format!("port {dead}: "), format!("port {other}: "));
    assert_says(&error, &[&dead, &other, "refused", "not in hot standby"], "no host that answered");
    assert_eq!(error.failure().attempts.len(), 3);
}

#[tokio::test]
async fn a_refusal_by_a_server_ends_the_search() {
    let (primary, standby) = ports();
    let error = refusal(&hosts(&[primary, standby], "dbname=nowhere")).await;
    assert_eq!(error.failure().attempts.len(), 1, "{error}");
}

#[tokio::test]
async fn the_first_host_that_fits_is_taken() {
    let (primary, standby) = ports();
    let dead = unused_port();
    for (order, wanted, taken) in [
        ([primary, standby], "any", primary),
        ([standby, primary], "any", standby),
        ([standby, primary], "primary", primary),
        ([standby, primary], "read-write", primary),
        ([primary, standby], "standby", standby),
        ([primary, standby], "read-only", standby),
        ([primary, standby], "prefer-standby", standby),
        ([dead, primary], "prefer-standby", primary),
        ([dead, standby], "any", standby),
    ] {
        let text = hosts(&order, &format!("target_session_attrs={wanted}"));
        assert_eq!(port_of(&text).await, taken, "{wanted}");
    }
    let connected = session(&hosts(&[standby], "")).await;
    assert_eq!(connected.in_hot_standby, (PAIR.1.major() >= 14).then_some(true));
    assert_eq!(connected.server_version_num / 10_000, PAIR.1.major());
}

#[tokio::test]
async fn random_order_finds_both() {
    let (primary, standby) = ports();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..40 {
        seen.insert(port_of(&hosts(&[primary, standby], "load_balance_hosts=random")).await);
    }
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
async fn further_connections_go_to_the_address_of_the_first() {
    use pgtend::pg::Session;
    let (primary, standby) = ports();
    let more = ["target_session_attrs=any", "target_session_attrs=prefer-standby"];
    for round in 0..20 {
        let text = hosts(&[primary, standby], &format!("load_balance_hosts=random {}", more[round % 2]));
        let first = Session::open(std::sync::Arc::new(conninfo(&text))).await.unwrap();
        for other in
            [first.open_beside().await, first.open_in_turn(None).await, first.open_in_turn(Some("template1")).await]
        {
            assert_eq!(other.unwrap().endpoint(), first.endpoint(), "{text}");
        }
    }
    // A name is resolved once, and kept for certificates and the password file.
    let text = hosts(&[primary], "").replace("127.0.0.1", "localhost");
    let first = Session::open(std::sync::Arc::new(conninfo(&text))).await.unwrap();
    let place = pgtend::pg::conninfo::Place::Tcp {
        host: Some("localhost".to_owned()),
        hostaddr: Some(std::net::Ipv4Addr::LOCALHOST.into()),
    };
    assert_eq!(first.conninfo().hosts[0].place, place);
    assert_eq!(first.open_beside().await.unwrap().endpoint(), first.endpoint());
}
