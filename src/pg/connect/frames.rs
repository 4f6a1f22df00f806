//! Follows the framing of the server's messages, piece by piece, and holds them to limits.
//!
//! A message is a type byte, a length of four bytes that counts itself, and a body (PostgreSQL manual, 53.7 Message
//! Formats). Bodies pass as they arrive. Nothing is kept but the start of an error or notice that is cut short.

use super::meter::{Breach, MAX_ASYNCHRONOUS};
use super::server_error::{MAX_FIELD, shorten};

/// The part of a long error or notice that is read, in bytes.
const MAX_ERROR: usize = 64 << 10;

/// Follows one connection from the first byte after ReadyForQuery.
#[derive(Debug)]
pub(super) struct Frames {
    state: State,
    message_limit: u64,
    asynchronous: u64,
    /// The columns of the last RowDescription.
    columns: Option<[u8; 2]>,
    /// Whether a row must have them. A driver that executes prepared statements gets rows without a new description.
    are_rows_described: bool,
}

#[derive(Debug)]
enum State {
    /// Type byte and length, as far as they have come; of rows and their descriptions also the number of columns.
    Header(Vec<u8>),
    /// This much of a body goes on.
    Pass(u64),
    /// This much of a body is dropped.
    Drop(u64),
    /// A long error or notice: its type, its start, and what is still to come.
    Shorten { tag: u8, start: Vec<u8>, left: u64 },
}

impl Frames {
    pub(super) fn new(message_limit: u64) -> Self {
        Self {
            state: State::Header(Vec::new()),
            message_limit,
            asynchronous: 0,
            columns: None,
            are_rows_described: true,
        }
    }

    /// Accepts rows that no RowDescription precedes.
    pub(super) fn accept_undescribed_rows(&mut self) {
        self.are_rows_described = false;
    }

    /// Reads the next bytes and appends to `passed` what goes on to the driver.
    ///
    /// # Errors
    /// Returns the limit or rule that the server broke; the connection cannot be used any more.
    pub(super) fn follow(&mut self, mut bytes: &[u8], passed: &mut Vec<u8>) -> Result<(), Breach> {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Header(header) => {
                    header.extend(take(&mut bytes, header_size(header).saturating_sub(header.len())));
                    let size = header_size(header);
                    if header.len() >= size {
                        let header = std::mem::take(header);
                        self.state = self.begin(&header, passed)?;
                    }
                }
                State::Pass(left) => {
                    let body = take_up_to(&mut bytes, left);
                    passed.extend_from_slice(body);
                }
                State::Drop(left) => {
                    take_up_to(&mut bytes, left);
                }
                State::Shorten { start, left, .. } => {
                    let body = take_up_to(&mut bytes, left);
                    let room = MAX_ERROR.saturating_sub(start.len());
                    start.extend(body.iter().take(room));
                }
            }
            self.end_if_complete(passed);
        }
        Ok(())
    }

    fn begin(&mut self, header: &[u8], passed: &mut Vec<u8>) -> Result<State, Breach> {
        let (Some(tag), Some(length)) = (header.first(), header.get(1..).and_then(|rest| rest.first_chunk())) else {
            return Err(Breach::Malformed("a message without a length"));
        };
        let announced = u64::from(u32::from_be_bytes(*length));
        // What is left of the body behind what the header holds of it.
        let left = (announced + 1).checked_sub(header.len() as u64);
        let left = left.ok_or(Breach::Malformed("a message is shorter than its own length field"))?;
        if let Some(columns) = header.get(5..7).and_then(|columns| columns.try_into().ok()) {
            match (tag, self.columns) {
                (b'T', _) => self.columns = Some(columns),
                (_, Some(described)) if described == columns => {}
                _ if !self.are_rows_described => {}
                _ => return Err(Breach::Malformed("a row does not have the columns that were described")),
            }
        }
        if matches!(tag, b'S' | b'A' | b'N') {
            self.asynchronous = self.asynchronous.saturating_add(announced + 1);
            if self.asynchronous > MAX_ASYNCHRONOUS {
                return Err(Breach::Asynchronous { accepted: MAX_ASYNCHRONOUS });
            }
        }
        match tag {
            // The driver would keep every parameter; pgtend listens to no channel.
            b'S' | b'A' => return Ok(State::Drop(left)),
            b'E' | b'N' if left > MAX_FIELD as u64 => {
                return Ok(State::Shorten { tag: *tag, start: Vec::new(), left });
            }
            _ if announced > self.message_limit => {
                return Err(Breach::Message { announced, accepted: self.message_limit });
            }
            _ => {}
        }
        passed.extend_from_slice(header);
        Ok(State::Pass(left))
    }

    fn end_if_complete(&mut self, passed: &mut Vec<u8>) {
        match &self.state {
            State::Pass(0) | State::Drop(0) => {}
            State::Shorten { tag, start, left: 0 } => {
                let body = shorten(start);
                passed.push(*tag);
                passed.extend(u32::try_from(body.len() + 4).unwrap_or(u32::MAX).to_be_bytes());
                passed.extend(body);
            }
            _ => return,
        }
        self.state = State::Header(Vec::new());
    }
}

