//! One connection attempt: open, encrypt, start up, check the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::address::Address;
use super::authentication::Credentials;
use super::endpoint::Endpoint;
use super::guard::GuardedStream;
use super::meter::Meter;
use super::pin;
use super::problem::{Attempt, Problem, with_connect_timeout};
use super::progress::Progress;
use super::scram::LOW_ITERATIONS;
use super::session_attrs::{self, ReportedState};
use super::socket::{Socket, Stream};
use super::startup::{self, StartedSession};
use super::stream::EstablishedConnection;
use super::wire::Wire;
use crate::postgres::conninfo::{Conninfo, Host, SslMode, TargetSessionAttrs};
use crate::postgres::tls::Tls;
use crate::redact;

/// The result for an address: the outcome, and the previous attempt, if there was one.
pub(super) struct AttemptResult {
    pub(super) outcome: Result<EstablishedConnection, Attempt>,
    pub(super) failed: Option<Attempt>,
}

/// Tries an address, plain or encrypted in the order of the sslmode. As in libpq, both tries share the time of the
/// address, of which `spent` has passed.
pub(super) async fn try_address(
    conninfo: &Conninfo,
    host: &Host,
    (address, endpoint): &(Address, Endpoint),
    tls: Option<&Tls>,
    wanted: TargetSessionAttrs,
    spent: Duration,
) -> AttemptResult {
    let since = Instant::now();
    let once = async |tls: Option<&Tls>| {
        let progress = Progress::default();
        let connecting = connect_once(conninfo, host, (address, endpoint), tls, wanted, &progress);
        let spent = spent + since.elapsed();
        let outcome = with_connect_timeout(conninfo.connect_timeout, spent, &progress, connecting).await;
        outcome.and_then(|outcome| outcome).map_err(|problem| Attempt {
            endpoint: endpoint.clone(),
            encrypted: Some(tls.is_some()),
            problem,
        })
    };
    let (first, second) = match (tls, conninfo.tls.mode) {
        (Some(_), SslMode::Allow) => (None, Some(tls)),
        (Some(_), SslMode::Prefer) => (tls, Some(None)),
        _ => (tls, None),
    };
    let failed = match once(first).await {
        Ok(established) => return AttemptResult { outcome: Ok(established), failed: None },
        Err(failed) => failed,
    };
    let other_may_help = failed.problem.is_refusal() || (first.is_some() && failed.problem.is_tls_failure());
    match second {
        Some(second) if other_may_help => {
            // Missing TLS is not a failure if TLS is only preferred.
            let outcome = once(second).await;
            AttemptResult { outcome, failed: Some(failed).filter(|failed| !matches!(failed.problem, Problem::NoTls)) }
        }
        _ => AttemptResult { outcome: Err(failed), failed: None },
    }
}

async fn connect_once(
    conninfo: &Conninfo,
    host: &Host,
    (address, endpoint): (&Address, &Endpoint),
    tls: Option<&Tls>,
    wanted: TargetSessionAttrs,
    progress: &Progress,
) -> Result<EstablishedConnection, Problem> {
    let socket = Socket::open(address, &conninfo.keepalives, progress).await.map_err(Problem::Unreachable)?;
    check_peer(&socket, conninfo.requirepeer.as_deref())?;
    let mut wire = match tls {
        Some(tls) => Wire::encrypt(socket, tls).await?,
        None => Wire::Plain(socket),
    };
    let tls_version = wire.tls_version();
    let started = start_session(conninfo, host, &mut wire).await?;
    let on = |name| started.parameters.get(name).map(|value| value == "on");
    let reported = ReportedState {
        in_hot_standby: on("in_hot_standby"),
        default_transaction_read_only: on("default_transaction_read_only"),
    };
    if let Err(problem) = session_attrs::check_session_attrs(&mut wire, &reported, wanted).await {
        startup::terminate(&mut wire).await;
        return Err(problem);
    }
    let meter = Arc::new(Meter::new(conninfo.limits.fact_bytes));
    let server_version = started.parameters.get("server_version").map(String::as_str).unwrap_or_default();
    Ok(EstablishedConnection {
        guard: GuardedStream::new(wire, &started, Arc::clone(&meter)),
        meter,
        warnings: session_warnings(&started, address, endpoint),
        server_version: redact::foreign(server_version).into_owned(),
        in_hot_standby: reported.in_hot_standby,
        address: address.clone(),
        endpoint: endpoint.clone(),
        pinned: pin::pin_to_endpoint(conninfo, host, endpoint),
        tls_version,
        tls: tls.cloned(),
    })
}

/// Starts the session up and authenticates.
async fn start_session(conninfo: &Conninfo, host: &Host, wire: &mut Wire) -> Result<StartedSession, Problem> {
    let mut parameters = vec![
        ("client_encoding", "UTF8"),
        ("user", conninfo.user.as_str()),
        ("database", conninfo.dbname.as_str()),
        ("application_name", conninfo.application_name.as_str()),
    ];
    if let Some(options) = &conninfo.options {
        parameters.push(("options", options));
    }
    let credentials = Credentials {
        user: &conninfo.user,
        password: host.password.as_ref().map(|password| password.secret.expose()),
        require_auth: conninfo.require_auth.as_ref(),
        channel_binding: conninfo.channel_binding,
        encrypted: wire.is_encrypted(),
        end_point: wire.end_point_digest(),
    };
    startup::start_session(wire, &parameters, credentials).await
}

fn session_warnings(started: &StartedSession, address: &Address, endpoint: &Endpoint) -> Vec<String> {
    // Traffic on a Unix-domain socket cannot be intercepted.
    let low = started.low_iterations.filter(|_| matches!(address, Address::Tcp(_)));
    let warning = low.map(|iterations| {
        format!(
            "{endpoint}: the SCRAM password has {iterations} iterations, below the default of {LOW_ITERATIONS}; \
             who overhears the login guesses it faster: raise scram_iterations and set the password again"
        )
    });
    warning.into_iter().collect()
}

/// Checks `requirepeer`: the owner of the server process behind a Unix-domain socket.
pub(super) fn check_peer(socket: &Socket, wanted: Option<&str>) -> Result<(), Problem> {
    let (Some(wanted), Stream::Unix(stream)) = (wanted, &socket.stream) else { return Ok(()) };
    let uid = stream.peer_cred().map_err(Problem::Io)?.uid();
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten();
    let actual = user.map_or_else(|| uid.to_string(), |user| user.name);
    if actual == wanted {
        return Ok(());
    }
    Err(Problem::WrongPeer { wanted: wanted.to_owned(), actual })
}
