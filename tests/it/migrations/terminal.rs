//! The prompt on a terminal, and changes while it waits for the answer.

use super::program::{LIMIT_OPTIONS, Project, files_below, newest_cluster};
use crate::clusters::{connect_superuser, print_stderr};
use crate::terminal::{Terminal, shell_line};

#[tokio::test]
async fn terminal_changes_during_prompt_are_refused() {
    let cluster = newest_cluster();
    let project = Project::new(&cluster, "prompted").await;
    let client = connect_superuser(&cluster, "prompted").await;
    let fixed = ["indexes", "migrate", "-d", &project.conninfo, "--framework", "rails", "--output", "m", "users_name"];
    let begin = || {
        let words = [&[env!("CARGO_BIN_EXE_pgtend")], &fixed[..], &LIMIT_OPTIONS[..]].concat();
        let mut terminal = Terminal::run_in_terminal(&shell_line(words), |command| {
            command.current_dir(project.folder.path()).env_remove("DATABASE_URL").env("HOME", "/nonexistent");
        })?;
        terminal.wait_for("Type yes:");
        assert!(terminal.screen.contains("database prompted of"), "{}", terminal.screen);
        Some(terminal)
    };
    let Some(terminal) = begin() else {
        print_stderr("prompt on a terminal: NOT RUN, `script` is not installed");
        return;
    };
    let nothing = || assert!(files_below(project.folder.path()).is_empty());
    let (exit, shown) = terminal.type_line("y");
    assert!(exit == 4 && shown.contains("nothing was written"), "{exit}: {shown}");
    nothing();

    // A changed comment: the down migration would create a different index.
    let terminal = begin().unwrap();
    client.batch_execute("comment on index shop.users_name is 'wait for the audit'").await.unwrap();
    let (exit, shown) = terminal.type_line("yes");
    assert!(exit == 4 && shown.contains("has changed since the plan"), "{exit}: {shown}");
    nothing();

    let terminal = begin().unwrap();
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgtend'";
    client.batch_execute(end).await.unwrap();
    let (exit, shown) = terminal.type_line("yes");
    assert!(exit == 1 && shown.contains("was lost"), "{exit}: {shown}");
    nothing();

    let terminal = begin().unwrap();
    client.batch_execute("begin; lock table shop.users in access exclusive mode").await.unwrap();
    let (exit, shown) = terminal.type_line("yes");
    assert!(exit == 4 && shown.contains("locked by another session"), "{exit}: {shown}");
    client.batch_execute("rollback").await.unwrap();
    nothing();

    let terminal = begin().unwrap();
    let (exit, shown) = terminal.type_line("yes");
    assert!(exit == 0 && shown.contains("1 file written"), "{exit}: {shown}");
    assert_eq!(files_below(project.folder.path()).len(), 2);

    let terminal = begin().unwrap();
    client.batch_execute("drop index shop.users_name").await.unwrap();
    let (exit, shown) = terminal.type_line("yes");
    assert!(exit == 4 && shown.contains("no longer exists"), "{exit}: {shown}");
    assert_eq!(files_below(project.folder.path()).len(), 2);
}
