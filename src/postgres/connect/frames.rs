//! Parses the framing of the server's messages incrementally, and applies limits.
//!
//! A message is a type byte, a length of four bytes that counts itself, and a body (PostgreSQL manual, 53.7 Message
//! Formats). tokio-postgres checks the bodies that it decodes: they are passed on as they arrive; only the start of an
//! error or notice that is truncated is buffered. sqlx does not: its messages are buffered until they are complete and
//! checked.

use super::extended_query::ExtendedQuery;
use super::meter::{Breach, MAX_ASYNCHRONOUS};
use super::server_error::{MAX_FIELD, truncate_fields};

/// The part of a long error or notice that is read, in bytes.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// Parses one connection from the first byte after ReadyForQuery.
#[derive(Debug)]
pub(super) struct Frames {
    state: State,
    message_limit: u64,
    asynchronous_bytes: u64,
    checks: Checks,
}

/// The checks of the server's messages.
#[derive(Debug)]
enum Checks {
    /// Each row has the number of columns of the last RowDescription.
    Columns(Option<[u8; 2]>),
    /// Each message answers a request and can be decoded.
    Answers(Box<ExtendedQuery>),
}

#[derive(Debug)]
enum State {
    /// The received part of type byte and length; for rows and their descriptions also of the number of columns.
    Header(Vec<u8>),
    /// This many bytes of a body are passed on.
    Pass(u64),
    /// A message that is checked when it is complete: its type, the received body, and the number of missing bytes.
    Check { tag: u8, body: Vec<u8>, left: u64 },
    /// This many bytes of a body are discarded.
    Drop(u64),
    /// A long error or notice: its type, its start, and the number of missing bytes.
    Shorten { tag: u8, start: Vec<u8>, left: u64 },
}

impl Frames {
    pub(super) fn new(message_limit: u64) -> Self {
        Self { state: State::Header(Vec::new()), message_limit, asynchronous_bytes: 0, checks: Checks::Columns(None) }
    }

    /// Checks every answer, for a driver that executes prepared statements and trusts what it decodes.
    pub(super) fn check_answers(&mut self) {
        self.checks = Checks::Answers(Box::default());
    }

    /// Tracks bytes of the driver that were sent to the server.
    pub(super) fn follow_requests(&mut self, bytes: &[u8]) {
        if let Checks::Answers(answers) = &mut self.checks {
            answers.follow_requests(bytes);
        }
    }

