//! Ctrl-C and SIGTERM: queries are cancelled, actions are completed.

use super::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::app::interrupt;
use crate::postgres::Session;
use anyhow::Context as _;
use std::cell::Cell;
use tokio::signal::unix::{SignalKind, signal};

impl Context {
    /// Waits for a server's answers with a spinner, and cancels the queries on a signal.
    pub async fn run_cancellable<T>(
        &self,
        session: &Session,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let canceller = session.canceller().clone();
        let what = format!("reading {}", session.endpoint());
        unless_interrupted(self.ui.with_spinner(&what, work), async {
            // The run ends either way; a server that does not get the cancel request detects the closed connection.
            canceller.cancel().await.ok();
        })
        .await
    }

    /// Lets an action finish. The first Ctrl-C or SIGTERM sets `stop`, the second gives up waiting.
    pub async fn run_to_completion<T>(
        &self,
        mut work: impl Future<Output = T> + Unpin,
        stop: &Cell<bool>,
    ) -> Result<T, Failure> {
        let _guard = interrupt::guard_uninterruptible();
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
        loop {
            tokio::select! {
                biased;
                result = &mut work => return Ok(result),
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stop.replace(true) {
                return Err(Failure::new(
                    ExitCode::Failed,
                    "interrupted before the action was complete: its outcome is unknown",
                )
                .with_hint(Some("see `pgtend history journal`; the next `pgtend slots drop` checks the outcome")));
            }
            self.ui.warn("stopping after the server's answer; interrupt again to stop now");
        }
    }
}

/// Does the work, unless Ctrl-C or SIGTERM arrives first: then cleans up and returns a failure.
pub async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
    clean_up: impl Future<Output = ()>,
) -> Result<T, Failure> {
    let _guard = interrupt::guard_cancellable();
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    tokio::select! {
        result = work => result,
        _ = interrupt.recv() => { clean_up.await; Err(Failure::interrupted()) }
        _ = terminate.recv() => { clean_up.await; Err(Failure::interrupted()) }
        // A signal that arrived before the listeners above existed.
        () = interrupt::wait_for_unhandled_signal() => { clean_up.await; Err(Failure::interrupted()) }
    }
}
