//! Answers to the server's authentication requests, under libpq's rules for `require_auth` and `channel_binding`.
//!
//! PostgreSQL manual, 53.2.1 Start-up, and `check_expected_areq` in `src/interfaces/libpq/fe-auth.c`.

use postgres_protocol::authentication::md5_hash;

use super::problem::Problem;
use super::scram::{Binding, ClientFinal, ClientFirst, LOW_ITERATIONS};
use crate::postgres::conninfo::{AuthMethod, ChannelBinding, RequireAuth};

/// What the client may do to authenticate.
pub(super) struct Credentials<'a> {
    pub(super) user: &'a str,
    pub(super) password: Option<&'a str>,
    pub(super) require_auth: Option<&'a RequireAuth>,
    pub(super) channel_binding: ChannelBinding,
    /// Whether the connection is encrypted.
    pub(super) encrypted: bool,
    /// The digest of the server's certificate for `tls-server-end-point`; `None` if it is undefined.
    pub(super) end_point: Option<Vec<u8>>,
}

/// The response to a request.
pub(super) enum Reply {
    /// The server accepted the client.
    Done,
    /// The body of a PasswordMessage, SASLInitialResponse or SASLResponse: they share the type byte.
    Send(Vec<u8>),
    /// The exchange continues with the server's next message.
    Wait,
}

/// The state of the exchange.
enum State {
    Start,
    PasswordSent,
    Scram(ClientFirst),
    ScramProved(ClientFinal),
    ScramDone,
}

/// One exchange. A request that does not match the state ends it, so it has at most four requests.
pub(super) struct Exchange<'a> {
    credentials: Credentials<'a>,
    state: State,
    is_channel_bound: bool,
    low_iterations: Option<u32>,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(credentials: Credentials<'a>) -> Self {
        Self { credentials, state: State::Start, is_channel_bound: false, low_iterations: None }
    }

    /// The SCRAM iterations of the password, if they are below the default of PostgreSQL.
    pub(super) fn low_iterations(&self) -> Option<u32> {
        self.low_iterations
    }

    /// Answers the body of an authentication request.
    ///
    /// # Errors
    /// Returns an error, before anything is sent, if the method is not allowed or unknown.
    pub(super) async fn reply(&mut self, body: &[u8]) -> Result<Reply, Problem> {
        let (kind, data) = body.split_first_chunk::<4>().ok_or_else(malformed_request)?;
        let request = Request::from_code(u32::from_be_bytes(*kind));
        self.check_allowed(request)?;
        match (request, std::mem::replace(&mut self.state, State::Start)) {
            (Request::Ok, State::Scram(_) | State::ScramProved(_)) => {
                Err(Problem::Authentication("server did not complete authentication".to_owned()))
            }
            (Request::Ok, _) => Ok(Reply::Done),
            (Request::Password, State::Start) => {
                let message = null_terminated(self.password()?);
                self.state = State::PasswordSent;
                Ok(Reply::Send(message))
            }
            (Request::Md5, State::Start) => {
                let salt = data.try_into().map_err(|_| malformed_request())?;
                let hash = md5_hash(self.credentials.user.as_bytes(), self.password()?.as_bytes(), salt);
                self.state = State::PasswordSent;
                Ok(Reply::Send(null_terminated(&hash)))
            }
            (Request::Sasl, State::Start) => self.begin_scram(data),
            (Request::SaslContinue, State::Scram(first)) => self.send_proof(first, data).await,
            (Request::SaslFinal, State::ScramProved(last)) => {
                last.verify(data)?;
                self.state = State::ScramDone;
                Ok(Reply::Wait)
            }
            (request @ (Request::Gss | Request::Sspi | Request::Unknown), _) => {
                Err(Problem::Authentication(format!("{}, which pgtend does not support", request.description())))
            }
            (_, State::Start) => Err(malformed_request()),
            (Request::Sasl | Request::Password | Request::Md5, _) => {
                Err(Problem::Authentication("duplicate authentication request".to_owned()))
            }
            _ => Err(malformed_request()),
        }
    }

    fn password(&self) -> Result<&'a str, Problem> {
        self.credentials.password.ok_or(Problem::PasswordNeeded)
    }

    fn check_allowed(&self, request: Request) -> Result<(), Problem> {
        if let Some(required) = self.credentials.require_auth {
            let finished = matches!(self.state, State::PasswordSent | State::ScramDone);
            let reason = match request {
                Request::Ok if finished || !required.needs_authentication() => None,
                Request::Ok => Some("server did not complete authentication"),
                request => {
                    (!request.method().is_some_and(|method| required.allows(method))).then(|| request.description())
                }
            };
            if let Some(reason) = reason {
                return Err(Problem::MethodRefused { required: required.as_written().to_owned(), reason });
            }
        }
        if self.credentials.channel_binding == ChannelBinding::Require {
            let problem = match request {
                Request::Sasl | Request::SaslContinue | Request::SaslFinal => None,
                Request::Ok if self.is_channel_bound && matches!(self.state, State::ScramDone) => None,
                Request::Ok => {
                    Some("channel binding required, but server authenticated client without channel binding")
                }
                _ => Some("channel binding required but not supported by server's authentication request"),
            };
            if let Some(problem) = problem {
                return Err(Problem::Authentication(problem.to_owned()));
            }
        }
        Ok(())
    }

    fn begin_scram(&mut self, mechanisms: &[u8]) -> Result<Reply, Problem> {
        let failed = |problem: &str| Err(Problem::Authentication(problem.to_owned()));
        let offers = |name: &str| mechanisms.split(|byte| *byte == 0).any(|offered| offered == name.as_bytes());
        let Credentials { channel_binding, encrypted, end_point, .. } = &self.credentials;
        let required = *channel_binding == ChannelBinding::Require;
        if required && !encrypted {
            return failed("channel binding required, but SSL not in use");
        }
        let usable = end_point.as_ref().filter(|_| *channel_binding != ChannelBinding::Disable);
        let (mechanism, binding) = match usable {
            _ if offers("SCRAM-SHA-256-PLUS") && !encrypted => {
                return failed("server offered SCRAM-SHA-256-PLUS authentication over a non-SSL connection");
            }
            Some(digest) if offers("SCRAM-SHA-256-PLUS") => ("SCRAM-SHA-256-PLUS", Binding::EndPoint(digest.clone())),
            _ if !offers("SCRAM-SHA-256") => {
                return failed("none of the server's SASL authentication mechanisms are supported");
            }
            Some(_) => ("SCRAM-SHA-256", Binding::NotOffered),
            None => ("SCRAM-SHA-256", Binding::Unsupported),
        };
        self.is_channel_bound = matches!(binding, Binding::EndPoint(_));
        if required && !self.is_channel_bound {
            return failed(
                "channel binding is required, but server did not offer an authentication method that supports channel binding",
            );
        }
        self.password()?;
        let first = ClientFirst::new(binding)?;
        let message = first.message();
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        self.state = State::Scram(first);
        Ok(Reply::Send([mechanism.as_bytes(), &[0], &length.to_be_bytes(), message.as_bytes()].concat()))
    }

    async fn send_proof(&mut self, first: ClientFirst, data: &[u8]) -> Result<Reply, Problem> {
        let server = first.server_first(data)?;
        let iterations = server.iterations.get();
        self.low_iterations = Some(iterations).filter(|iterations| *iterations < LOW_ITERATIONS);
        let password = self.password()?.to_owned();
        // On a separate thread, so that the connect timeout applies to the computation.
        let computed = tokio::task::spawn_blocking(move || first.client_final(&password, &server)).await;
        let last = computed.map_err(|error| Problem::Authentication(error.to_string()))?;
        let message = last.message.clone().into_bytes();
        self.state = State::ScramProved(last);
        Ok(Reply::Send(message))
    }
}

