//! Ctrl-C and SIGTERM: sections that handle them clean up first; elsewhere the run ends at once.
//!
//! A separate thread listens, because the main thread may be blocked in a system call that no future can cancel.

use std::{
    io,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};

/// Time limit of the clean-up: cancelling a query takes at most two seconds, releasing a lease one round trip.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit of a run that is already ending.
const EXIT_DELAY: Duration = Duration::from_millis(100);

/// Number of active sections that handle signals themselves and end then.
static CANCELLABLE_SECTIONS: AtomicU32 = AtomicU32::new(0);
/// Number of active sections that the first signal does not interrupt.
static UNINTERRUPTIBLE_SECTIONS: AtomicU32 = AtomicU32::new(0);
/// Whether a signal arrived outside of these sections: the run is about to end.
static UNHANDLED_SIGNAL: AtomicBool = AtomicBool::new(false);
static UNHANDLED_SIGNAL_NOTIFY: Notify = Notify::const_new();

/// Marks a section that handles signals, until it is dropped.
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

/// Marks a section that listens for signals and ends at once.
pub fn guard_cancellable() -> SignalGuard {
    SignalGuard::new(&CANCELLABLE_SECTIONS)
}

/// Marks a section that must complete: the first signal waits for its end, the second does not.
pub fn guard_uninterruptible() -> SignalGuard {
    SignalGuard::new(&UNINTERRUPTIBLE_SECTIONS)
}

/// Completes when a signal has arrived outside of a section that handles it, even before this call.
pub async fn wait_for_unhandled_signal() {
    // Created before the check, so that a signal between the two is not missed.
    let notified = UNHANDLED_SIGNAL_NOTIFY.notified();
    if !UNHANDLED_SIGNAL.load(Ordering::SeqCst) {
        notified.await;
    }
}

/// Starts the listening thread; `end` ends the run.
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
