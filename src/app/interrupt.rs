//! Ctrl-C and SIGTERM, wherever the run is: who minds them tidies up first, where nobody does the run just ends.
//!
//! A thread of its own listens, as the run may be waiting in a call of the system that no future can give up.

use std::{
    io,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};

/// How long tidying up may take: calling back a query takes two seconds at most, giving back a claim one answer.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(5);
/// For a run that is ending already.
const EXIT_DELAY: Duration = Duration::from_millis(100);

/// Parts of the run that hear signals themselves and end then.
static CANCELLABLE_SECTIONS: AtomicU32 = AtomicU32::new(0);
/// Parts that come to their end first, once.
static UNINTERRUPTIBLE_SECTIONS: AtomicU32 = AtomicU32::new(0);
/// A signal came when nobody minded: the run ends within a moment, whatever began since.
static UNHANDLED_SIGNAL: AtomicBool = AtomicBool::new(false);
static UNHANDLED_SIGNAL_NOTIFY: Notify = Notify::const_new();

/// For as long as it lives, a signal is somebody's matter.
pub struct SignalGuard(&'static AtomicU32);

impl SignalGuard {
    fn new(count: &'static AtomicU32) -> SignalGuard {
        count.fetch_add(1, Ordering::SeqCst);
        SignalGuard(count)
    }
}

impl Drop for SignalGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Who asks for this listens to signals and ends within a moment.
pub fn guard_cancellable() -> SignalGuard {
    SignalGuard::new(&CANCELLABLE_SECTIONS)
}

/// What follows is done whole or not at all: the first signal waits for its end, the second does not.
pub fn guard_uninterruptible() -> SignalGuard {
    SignalGuard::new(&UNINTERRUPTIBLE_SECTIONS)
}

/// Answers once a signal was heard when nobody minded, be it before this was asked.
pub async fn wait_for_unhandled_signal() {
    // Made before the look, so that what comes between the two is heard.
    let notified = UNHANDLED_SIGNAL_NOTIFY.notified();
    if !UNHANDLED_SIGNAL.load(Ordering::SeqCst) {
        notified.await;
    }
}

/// Listens from now on; `end` ends the run.
pub fn spawn_signal_listener(end: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let listening = async move {
        let mut signal_count = 0_u32;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            signal_count += 1;
            let is_handled =
                [&CANCELLABLE_SECTIONS, &UNINTERRUPTIBLE_SECTIONS].iter().any(|count| count.load(Ordering::SeqCst) > 0);
            if !is_handled {
                UNHANDLED_SIGNAL.store(true, Ordering::SeqCst);
                UNHANDLED_SIGNAL_NOTIFY.notify_waiters();
            }
            tokio::time::sleep(if is_handled { CLEANUP_TIMEOUT } else { EXIT_DELAY }).await;
            if signal_count == 1 && UNINTERRUPTIBLE_SECTIONS.load(Ordering::SeqCst) > 0 {
                continue;
            }
            return;
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(listening);
        end();
    })?;
    Ok(())
}
