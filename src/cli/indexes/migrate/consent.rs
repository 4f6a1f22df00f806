//! Consent to writing files.

use crate::actions::Consent;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::app::{Context, unless_interrupted};
use crate::facts::Snapshot;
use crate::postgres::Session;

/// Asks for consent on a terminal. `what` describes what would be done.
pub(super) async fn ask_consent(
    what: &str,
    snapshot: &Snapshot,
    session: &Session,
    yes: bool,
    context: &Context,
) -> Result<Consent, Failure> {
    if yes {
        return Ok(Consent::Unattended);
    }
    let refuse = |why: &str, hint| Err(Failure::new(ExitCode::Refused, why).with_hint(hint));
    if !context.ui.is_interactive() {
        return refuse(
            "nothing was written: confirmation needs a terminal",
            Some("use --yes to write without confirmation"),
        );
    }
    let server = &snapshot.server;
    let question =
        format!("{what}, for database {} of {} as {}? Type yes: ", server.database, session.endpoint(), server.role);
    let answer = async { Ok(context.ui.read_answer(&question).await) };
    match unless_interrupted(answer, async {}).await? {
        Some(answer) if answer == "yes" => Ok(Consent::Typed(vec![answer])),
        _ => refuse("nothing was written", None),
    }
}

pub(super) fn format_file_count(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}