    /// Reads the next bytes, and appends to `passed` those for the driver.
    ///
    /// # Errors
    /// Returns the limit or rule that the server violated; the connection is then unusable.
    pub(super) fn follow(&mut self, mut bytes: &[u8], passed: &mut Vec<u8>) -> Result<(), Breach> {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Header(header) => {
                    let has_columns = matches!(self.checks, Checks::Columns(_));
                    header
                        .extend(take_bytes(&mut bytes, header_size(header, has_columns).saturating_sub(header.len())));
                    let size = header_size(header, has_columns);
                    if header.len() >= size {
                        let header = std::mem::take(header);
                        self.state = self.begin_message(&header, passed)?;
                    }
                }
                State::Pass(left) => {
                    let body = take_up_to(&mut bytes, left);
                    passed.extend_from_slice(body);
                }
                State::Check { body, left, .. } => body.extend(take_up_to(&mut bytes, left)),
                State::Drop(left) => {
                    take_up_to(&mut bytes, left);
                }
                State::Shorten { start, left, .. } => {
                    let body = take_up_to(&mut bytes, left);
                    let remaining = MAX_ERROR_BYTES.saturating_sub(start.len());
                    start.extend(body.iter().take(remaining));
                }
            }
            self.end_if_complete(passed)?;
        }
        Ok(())
    }

    fn begin_message(&mut self, header: &[u8], passed: &mut Vec<u8>) -> Result<State, Breach> {
        let (Some(tag), Some(length)) = (header.first(), header.get(1..).and_then(|rest| rest.first_chunk())) else {
            return Err(Breach::Malformed("a message without a length"));
        };
        let announced = u64::from(u32::from_be_bytes(*length));
        // The rest of the body after the part in the header.
        let left = (announced + 1).checked_sub(header.len() as u64);
        let left = left.ok_or(Breach::Malformed("a message is shorter than its own length field"))?;
        if let (Checks::Columns(described), Some(columns)) = (&mut self.checks, header.get(5..7)) {
            let columns = columns.try_into().ok();
            if *tag == b'T' {
                *described = columns;
            } else if *described != columns {
                return Err(Breach::Malformed("a row does not match its row description"));
            }
        }
        if matches!(tag, b'S' | b'A' | b'N') {
            self.asynchronous_bytes = self.asynchronous_bytes.saturating_add(announced + 1);
            if self.asynchronous_bytes > MAX_ASYNCHRONOUS {
                return Err(Breach::Asynchronous { accepted: MAX_ASYNCHRONOUS });
            }
        }
        match tag {
            // The driver would store every parameter; pgtend listens on no channel.
            b'S' | b'A' => return Ok(State::Drop(left)),
            b'E' | b'N' if left > MAX_FIELD as u64 => {
                return Ok(State::Shorten { tag: *tag, start: Vec::new(), left });
            }
            _ if announced > self.message_limit => {
                return Err(Breach::Message { announced, accepted: self.message_limit });
            }
            _ => {}
        }
        if matches!(self.checks, Checks::Answers(_)) {
            return Ok(State::Check { tag: *tag, body: Vec::new(), left });
        }
        passed.extend_from_slice(header);
        Ok(State::Pass(left))
    }

    fn end_if_complete(&mut self, passed: &mut Vec<u8>) -> Result<(), Breach> {
        match std::mem::replace(&mut self.state, State::Header(Vec::new())) {
            State::Pass(0) | State::Drop(0) => {}
            State::Shorten { tag, start, left: 0 } => self.check(tag, &truncate_fields(&start), passed)?,
            State::Check { tag, body, left: 0 } => self.check(tag, &body, passed)?,
            incomplete => self.state = incomplete,
        }
        Ok(())
    }

    /// Passes on a complete message whose body can be decoded.
    fn check(&mut self, tag: u8, body: &[u8], passed: &mut Vec<u8>) -> Result<(), Breach> {
        if let (Checks::Answers(answers), true) = (&mut self.checks, tag != b'N') {
            answers.answer(tag, body).map_err(Breach::Malformed)?;
        }
        passed.push(tag);
        passed.extend(u32::try_from(body.len() + 4).unwrap_or(u32::MAX).to_be_bytes());
        passed.extend(body);
        Ok(())
    }
}

/// Returns the size of type byte and length; with `has_columns`, of rows and their descriptions also that of the number
/// of columns.
fn header_size(header: &[u8], has_columns: bool) -> usize {
    if has_columns && matches!(header.first(), Some(b'T' | b'D')) { 7 } else { 5 }
}

fn take_bytes<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count.min(bytes.len()));
    *bytes = rest;
    taken
}

