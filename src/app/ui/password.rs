//! Reads a password on the terminal.
//!
//! Not line by line: a terminal in canonical mode drops what is beyond 4,095 bytes of a line (termios(3)), and login
//! tokens are longer.

use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices as Key, Termios, tcgetattr, tcsetattr};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
};

/// Writes the prompt to the controlling terminal and returns the line that is typed there, which is not shown.
///
/// # Errors
///
/// There is no terminal, Ctrl-D was pressed before anything was typed, or the line is not UTF-8.
pub(super) fn read_password_line(prompt: &str) -> io::Result<String> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let before = tcgetattr(&terminal)?;
    let mut silent = before.clone();
    // Signals stay enabled: Ctrl-C ends the program.
    silent.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ECHONL | LocalFlags::IEXTEN);
    silent.control_chars[Key::VMIN as usize] = 1;
    silent.control_chars[Key::VTIME as usize] = 0;
    let keys = Keys::new(&before);
    let line = {
        let _restored = Restored { terminal: terminal.try_clone()?, before };
        tcsetattr(&terminal, SetArg::TCSANOW, &silent)?;
        terminal.write_all(prompt.as_bytes())?;
        read_edited_line(&mut terminal, &keys)
    };
    terminal.write_all(b"\n")?;
    String::from_utf8(line?).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Restores the settings of the terminal on drop.
struct Restored {
    terminal: File,
    before: Termios,
}

impl Drop for Restored {
    fn drop(&mut self) {
        tcsetattr(&self.terminal, SetArg::TCSANOW, &self.before).ok();
    }
}

/// The keys that edit a line.
struct Keys {
    erase: u8,
    kill: u8,
    end: u8,
}

impl Keys {
    fn new(settings: &Termios) -> Keys {
        let key = |index: Key| settings.control_chars[index as usize];
        Keys { erase: key(Key::VERASE), kill: key(Key::VKILL), end: key(Key::VEOF) }
    }
}

/// Reads one byte at a time, so that nothing after the line is consumed.
fn read_edited_line(terminal: &mut impl Read, keys: &Keys) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        match terminal.read(&mut byte) {
            Ok(0) if line.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(0) => return Ok(line),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        match byte[0] {
            b'\n' | b'\r' => return Ok(line),
            end if end == keys.end && line.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            end if end == keys.end => return Ok(line),
            kill if kill == keys.kill => line.clear(),
            erase if erase == keys.erase || erase == 0x7f || erase == 0x08 => {
                // All bytes of a UTF-8 character: continuation bytes begin with the bits 10.
                while line.pop().is_some_and(|last| last & 0xc0 == 0x80) {}
            }
            other => line.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: Keys = Keys { erase: 0x7f, kill: 0x15, end: 0x04 };

    #[test]
    fn line_is_edited() {
        for (typed, password) in [
            ("secret\nrest", "secret"),
            ("secret\r", "secret"),
            ("secx\u{7f}ret\n", "secret"),
            ("x\u{7f}\u{7f}secret\n", "secret"),
            ("größ\u{8}s\u{7f}ße\n", "größe"),
            ("wrong\u{15}secret\u{4}", "secret"),
            ("unfinished", "unfinished"),
            ("\n", ""),
        ] {
            let read = read_edited_line(&mut typed.as_bytes(), &KEYS).unwrap();
            assert_eq!(String::from_utf8(read).unwrap(), password, "{typed:?}");
        }
        let long = "&=%+/?:@".repeat(1_000);
        assert_eq!(read_edited_line(&mut format!("{long}\n").as_bytes(), &KEYS).unwrap(), long.as_bytes());
    }

    #[test]
    fn nothing_typed_is_no_password() {
        for typed in ["", "\u{4}", "x\u{7f}\u{4}"] {
            let error = read_edited_line(&mut typed.as_bytes(), &KEYS).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{typed:?}");
        }
    }
}
