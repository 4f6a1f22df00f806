//! The runbook: steps in order, each with its verification and rollback.

use crate::analysis::downsize::{Assumptions, Audit, AuditFindingKind, ComponentKind, GIB, MoveMethod};
use crate::quote::{PrintedConnection, ShellCommand};
use crate::render::Language;
use serde::Serialize;

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct RunbookStep {
    pub title: String,
    pub commands: Vec<Command>,
    /// How to verify it.
    pub check: String,
    /// How to undo it.
    pub rollback: String,
}

/// A line of a step: a command, or a statement with its database.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Command {
    pub text: String,
    #[serde(skip)]
    pub language: Language,
}

impl Command {
    fn shell(text: impl Into<String>) -> Command {
        Command { text: text.into(), language: Language::Shell }
    }

    fn sql(text: String) -> Command {
        Command { text, language: Language::Sql }
    }

    /// A line without names. A statement ends with a semicolon, and a comment may follow it.
    fn fixed(line: &str) -> Command {
        let statement = line.split(" -- ").next().unwrap_or_default();
        if statement.trim_end().ends_with(';') { Command::sql(line.to_owned()) } else { Command::shell(line) }
    }
}

fn runbook_step(title: &str, commands: &[&str], check: &str, rollback: &str) -> RunbookStep {
    RunbookStep {
        title: title.to_owned(),
        commands: commands.iter().map(|line| Command::fixed(line)).collect(),
        check: check.to_owned(),
        rollback: rollback.to_owned(),
    }
}

/// Returns the steps for the chosen method.
pub fn runbook_steps(audit: &Audit<'_>, assumptions: &Assumptions, connection: &PrintedConnection) -> Vec<RunbookStep> {
    let mut steps = clean_up_steps(audit, assumptions.method, connection);
    let size = audit.chosen().and_then(|estimate| estimate.recommended).map(|amount| amount.bytes.div_ceil(GIB));
    let size = size.map_or("SIZE".to_owned(), |size| size.to_string());
    match assumptions.method {
        MoveMethod::BlueGreen | MoveMethod::BlueGreenUpgrade => {
            steps.extend(blue_green_steps(audit, assumptions.method, &size))
        }
        MoveMethod::Shrink => steps.extend(shrink_steps(&size)),
        MoveMethod::Basebackup => steps.extend(basebackup_steps()),
        MoveMethod::Dump => steps.extend(dump_steps()),
        MoveMethod::LogicalReplication => steps.extend(replication_steps()),
        MoveMethod::Dms => steps.extend(dms_steps()),
    }
    if audit.findings.iter().any(|audit_finding| matches!(audit_finding.kind, AuditFindingKind::LogicalSlot { .. })) {
        steps.push(runbook_step(
            "Re-create change data capture",
            &["pgtend slots"],
            "each pipeline has a slot on the new server and has taken a new snapshot",
            "point the pipeline at the old server again while that exists",
        ));
    }
    steps.push(runbook_step(
        "Verify",
        &["pgtend audit --all-databases", "pgtend check", "ANALYZE;   -- each database"],
        "sizes are within the forecast; no finding that was not there before",
        "switch the application back to the old server: what was written since must be carried over by hand",
    ));
    steps.push(runbook_step(
        "Delete the old server, then its snapshots",
        match assumptions.method {
            MoveMethod::BlueGreen | MoveMethod::BlueGreenUpgrade => {
                &["aws rds delete-db-instance --db-instance-identifier NAME-old1 --final-db-snapshot-identifier LAST"]
            }
            _ => &[],
        },
        "the bill shows one volume; snapshots larger than the new allowance are gone",
        "none: keep a last snapshot until nobody asks any more",
    ));
    steps.push(runbook_step(
        "Set alarms",
        &["pgtend check   # from a timer", "ALTER SYSTEM SET max_slot_wal_keep_size = '…';   -- any database"],
        "a slot that lags and a disk that fills are told to somebody",
        "not needed",
    ));
    for step in &mut steps {
        for command in &mut step.commands {
            command.text = connection.command(&command.text);
        }
        step.check = connection.sentence(&step.check);
        step.rollback = connection.sentence(&step.rollback);
    }
    steps
}