/// The kinds of authentication request (PostgreSQL manual, 53.7 Message Formats).
#[derive(Clone, Copy)]
enum Request {
    Ok,
    Password,
    Md5,
    Gss,
    Sspi,
    Sasl,
    SaslContinue,
    SaslFinal,
    Unknown,
}

impl Request {
    fn from_code(code: u32) -> Self {
        match code {
            0 => Self::Ok,
            3 => Self::Password,
            5 => Self::Md5,
            7 | 8 => Self::Gss,
            9 => Self::Sspi,
            10 => Self::Sasl,
            11 => Self::SaslContinue,
            12 => Self::SaslFinal,
            _ => Self::Unknown,
        }
    }

    fn method(self) -> Option<AuthMethod> {
        match self {
            Self::Password => Some(AuthMethod::Password),
            Self::Md5 => Some(AuthMethod::Md5),
            Self::Gss => Some(AuthMethod::Gss),
            Self::Sspi => Some(AuthMethod::Sspi),
            // OAUTHBEARER is also SASL; pgtend never selects it.
            Self::Sasl | Self::SaslContinue | Self::SaslFinal => Some(AuthMethod::ScramSha256),
            Self::Ok | Self::Unknown => None,
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Ok => "server did not complete authentication",
            Self::Password => "server requested a cleartext password",
            Self::Md5 => "server requested a hashed password",
            Self::Gss => "server requested GSSAPI authentication",
            Self::Sspi => "server requested SSPI authentication",
            Self::Sasl | Self::SaslContinue | Self::SaslFinal => "server requested SASL authentication",
            Self::Unknown => "server requested an unknown authentication type",
        }
    }
}

fn malformed_request() -> Problem {
    Problem::Authentication("received invalid authentication request".to_owned())
}

fn null_terminated(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}
