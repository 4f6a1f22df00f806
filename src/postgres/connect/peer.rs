use super::problem::Problem;
use super::socket::{Socket, Stream};

/// Checks `requirepeer`: who owns the server behind a Unix socket.
pub(super) fn check_peer(socket: &Socket, wanted: Option<&str>) -> Result<(), Problem> {
    let (Some(wanted), Stream::Unix(stream)) = (wanted, &socket.stream) else { return Ok(()) };
    let uid = stream.peer_cred().map_err(Problem::Io)?.uid();
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten();
    let actual = user.map_or_else(|| uid.to_string(), |user| user.name);
    if actual == wanted {
        return Ok(());
    }
    Err(Problem::WrongPeer { wanted: wanted.to_owned(), actual })
}