fn clean_up_steps(audit: &Audit<'_>, way: MoveMethod, connection: &PrintedConnection) -> Vec<RunbookStep> {
    let mut steps = Vec::new();
    let mut slots: Vec<&String> = Vec::new();
    for component in &audit.components {
        if let ComponentKind::StaleSlots { slots: named } | ComponentKind::InactiveSlots { slots: named } =
            &component.kind
        {
            slots.extend(named);
        }
    }
    if !slots.is_empty() {
        let command_per_slot =
            |names: &'static str| slots.iter().map(move |slot| Command::shell(ShellCommand::new(names).operand(slot)));
        let commands = command_per_slot("pgtend slots why").chain(command_per_slot("pgtend slots drop")).collect();
        steps.push(RunbookStep {
            title: "Ask the owners, then drop the forgotten slots".to_owned(),
            commands,
            check: "`pgtend slots` does not list them".to_owned(),
            rollback: "none: a new slot starts at its creation, its consumer takes a new snapshot".to_owned(),
        });
        steps.push(runbook_step(
            "Checkpoint",
            &["CHECKPOINT;   -- any database"],
            "`pgtend wal`: pg_wal has shrunk (or wait for checkpoint_timeout where the role may not)",
            "not needed",
        ));
    }
    steps.push(runbook_step(
        "Measure again",
        &["pgtend audit --all-databases --used-fs SIZE"],
        "the file system agrees with the audit",
        "not needed",
    ));
    for term in &audit.components {
        match &term.kind {
            ComponentKind::DroppedIndexes { database, .. } => steps.push(RunbookStep {
                title: format!("Drop the unused and duplicate indexes of {database}"),
                commands: vec![
                    Command::shell(super::describe::migrate_command(connection, database)),
                    Command::fixed("# deploy the migration as any other"),
                    Command::shell(
                        connection.add_to_for(ShellCommand::new("pgtend indexes verify"), database).arg("DIR"),
                    ),
                ],
                check: "`pgtend indexes verify` finds all of them gone; query times stay as they were".to_owned(),
                rollback: "the down migration builds them again".to_owned(),
            }),
            ComponentKind::IndexBloat { database, indexes, .. } if way.is_physical() => steps.push(RunbookStep {
                title: format!("Rebuild the bloated indexes of {database}"),
                commands: indexes.iter().map(|index| Command::sql(super::describe::reindex(database, index))).collect(),
                check: "`pgtend indexes --sort bloat`; no index named *_ccnew or *_ccold is left".to_owned(),
                rollback: "DROP INDEX CONCURRENTLY of an invalid *_ccnew".to_owned(),
            }),
            ComponentKind::TableBloat { database, tables, .. } if way.is_physical() => steps.push(RunbookStep {
                title: format!("Rewrite the bloated tables of {database}, if their size matters"),
                commands: tables
                    .iter()
                    .map(|table| Command::shell(super::describe::repack_command(database, table)))
                    .collect(),
                check: "`pgtend tables --sort bloat`".to_owned(),
                rollback: "not needed: VACUUM FULL instead locks the table for as long as it takes".to_owned(),
            }),
            _ => {}
        }
    }
    steps
}

fn blue_green_steps(audit: &Audit<'_>, method: MoveMethod, size: &str) -> Vec<RunbookStep> {
    let upgrade = if method == MoveMethod::BlueGreenUpgrade { " --target-engine-version VERSION" } else { "" };
    let create = format!(
        "aws rds create-blue-green-deployment --blue-green-deployment-name shrink --source ARN --target-allocated-storage {size}{upgrade}"
    );
    let mut steps = Vec::new();
    if audit.findings.iter().any(|finding| {
        matches!(finding.kind, AuditFindingKind::LogicalSlot { .. } | AuditFindingKind::Subscription { .. })
    }) {
        steps.push(runbook_step(
            "Stop change data capture and drop what Blue/Green does not accept",
            &[
                "SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'logical';   -- any database",
                "SELECT subname FROM pg_subscription;   -- any database",
            ],
            "both queries answer with no row",
            "create them again: each consumer takes a new snapshot",
        ));
    }
    steps.push(RunbookStep {
        title: "Create green".to_owned(),
        commands: vec![Command::shell(create)],
        check: "its status is AVAILABLE; blue's free space falls meanwhile: act at 90 % used".to_owned(),
        rollback: "aws rds delete-blue-green-deployment --delete-target".to_owned(),
    });
    steps.push(runbook_step(
        "Check the guardrails",
        &[
            "SELECT name FROM pg_settings WHERE pending_restart;   -- any database",
            "SELECT count(*) FROM pg_prepared_xacts;   -- any database",
        ],
        "no row, 0; lag near 0; no long transaction, no DDL",
        "wait",
    ));
    steps.push(runbook_step(
        "Switch over",
        &["aws rds switchover-blue-green-deployment --blue-green-deployment-identifier ID --switchover-timeout 300"],
        "names are swapped; the old one is called NAME-old1",
        "a switchover that takes longer than its timeout is rolled back by itself",
    ));
    steps.push(runbook_step(
        "Let the application write",
        &[],
        "only now: until the switchover green is read-only, and its writes fail",
        "nothing points at green before that",
    ));
    steps
}

fn shrink_steps(size: &str) -> Vec<RunbookStep> {
    vec![
        runbook_step(
            "Ask how small it may be",
            &["gcloud sql instances get-storage-shrink-config INSTANCE"],
            "the minimum is no larger than the size wanted",
            "not needed",
        ),
        RunbookStep {
            title: "Shrink, in a maintenance window: the instance is down meanwhile".to_owned(),
            commands: vec![Command::shell(format!(
                "gcloud sql instances perform-storage-shrink INSTANCE --storage-size={size}GB"
            ))],
            check: "the instance answers; replicas are shrunk after it".to_owned(),
            rollback: "grow it again: storage may be raised at any time".to_owned(),
        },
    ]
}

