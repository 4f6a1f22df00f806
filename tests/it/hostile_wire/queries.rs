use std::sync::Arc;

use pgtend::collect::{Scope, collect_snapshot};
use pgtend::facts::{FactGroup, FactGroups};
use pgtend::postgres::{Json, Query, QueryError, ReadLimits, Session, SessionError};
use serde_json::Value;

use super::*;

const MB: u64 = 1 << 20;

static FACT: Query = Query { fact: "numbers", variants: &[(13, "-- numbers\nselect 1")] };

/// Starts a server that accepts the client, then responds to each prepared query with this script.
fn server_answering(
    answer: impl Fn(&mut Connection<'_>, &str) -> std::io::Result<()> + Send + Sync + Copy + 'static,
) -> HostileServer {
    HostileServer::start(move |wire| {
        // A cancel request is a startup packet of 16 bytes; the connection then closes.
        if wire.startup()?.len() == 16 {
            return Ok(());
        }
        wire.send_welcome("17.2")?;
        wire.serve(answer)
    })
}

async fn session(server: &HostileServer, fact_bytes: u64) -> Session {
    let limits = ReadLimits { fact_bytes, snapshot_bytes: 2 * fact_bytes };
    Session::open(Arc::new(conninfo(server, "").with_limits(limits))).await.unwrap()
}

/// Returns the result of one fact, and of the round trip in which it is read.
async fn read_fact(session: &Session) -> (Option<Result<usize, QueryError>>, Result<(), SessionError>) {
    let mut fact = None;
    let round = session
        .run_round(async {
            let rows = session.read(&FACT, None, |row| row.try_get::<_, Json<Value>>(0).map(|json| json.0)).await;
            fact = Some(rows.map(|rows| rows.len()));
        })
        .await;
    (fact, round)
}

#[track_caller]
fn assert_lost(round: &Result<(), SessionError>, reason: &str) {
    match round {
        Err(error @ SessionError::Lost { .. }) => assert!(error.to_string().contains(reason), "{error}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn queries_end_rows_without_end() {
    let server = server_answering(|wire, _| {
        wire.describe_jsonb(&["x"])?;
        let rows = Connection::jsonb_row(&format!("{{\"a\":\"{}\"}}", "x".repeat(100))).repeat(1_000);
        loop {
            wire.raw(&rows)?;
        }
    });
    let session = session(&server, MB).await;
    let (_, round) = read_fact(&session).await;
    assert_lost(&round, "the server did not stop sending the fact \"numbers\" after a cancel request");
    assert!(server.received().iter().any(|packet| packet.len() == 16), "it was cancelled first");
    // Discarded rows are limited, too.
    assert!(session.received_bytes() < 300 * MB, "{}", session.received_bytes());
}

#[tokio::test]
async fn queries_leave_out_a_fact_that_is_too_large() {
    let server = server_answering(|wire, _| {
        wire.describe_jsonb(&["x"])?;
        wire.raw(&Connection::jsonb_row("1").repeat(100_000))?;
        wire.send(b'C', b"SELECT 100000\0")
    });
    let session = session(&server, MB).await;
    let (fact, round) = read_fact(&session).await;
    assert!(matches!(fact, Some(Err(QueryError::TooLarge(_)))), "{fact:?}");
    assert!(fact.unwrap().unwrap_err().to_string().contains("larger than 1 MB"));
    round.expect("the session continues");
}

#[tokio::test]
async fn queries_refuse_a_2_gb_message() {
    for tag in [b'D', b'T', b'C', b'd', b'1'] {
        let server = server_answering(move |wire, _| {
            wire.describe_jsonb(&["x"])?;
            wire.raw(&[&[tag], &(1_u32 << 31).to_be_bytes()[..], &[0, 1]].concat())?;
            wire.message().map(drop)
        });
        let (_, round) = read_fact(&session(&server, MB).await).await;
        assert_lost(&round, "the server announced a message of 2147483648 bytes; at most 16777216 are accepted");
    }
}

#[tokio::test]
async fn queries_refuse_notice_and_parameter_floods() {
    for tag in [b'N', b'S', b'A'] {
        let server = server_answering(move |wire, _| {
            loop {
                let body = match tag {
                    b'N' => format!("SNOTICE\0C00000\0M{}\0\0", "x".repeat(1_000)),
                    b'A' => format!("\0\0\0\x01channel\0{}\0", "x".repeat(1_000)),
                    _ => format!("name\0{}\0", "x".repeat(1_000)),
                };
                wire.send(tag, body.as_bytes())?;
            }
        });
        let (_, round) = read_fact(&session(&server, MB).await).await;
        assert_lost(&round, "more than 16777216 bytes of notices and parameter reports");
    }
}

#[tokio::test]
async fn queries_truncate_an_error_of_5_mb() {
    let server = server_answering(|wire, _| wire.error("ERROR", "42P01", &"x".repeat(5_000_000)));
    let (fact, round) = read_fact(&session(&server, MB).await).await;
    let Some(Err(QueryError::Refused { sqlstate, message })) = fact else { panic!("{fact:?}") };
    assert_eq!(sqlstate.code(), "42P01");
    assert!(message.len() < 10_000 && message.starts_with("xxx"), "{} bytes", message.len());
    round.expect("the session continues");
}

#[tokio::test]
async fn queries_refuse_rows_of_another_shape() {
    let server = server_answering(|wire, _| {
        wire.describe_jsonb(&["x", "y", "z"])?;
        wire.raw(&Connection::jsonb_row("1"))?;
        wire.send(b'C', b"SELECT 1\0")
    });
    let (_, round) = read_fact(&session(&server, MB).await).await;
    assert_lost(&round, "a row does not match its row description");
}

#[tokio::test]
async fn queries_survive_out_of_order_messages() {
    for tag in [
        b'1', b'2', b'3', b'C', b'D', b'E', b'G', b'H', b'I', b'K', b'R', b'T', b'V', b'W', b'Z', b'c', b'n', b't',
        b'x',
    ] {
        let server = server_answering(move |wire, _| {
            wire.send(tag, &[0, 0, 0, 0, 0, 0])?;
            wire.describe_jsonb(&["x"])?;
            wire.send(tag, &[0, 1, 0, 0, 0, 0])?;
            Err(std::io::ErrorKind::Other.into())
        });
        let (fact, round) = read_fact(&session(&server, MB).await).await;
        assert!(fact.is_none_or(|fact| fact.is_err()), "{}", char::from(tag));
        assert!(round.is_err(), "{}", char::from(tag));
    }
}

#[tokio::test]
async fn queries_name_the_limit_they_exceed() {
    crate::clusters::on_a_major_and_the_newest_shared(13, "fact limits", async |major, cluster| {
        let database = crate::clusters::create_database(cluster).await;
        let tables: String = (0..400).map(|number| format!("create table t{number}(a int, b int);")).collect();
        crate::clusters::execute_sql(cluster, &database, &tables).await;
        let collect = async |limits: ReadLimits| {
            let flags = ConnectionFlags {
                dbname: Some(format!("{} dbname={database}", cluster.conninfo())),
                ..ConnectionFlags::default()
            };
            let request =
                ConnectionRequest { flags, environment: Environment::default(), ..ConnectionRequest::default() };
            let conninfo = resolve(&request).unwrap().conninfo.with_limits(limits);
            let session = Session::open(Arc::new(conninfo)).await.unwrap();
            let scope = Scope { facts: FactGroups::new(&[FactGroup::Relations]), ..Scope::default() };
            let snapshot = collect_snapshot(&session, &scope).await.unwrap();
            (
                snapshot.database_snapshots[0].tables.as_result().map(drop).map_err(Clone::clone),
                session.received_bytes(),
            )
        };
        let small = ReadLimits { fact_bytes: 64 << 10, snapshot_bytes: MB };
        let why = collect(small).await.0.expect_err("400 tables do not fit into 64 kB");
        assert!(why.reason.contains("larger than 64 kB"), "{major}: {why:?}");
        assert!(why.hint.as_deref().unwrap_or_default().contains("fact_size"), "{major}: {why:?}");
        let tight = ReadLimits { fact_bytes: MB, snapshot_bytes: 64 << 10 };
        let why = collect(tight).await.0.expect_err("the snapshot does not fit either");
        assert!(why.reason.contains("the snapshot is larger than 64 kB"), "{major}: {why:?}");
        assert!(why.hint.as_deref().unwrap_or_default().contains("snapshot_size"), "{major}: {why:?}");
        let (relations, bytes) = collect(ReadLimits::default()).await;
        relations.unwrap_or_else(|why| panic!("{major}: {why:?}"));
        assert!((1 << 14..8 * MB).contains(&bytes), "{major}: {bytes} bytes");
    })
    .await;
}
