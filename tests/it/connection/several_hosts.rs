use std::sync::LazyLock;

use super::server::Server;
use super::*;

/// A primary and its standby.
static PRIMARY_AND_STANDBY: LazyLock<(Server, Server)> = LazyLock::new(|| {
    let hba = "local all all trust\nlocal replication all trust\nhost all all all trust\n";
    let primary = Server::start("", hba, &[]);
    let upstream =
        format!("primary_conninfo = 'host={} port={} user=postgres'", primary.directory.display(), primary.port);
    let standby = Server::start(&upstream, hba, &[("standby.signal", "")]);
    (primary, standby)
});

fn hosts_conninfo(servers: &[u16], more: &str) -> String {
    let list = |item: &dyn Fn(&u16) -> String| servers.iter().map(item).collect::<Vec<_>>().join(",");
    format!(
        "host={} port={} dbname=postgres user=postgres sslmode=disable {more}",
        list(&|_| "127.0.0.1".to_owned()),
        list(&|port| port.to_string())
    )
}

fn pair_ports() -> (u16, u16) {
    (PRIMARY_AND_STANDBY.0.port, PRIMARY_AND_STANDBY.1.port)
}

fn unused_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn connected_port(text: &str) -> u16 {
    match open_session(text).await.endpoint {
        pgtend::postgres::Endpoint::Tcp { port, .. } => port,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn hosts_wrong_session_attrs_are_refused() {
    let (primary, standby) = pair_ports();
    for (port, wanted, message) in [
        (primary, "standby", "server is not in hot standby mode"),
        (primary, "read-only", "session is not read-only"),
        (standby, "primary", "server is in hot standby mode"),
        (standby, "read-write", "session is read-only"),
    ] {
        let error = connect_error(&hosts_conninfo(&[port], &format!("target_session_attrs={wanted}"))).await;
        assert_says(&error, &[message], "target_session_attrs");
    }
    let read_only =
        hosts_conninfo(&[primary], "target_session_attrs=read-write options='-c default_transaction_read_only=on'");
    assert_says(&connect_error(&read_only).await, &["session is read-only"], "");
}

#[tokio::test]
async fn hosts_error_names_every_tried_host() {
    let (dead, other) = (unused_port(), unused_port());
    let error = connect_error(&hosts_conninfo(&[dead, other, pair_ports().0], "target_session_attrs=standby")).await;
    let (dead, other) = (format!("port {dead}: "), format!("port {other}: "));
    assert_says(&error, &[&dead, &other, "refused", "not in hot standby"], "no host that answered");
    assert_eq!(error.failure().attempts.len(), 3);
}

#[tokio::test]
async fn hosts_server_error_ends_the_search() {
    let (primary, standby) = pair_ports();
    let error = connect_error(&hosts_conninfo(&[primary, standby], "dbname=nowhere")).await;
    assert_eq!(error.failure().attempts.len(), 1, "{error}");
}

#[tokio::test]
async fn hosts_first_match_is_used() {
    let (primary, standby) = pair_ports();
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
        let text = hosts_conninfo(&order, &format!("target_session_attrs={wanted}"));
        assert_eq!(connected_port(&text).await, taken, "{wanted}");
    }
    let connected = open_session(&hosts_conninfo(&[standby], "")).await;
    assert_eq!(connected.in_hot_standby, (PRIMARY_AND_STANDBY.1.major() >= 14).then_some(true));
    assert_eq!(connected.server_version_num / 10_000, PRIMARY_AND_STANDBY.1.major());
}

#[tokio::test]
async fn hosts_random_order_reaches_both() {
    let (primary, standby) = pair_ports();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..40 {
        seen.insert(connected_port(&hosts_conninfo(&[primary, standby], "load_balance_hosts=random")).await);
    }
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
async fn hosts_later_connections_reuse_the_address() {
    use pgtend::postgres::Session;
    let (primary, standby) = pair_ports();
    let more = ["target_session_attrs=any", "target_session_attrs=prefer-standby"];
    for round in 0..20 {
        let text = hosts_conninfo(&[primary, standby], &format!("load_balance_hosts=random {}", more[round % 2]));
        let first = Session::open(std::sync::Arc::new(parse_conninfo(&text))).await.unwrap();
        for other in [
            first.open_another().await,
            first.open_for_database(None).await,
            first.open_for_database(Some("template1")).await,
        ] {
            assert_eq!(other.unwrap().endpoint(), first.endpoint(), "{text}");
        }
    }
    // A name is resolved once; it is still used for certificates and the password file.
    let text = hosts_conninfo(&[primary], "").replace("127.0.0.1", "localhost");
    let first = Session::open(std::sync::Arc::new(parse_conninfo(&text))).await.unwrap();
    let address = pgtend::postgres::conninfo::HostAddress::Tcp {
        host: Some("localhost".to_owned()),
        hostaddr: Some(std::net::Ipv4Addr::LOCALHOST.into()),
    };
    assert_eq!(first.conninfo().hosts[0].address, address);
    assert_eq!(first.open_another().await.unwrap().endpoint(), first.endpoint());
}