fn basebackup_steps() -> Vec<RunbookStep> {
    vec![
        runbook_step(
            "Copy onto the new volume",
            &["pg_basebackup -h OLD -D NEW -X stream -C -S move -R --checkpoint=fast", "pg_ctl -D NEW start"],
            "`pgtend slots` on the old server: slot move is in use and lags by nothing",
            "stop the new server, `pgtend slots drop move`",
        ),
        runbook_step(
            "Switch over",
            &["# stop the application", "pg_ctl -D OLD stop -m fast", "pg_ctl -D NEW promote"],
            "SELECT pg_is_in_recovery(); is f on the new server",
            "start the old server again, as long as nothing was written to the new one",
        ),
        runbook_step(
            "Point the application at the new server",
            &[],
            "only after the promotion: a standby is read-only",
            "point it back, before the first write",
        ),
    ]
}

fn dump_steps() -> Vec<RunbookStep> {
    vec![
        runbook_step(
            "Stop writes, dump and restore",
            &[
                "pg_dumpall -h OLD --globals-only | psql -h NEW -d postgres",
                "pg_dump -h OLD -Fd -j 4 -f DUMP DATABASE",
                "createdb -h NEW DATABASE && pg_restore -h NEW -d DATABASE -j 4 --exit-on-error DUMP",
                "vacuumdb -h NEW --all --analyze-only -j 4",
            ],
            "pg_restore ends with 0; row counts agree",
            "drop the new database; the old one is untouched",
        ),
        runbook_step(
            "Point the application at the new server",
            &[],
            "writes arrive there",
            "point it back, before the first write",
        ),
    ]
}

fn replication_steps() -> Vec<RunbookStep> {
    vec![
        runbook_step(
            "Copy roles and schema",
            &[
                "pg_dumpall -h OLD --globals-only | psql -h NEW -d postgres",
                "pg_dump -h OLD --schema-only DATABASE | psql -h NEW -d DATABASE",
            ],
            "no error",
            "drop the new database",
        ),
        runbook_step(
            "Replicate",
            &[
                "CREATE PUBLICATION move FOR ALL TABLES;   -- OLD, each database",
                "CREATE SUBSCRIPTION move CONNECTION '…' PUBLICATION move;   -- NEW, each database",
            ],
            "all rows of pg_subscription_rel have srsubstate r; `pgtend slots`: slot move lags by nothing",
            "DROP SUBSCRIPTION move; the old server keeps WAL for it until then",
        ),
        runbook_step(
            "Switch over",
            &[
                "# stop writes",
                "SELECT setval(…);   -- NEW, each database, each sequence",
                "REFRESH MATERIALIZED VIEW …;   -- NEW, each database",
                "DROP SUBSCRIPTION move;   -- NEW, each database",
            ],
            "the last LSN was applied; sequences are ahead of their tables",
            "point the application back, before the first write",
        ),
        runbook_step(
            "Point the application at the new server",
            &[],
            "writes arrive there",
            "point it back, before the first write",
        ),
    ]
}

fn dms_steps() -> Vec<RunbookStep> {
    vec![
        runbook_step(
            "Copy roles, schema and indexes",
            &["pg_dump -h OLD --schema-only DATABASE | psql -h NEW -d DATABASE"],
            "no error: DMS by itself brings tables and primary keys only",
            "drop the new database",
        ),
        runbook_step(
            "Run a task of full load and ongoing replication, with validation",
            &["aws dms create-replication-task --migration-type full-load-and-cdc …"],
            "no table in error, validation has no mismatch",
            "stop the task; drop its slot on the old server",
        ),
        runbook_step(
            "Switch over",
            &[
                "# stop writes, wait for latency 0, stop the task",
                "SELECT setval(…);   -- NEW, each database, each sequence",
            ],
            "counts agree; `pgtend slots` shows no slot of DMS left on the old server",
            "point the application back, before the first write",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::audit::describe::reindex;

    #[test]
    fn statement_names_its_database() {
        let steps = [basebackup_steps(), dump_steps(), replication_steps(), dms_steps(), shrink_steps("100")].concat();
        let lines = steps.iter().flat_map(|step| &step.commands);
        let statements: Vec<&Command> = lines.filter(|line| line.language == Language::Sql).collect();
        assert_eq!(statements.len(), 6);
        for statement in statements {
            assert!(statement.text.contains(" database"), "{statement:?}");
        }
        assert_eq!(reindex("my\ndb", "s.i"), "REINDEX INDEX CONCURRENTLY s.i;   -- database U&\"my\\000Adb\"");
        assert_eq!(Command::fixed("createdb -h NEW x && y; z").language, Language::Shell);
    }
}
