//! Checks the extended query protocol: every message of the server must match the request that it answers.
//!
//! A driver that executes prepared statements decodes a row by the description of its statement, which may be minutes
//! old. A server that repeats, omits or reorders messages could make it decode rows by the description of another
//! statement. So the requests of the driver are tracked, too (PostgreSQL manual, 53.2.3 Extended Query and 53.2.2
//! Simple Query).

use std::collections::{HashMap, VecDeque};

use super::bodies::{self, Columns, Flaw};

/// The number of bytes of a request that are read: the names of a statement and of a portal come first. PostgreSQL
/// truncates names to 63 bytes.
const MAX_REQUEST: usize = 256;

const UNANSWERED: Flaw = "an unexpected message";

/// The pending requests, and the columns of the statements.
#[derive(Debug, Default)]
pub(super) struct ExtendedQuery {
    input: Input,
    requests: VecDeque<Request>,
    /// Whether the server discards requests up to the next Sync.
    is_failed: bool,
    /// The columns of each prepared statement.
    statements: HashMap<Vec<u8>, Columns>,
    /// The columns of the rows that are being sent.
    columns: Option<Columns>,
}

/// The received part of a request.
#[derive(Debug, Default)]
struct Input {
    /// Type byte, length and the start of the body.
    start: Vec<u8>,
    /// The number of remaining bytes of the body.
    left: usize,
}

/// A request and its subject.
#[derive(Debug)]
enum Request {
    Parse,
    /// Binds a statement of this name.
    Bind(Vec<u8>),
    /// Describes a statement of this name.
    Describe(Vec<u8>),
    Execute,
    /// Closes a statement of this name, or a portal.
    Close(Option<Vec<u8>>),
    Sync,
    Query,
}

impl ExtendedQuery {
    /// Tracks bytes that were sent to the server.
    pub(super) fn follow_requests(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if let Some((tag, body)) = self.input.next(&mut bytes) {
                self.request(tag, &body);
            }
        }
    }

    fn request(&mut self, tag: u8, body: &[u8]) {
        let request = match tag {
            b'P' => Request::Parse,
            b'B' => Request::Bind(text(body).1),
            b'D' => Request::Describe(body.to_vec()),
            b'E' => Request::Execute,
            b'C' => Request::Close(body.strip_prefix(b"S").map(|name| text(name).0)),
            b'S' => Request::Sync,
            b'Q' => Request::Query,
            // Flush and Terminate are not answered; COPY and function calls are not used.
            _ => return,
        };
        if matches!(request, Request::Sync | Request::Query) {
            self.is_failed = false;
        }
        if !self.is_failed {
            self.requests.push_back(request);
        }
    }

    /// Checks an answer: any message but a notice, a notification or a parameter report.
    pub(super) fn answer(&mut self, tag: u8, body: &[u8]) -> Result<(), Flaw> {
        if tag == b'E' {
            self.fail();
            return Ok(());
        }
        let request = self.requests.front().ok_or(UNANSWERED)?;
        // A message that completes a request removes it from the queue; rows and parameter descriptions do not.
        let completes = match (request, tag) {
            (Request::Parse, b'1') | (Request::Close(None), b'3') => bodies::exhausted(body).map(|()| true)?,
            (Request::Close(Some(name)), b'3') => {
                self.statements.remove(name);
                bodies::exhausted(body).map(|()| true)?
            }
            (Request::Bind(name), b'2') => {
                self.columns = self.statements.get(name).cloned();
                bodies::exhausted(body).map(|()| true)?
            }
            (Request::Describe(_), b't') => bodies::parameter_description(body).map(|()| false)?,
            (Request::Describe(target), b'T') => {
                let columns = bodies::row_description(body)?;
                match target.strip_prefix(b"S") {
                    Some(name) => drop(self.statements.insert(text(name).0, columns)),
                    None => self.columns = Some(columns),
                }
                true
            }
            (Request::Describe(target), b'n') => {
                if let Some(name) = target.strip_prefix(b"S") {
                    self.statements.remove(&text(name).0);
                }
                bodies::exhausted(body).map(|()| true)?
            }
            (Request::Query, b'T') => {
                self.columns = Some(bodies::row_description(body)?);
                false
            }
            (Request::Execute | Request::Query, b'D') => {
                let columns = self.columns.as_ref().ok_or("a row without a row description")?;
                bodies::data_row(columns, body).map(|()| false)?
            }
            (Request::Execute | Request::Query, b'C' | b'I' | b's') => {
                if tag == b'C' { bodies::command_complete(body) } else { bodies::exhausted(body) }?;
                self.columns = None;
                matches!(request, Request::Execute)
            }
            (Request::Sync | Request::Query, b'Z') => bodies::ready_for_query(body).map(|()| true)?,
            _ => return Err(UNANSWERED),
        };
        if completes {
            self.requests.pop_front();
        }
        Ok(())
    }

    /// After an error the server discards the requests up to the next Sync.
    fn fail(&mut self) {
        while self.requests.front().is_some_and(|request| !matches!(request, Request::Sync | Request::Query)) {
            self.requests.pop_front();
        }
        self.is_failed = self.requests.is_empty();
    }
}

