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
const GRACE: Duration = Duration::from_secs(5);
/// For a run that is ending already.
const MOMENT: Duration = Duration::from_millis(100);

/// Parts of the run that hear signals themselves and end then.
static MINDED: AtomicU32 = AtomicU32::new(0);
/// Parts that come to their end first, once.
static WHOLE: AtomicU32 = AtomicU32::new(0);
/// A signal came when nobody minded: the run ends within a moment, whatever began since.
static UNMINDED: AtomicBool = AtomicBool::new(false);
static NEWS: Notify = Notify::const_new();

/// For as long as it lives, a signal is somebody's matter.
pub struct Minded(&'static AtomicU32);

impl Minded {
    fn of(count: &'static AtomicU32) -> Minded {
        count.fetch_add(1, Ordering::SeqCst);
        Minded(count)
    }
}

impl Drop for Minded {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Who asks for this listens to signals and ends within a moment.
pub fn minded() -> Minded {
    Minded::of(&MINDED)
}

/// What follows is done whole or not at all: the first signal waits for its end, the second does not.
pub fn whole() -> Minded {
    Minded::of(&WHOLE)
}

/// Answers once a signal was heard when nobody minded, be it before this was asked.
pub async fn unminded() {
    // Made before the look, so that what comes between the two is heard.
    let news = NEWS.notified();
    if !UNMINDED.load(Ordering::SeqCst) {
        news.await;
    }
}

/// Listens from now on; `end` ends the run.
pub fn listen(end: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let listening = async move {
        let mut heard = 0_u32;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            heard += 1;
            let is_minded = [&MINDED, &WHOLE].iter().any(|count| count.load(Ordering::SeqCst) > 0);
            if !is_minded {
                UNMINDED.store(true, Ordering::SeqCst);
                NEWS.notify_waiters();
            }
            tokio::time::sleep(if is_minded { GRACE } else { MOMENT }).await;
            if heard == 1 && WHOLE.load(Ordering::SeqCst) > 0 {
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
