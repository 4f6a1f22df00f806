//! The server's log, as far as an error message needs it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

const TAIL_BYTES: u64 = 4096;

/// The last lines of the log; empty if it cannot be read, as it only ever explains another error.
pub(super) fn log_tail(log: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let cut = bytes.len() as u64 == TAIL_BYTES;
    let whole_lines = if cut { text.split_once('\n').map_or("", |(_, rest)| rest) } else { &text };
    whole_lines.trim_end().to_owned()
}