impl Input {
    /// Consumes bytes from the front, and returns the request that they complete.
    fn next(&mut self, bytes: &mut &[u8]) -> Option<(u8, Vec<u8>)> {
        const HEADER: usize = 5;
        if self.start.len() < HEADER {
            let (taken, rest) = bytes.split_at(bytes.len().min(HEADER - self.start.len()));
            self.start.extend(taken);
            *bytes = rest;
            let length = self.start.get(1..).and_then(|length| length.first_chunk())?;
            self.left = (u32::from_be_bytes(*length) as usize).saturating_sub(length.len());
        }
        let (taken, rest) = bytes.split_at(bytes.len().min(self.left));
        self.start.extend(taken.iter().take((HEADER + MAX_REQUEST).saturating_sub(self.start.len())));
        self.left -= taken.len();
        *bytes = rest;
        if self.left > 0 {
            return None;
        }
        let start = std::mem::take(&mut self.start);
        let (tag, body) = (start.first()?, start.get(HEADER..)?);
        Some((*tag, body.to_vec()))
    }
}

/// Returns the two strings at the start of a body.
fn text(body: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut texts = body.split(|byte| *byte == 0).map(<[u8]>::to_vec);
    (texts.next().unwrap_or_default(), texts.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BIGINT: u8 = 20;
    const TEXT: u8 = 25;

    fn request(tag: u8, body: &[u8]) -> Vec<u8> {
        [&[tag][..], &u32::try_from(body.len() + 4).unwrap().to_be_bytes(), body].concat()
    }

    /// The requests by which sqlx prepares a statement.
    fn prepare(name: &str) -> Vec<u8> {
        let parse = request(b'P', format!("{name}\0select 1\0\0\0").as_bytes());
        [parse, request(b'D', format!("S{name}\0").as_bytes()), request(b'S', &[])].concat()
    }

    /// The requests by which sqlx executes a statement.
    fn execute(name: &str) -> Vec<u8> {
        let bind = request(b'B', &[b"\0", name.as_bytes(), &[0; 2_000]].concat());
        [bind, request(b'E', &[0; 5]), request(b'C', b"P\0"), request(b'S', &[])].concat()
    }

    fn description(types: &[u8]) -> Vec<u8> {
        let mut body = vec![0, u8::try_from(types.len()).unwrap()];
        for oid in types {
            body.extend(b"a\0\0\0\0\0\0\0\0\0\0");
            body.extend([*oid, 0, 8, 0xff, 0xff, 0xff, 0xff, 0, 0]);
        }
        body
    }

    /// A row of so many nulls.
    fn row(columns: u8) -> Vec<u8> {
        [&[0, columns][..], &[0xff; 4].repeat(usize::from(columns))].concat()
    }

    /// A protocol in which a statement `a` returns one column, and `b` three.
    fn prepared() -> ExtendedQuery {
        let mut query = ExtendedQuery::default();
        for (name, types) in [("a", &[BIGINT][..]), ("b", &[BIGINT, TEXT, TEXT])] {
            query.follow_requests(&prepare(name));
            for (tag, body) in [(b'1', &[][..]), (b't', &[0, 0]), (b'T', &description(types)), (b'Z', b"I")] {
                query.answer(tag, body).unwrap();
            }
        }
        query
    }

    #[test]
    fn extended_query_refuses_rows_of_another_statement() {
        for (name, columns) in [("a", 3), ("a", 0), ("b", 1), ("b", 2)] {
            let mut query = prepared();
            query.follow_requests(&execute(name));
            query.answer(b'2', &[]).unwrap();
            assert!(query.answer(b'D', &row(columns)).is_err(), "{name}: {columns}");
        }
    }

    #[test]
    fn extended_query_refuses_answers_without_a_request() {
        for (tag, body) in
            [(b'Z', &b"I"[..]), (b'1', b""), (b'D', &row(1)), (b'T', &description(&[TEXT])), (b'K', &[0; 8])]
        {
            assert_eq!(prepared().answer(tag, body), Err(UNANSWERED), "{}", char::from(tag));
        }
        // A repeated ReadyForQuery would have the driver read the rows of `a` as those of the next statement.
        let mut query = prepared();
        query.follow_requests(&execute("a"));
        assert_eq!(query.answer(b'Z', b"I"), Err(UNANSWERED));
    }

    #[test]
    fn extended_query_refuses_answers_in_another_order() {
        let mut query = prepared();
        query.follow_requests(&execute("a"));
        for (tag, body) in [(b'D', &row(1)[..]), (b'C', b"SELECT 1\0"), (b'3', b""), (b'G', &[0; 3]), (b'H', &[0; 3])] {
            assert_eq!(query.answer(tag, body), Err(UNANSWERED), "{}", char::from(tag));
        }
        query.follow_requests(&prepare("c"));
        assert_eq!(query.answer(b'T', &description(&[TEXT])), Err(UNANSWERED));
    }

    #[test]
    fn extended_query_refuses_rows_after_a_statement_without_any() {
        let mut query = prepared();
        query.follow_requests(&prepare("a"));
        for (tag, body) in [(b'1', &[][..]), (b't', &[0, 0]), (b'n', &[]), (b'Z', b"I")] {
            query.answer(tag, body).unwrap();
        }
        query.follow_requests(&execute("a"));
        query.answer(b'2', &[]).unwrap();
        assert_eq!(query.answer(b'D', &row(1)), Err("a row without a row description"));
    }

    #[test]
    fn extended_query_accepts_statements_in_any_pieces() {
        let requests =
            [execute("b"), request(b'Q', b"begin; select\0"), request(b'C', b"Sa\0"), request(b'S', &[])].concat();
        for size in [1, 2, 3, 7, 64, 1_000, requests.len()] {
            let mut query = prepared();
            requests.chunks(size).for_each(|piece| query.follow_requests(piece));
            for (tag, body) in [
                (b'2', &b""[..]),
                (b'D', &row(3)),
                (b'D', &row(3)),
                (b'C', b"SELECT 2\0"),
                (b'3', b""),
                (b'Z', b"I"),
                (b'C', b"BEGIN\0"),
                (b'T', &description(&[TEXT])),
                (b'D', &row(1)),
                (b'C', b"SELECT 1\0"),
                (b'Z', b"T"),
                (b'3', b""),
                (b'Z', b"T"),
            ] {
                query.answer(tag, body).unwrap_or_else(|flaw| panic!("{size}, {}: {flaw}", char::from(tag)));
            }
            assert!(query.requests.is_empty() && !query.statements.contains_key(&b"a"[..]), "{query:?}");
        }
    }

    #[test]
    fn extended_query_skips_to_the_next_sync_after_an_error() {
        let mut query = prepared();
        query.follow_requests(&execute("a"));
        query.answer(b'E', &[]).unwrap();
        query.answer(b'Z', b"E").unwrap();
        // The error may come before the rest of the requests is sent.
        let requests = execute("a");
        let (bind, rest) = requests.split_at(requests.len() - 20);
        query.follow_requests(bind);
        query.answer(b'E', &[]).unwrap();
        query.follow_requests(rest);
        query.answer(b'Z', b"E").unwrap();
        query.follow_requests(&request(b'Q', b"rollback\0"));
        query.answer(b'C', b"ROLLBACK\0").unwrap();
        query.answer(b'Z', b"I").unwrap();
    }

    proptest! {
        #[test]
        fn extended_query_never_panics(requests: Vec<u8>, answers: Vec<(u8, Vec<u8>)>) {
            let mut query = prepared();
            query.follow_requests(&execute("a"));
            query.follow_requests(&requests);
            for (tag, body) in answers {
                let _ = query.answer(tag, &body);
            }
        }
    }
}