fn take_up_to<'a>(bytes: &mut &'a [u8], left: &mut u64) -> &'a [u8] {
    let taken = take_bytes(bytes, usize::try_from(*left).unwrap_or(usize::MAX));
    *left -= taken.len() as u64;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: u64 = 1 << 20;

    #[test]
    fn frames_pass_only_checked_answers_where_statements_are_prepared() {
        let checking = || {
            let mut frames = Frames::new(LIMIT);
            frames.check_answers();
            frames.follow_requests(&message(b'Q', b"select\0"));
            frames
        };
        let described = message(b'T', &[&[0, 1][..], b"a\0\0\0\0\0\0\0\0\0\0\x14\0\x08\xff\xff\xff\xff\0\0"].concat());
        let row = message(b'D', &[0, 1, 0, 0, 0, 1, b'7']);
        let longer_value = message(b'D', &[0, 1, 0, 0, 0, 2, b'7']);
        let mut passed = Vec::new();
        let refused = checking().follow(&[&described[..], &longer_value].concat(), &mut passed);
        assert!(matches!(refused, Err(Breach::Malformed(_))), "{refused:?}");
        assert_eq!(passed, described, "nothing of the refused message is passed");
        // Notices and errors may come at any time; parameter reports are dropped.
        let notice = message(b'N', b"SNOTICE\0C00000\0Mx\0\0");
        let error = message(b'E', b"SERROR\0C42P01\0Mx\0\0");
        let (end, ready) = (message(b'C', b"SELECT 1\0"), message(b'Z', b"I"));
        let parameter = message(b'S', b"a\0b\0");
        let stream = [&described, &notice, &parameter, &row, &end, &error, &ready].map(Vec::as_slice).concat();
        for size in 1..stream.len() {
            let (mut frames, mut passed) = (checking(), Vec::new());
            stream.chunks(size).for_each(|piece| frames.follow(piece, &mut passed).unwrap());
            assert_eq!(passed, [&described, &notice, &row, &end, &error, &ready].map(Vec::as_slice).concat());
        }
    }

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[tag], length.to_be_bytes().as_slice(), body].concat()
    }

    fn follow(bytes: &[u8]) -> Result<Vec<u8>, Breach> {
        let mut passed = Vec::new();
        Frames::new(LIMIT).follow(bytes, &mut passed).map(|()| passed)
    }

    #[test]
    fn frames_reject_oversized_message_header() {
        for length in [LIMIT + 1, 1 << 31, u64::from(u32::MAX)] {
            let header = [b"D", u32::try_from(length).unwrap().to_be_bytes().as_slice(), &[0, 0]].concat();
            let mut frames = Frames { checks: Checks::Columns(Some([0, 0])), ..Frames::new(LIMIT) };
            let breach = frames.follow(&header, &mut Vec::new());
            assert_eq!(breach, Err(Breach::Message { announced: length, accepted: LIMIT }));
        }
    }

    #[test]
    fn frames_reject_short_lengths() {
        for length in 0..4u8 {
            assert!(matches!(follow(&[b'C', 0, 0, 0, length]), Err(Breach::Malformed(_))), "{length}");
        }
        assert!(matches!(follow(&[b'D', 0, 0, 0, 5, 0, 1]), Err(Breach::Malformed(_))));
    }

    #[test]
    fn frames_reject_rows_with_wrong_columns() {
        let described = message(b'T', &[0, 2, 9, 9]);
        assert!(follow(&[described.clone(), message(b'D', &[0, 2, 9])].concat()).is_ok());
        assert!(matches!(follow(&[described, message(b'D', &[0, 1, 9])].concat()), Err(Breach::Malformed(_))));
        assert!(matches!(follow(&message(b'D', &[0, 0])), Err(Breach::Malformed(_))));
    }

    #[test]
    fn frames_bound_notices_and_parameters() {
        for tag in [b'S', b'A', b'N'] {
            // Few large messages: each notice is searched for every secret that the tests of this process registered.
            let flood = message(tag, &vec![b'x'; 1 << 22]);
            let mut frames = Frames::new(LIMIT);
            let mut passed = Vec::new();
            let breach = (0..100).find_map(|_| {
                passed.clear();
                frames.follow(&flood, &mut passed).err()
            });
            assert_eq!(breach, Some(Breach::Asynchronous { accepted: MAX_ASYNCHRONOUS }));
        }
    }

    #[test]
    fn frames_drop_parameters_shorten_errors() {
        assert_eq!(follow(&message(b'S', b"a\0b\0")).unwrap(), b"");
        assert_eq!(follow(&message(b'A', b"\0\0\0\x01c\0p\0")).unwrap(), b"");
        let error = message(b'E', b"SERROR\0C42P01\0Mshort\0\0");
        assert_eq!(follow(&error).unwrap(), error);
        let long = [b"SERROR\0C42P01\0M", vec![b'x'; 5_000_000].as_slice(), b"\0\0"].concat();
        let passed = follow(&[message(b'E', &long), message(b'Z', b"I")].concat()).unwrap();
        assert!(passed.len() < 2 * MAX_FIELD, "{}", passed.len());
        assert!(passed.ends_with(&message(b'Z', b"I")));
        assert!(passed.starts_with(b"E\0\0"));
    }

    proptest! {
        #[test]
        fn frames_pass_same_bytes_in_any_chunks(
            bodies in prop::collection::vec((0..5usize, prop::collection::vec(any::<u8>(), 2..40)), 1..20),
            cuts in prop::collection::vec(1..30usize, 1..60),
        ) {
            let mut stream = message(b'T', &[0, 1]);
            for (kind, body) in &bodies {
                let columns = [&[0, 1], body.as_slice()].concat();
                stream.extend(match kind {
                    0 => message(b'D', &columns),
                    kind => message([b'C', b'S', b'Z', b'1'][kind - 1], body),
                });
            }
            let whole = follow(&stream).unwrap();
            let (mut frames, mut passed, mut rest) = (Frames::new(LIMIT), Vec::new(), stream.as_slice());
            for cut in cuts.iter().cycle() {
                frames.follow(take_bytes(&mut rest, *cut), &mut passed).unwrap();
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(passed, whole);
        }

        #[test]
        fn frames_never_panic(bytes: Vec<u8>) {
            let mut passed = Vec::new();
            let _ = Frames::new(LIMIT).follow(&bytes, &mut passed);
            prop_assert!(passed.len() <= bytes.len() + 64);
        }
    }
}