fn header_size(header: &[u8]) -> usize {
    if matches!(header.first(), Some(b'T' | b'D')) { 7 } else { 5 }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count.min(bytes.len()));
    *bytes = rest;
    taken
}

fn take_up_to<'a>(bytes: &mut &'a [u8], left: &mut u64) -> &'a [u8] {
    let taken = take(bytes, usize::try_from(*left).unwrap_or(usize::MAX));
    *left -= taken.len() as u64;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: u64 = 1 << 20;

    #[test]
    fn undescribed_rows_pass_only_where_prepared_statements_are_executed() {
        let row = message(b'D', &[0, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut frames = Frames::new(LIMIT);
        let refused = frames.follow(&row, &mut Vec::new());
        assert!(matches!(refused, Err(Breach::Malformed(_))), "{refused:?}");
        let (mut frames, mut passed) = (Frames::new(LIMIT), Vec::new());
        frames.accept_undescribed_rows();
        frames.follow(&row, &mut passed).unwrap();
        assert_eq!(passed, row);
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
    fn frames_reject_a_message_above_the_limit_by_its_header() {
        for length in [LIMIT + 1, 1 << 31, u64::from(u32::MAX)] {
            let header = [b"D", u32::try_from(length).unwrap().to_be_bytes().as_slice(), &[0, 0]].concat();
            let mut frames = Frames { columns: Some([0, 0]), ..Frames::new(LIMIT) };
            let breach = frames.follow(&header, &mut Vec::new());
            assert_eq!(breach, Err(Breach::Message { announced: length, accepted: LIMIT }));
        }
    }

    #[test]
    fn frames_reject_lengths_that_are_too_short() {
        for length in 0..4u8 {
            assert!(matches!(follow(&[b'C', 0, 0, 0, length]), Err(Breach::Malformed(_))), "{length}");
        }
        assert!(matches!(follow(&[b'D', 0, 0, 0, 5, 0, 1]), Err(Breach::Malformed(_))));
    }

    #[test]
    fn frames_reject_rows_with_other_columns_than_described() {
        let described = message(b'T', &[0, 2, 9, 9]);
        assert!(follow(&[described.clone(), message(b'D', &[0, 2, 9])].concat()).is_ok());
        assert!(matches!(follow(&[described, message(b'D', &[0, 1, 9])].concat()), Err(Breach::Malformed(_))));
        assert!(matches!(follow(&message(b'D', &[0, 0])), Err(Breach::Malformed(_))));
    }

    #[test]
    fn frames_bound_notices_and_parameters() {
        for tag in [b'S', b'A', b'N'] {
            let flood = message(tag, &[b'x'; 1 << 20]);
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
    fn frames_drop_parameters_and_shorten_long_errors() {
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
        fn frames_pass_the_same_bytes_in_any_pieces(
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
                frames.follow(take(&mut rest, *cut), &mut passed).unwrap();
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
