//! The runbook: steps in order, each with its verification and rollback.

use crate::analysis::downsize::{Assumptions, Audit, AuditFinding, AuditFindingKind, ComponentKind, GIB, MoveMethod};
use crate::quote::{PrintedConnection, ShellCommand};
use crate::render::Language;
use schemars::JsonSchema;
use serde::Serialize;

/// One step.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RunbookStep {
    pub title: String,
    pub commands: Vec<Command>,
    /// How to verify it.
    pub check: String,
    /// How to undo it.
    pub rollback: String,
}

/// A line of a step: a command, or a statement with its database.
#[derive(Clone, Debug, Serialize, JsonSchema)]
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

    /// Returns a line without names from the database. A statement ends with a semicolon; a comment may follow it.
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
        MoveMethod::LogicalReplication => {
            let is_refreshable =
                |finding: &AuditFinding| matches!(finding.kind, AuditFindingKind::Sequences { refreshable: true, .. });
            steps.extend(replication_steps(audit.findings.iter().any(is_refreshable)));
        }
        MoveMethod::Dms => steps.extend(dms_steps()),
    }
    if audit.findings.iter().any(|audit_finding| matches!(audit_finding.kind, AuditFindingKind::LogicalSlot { .. })) {
        let needs_listing = |finding: &AuditFinding| {
            matches!(finding.kind, AuditFindingKind::LogicalSlot { plugin_to_list: Some(_), .. })
        };
        let commands: &[&str] = match audit.findings.iter().any(needs_listing) {
            true => &[
                "SELECT name, setting FROM pg_settings WHERE name = 'output_plugin_libraries';   -- on the new server: each \
                 plugin must be listed",
                "pgtend slots",
            ],
            false => &["pgtend slots"],
        };
        steps.push(runbook_step(
            "Re-create change data capture",
            commands,
            "each pipeline has a slot on the new server and has finished its initial load",
            "connect the pipeline to the old server again, while that server exists",
        ));
    }
    steps.push(runbook_step(
        "Verify",
        &["pgtend audit --all-databases", "pgtend check", "ANALYZE;   -- each database"],
        "sizes are within the forecast; there are no new findings",
        "connect the application to the old server again; data written since the switchover must be copied manually",
    ));
    steps.push(runbook_step(
        "Delete the old server, then its snapshots",
        match assumptions.method {
            MoveMethod::BlueGreen | MoveMethod::BlueGreenUpgrade => {
                &["aws rds delete-db-instance --db-instance-identifier NAME-old1 --final-db-snapshot-identifier LAST"]
            }
            _ => &[],
        },
        "only one volume is billed; snapshots beyond the free backup storage are deleted",
        "none; keep a final snapshot as long as the old data may be needed",
    ));
    steps.push(runbook_step(
        "Set up alerts",
        &["pgtend check   # from a timer", "ALTER SYSTEM SET max_slot_wal_keep_size = '…';   -- any database"],
        "a lagging slot and a filling disk raise an alert; from PostgreSQL 19 on, with wal_level = replica, invalidating the \
         last valid logical slot also invalidates all logical slots of all standbys",
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

fn clean_up_steps(audit: &Audit<'_>, method: MoveMethod, connection: &PrintedConnection) -> Vec<RunbookStep> {
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
            title: "Drop the unused slots, after their owners have confirmed".to_owned(),
            commands,
            check: "`pgtend slots` does not list them".to_owned(),
            rollback: "none; a new slot starts at the current position, so its consumer needs a new initial load"
                .to_owned(),
        });
        steps.push(runbook_step(
            "Checkpoint",
            &["CHECKPOINT;   -- any database"],
            "`pgtend wal`: pg_wal is smaller (without the privilege, wait for checkpoint_timeout)",
            "not needed",
        ));
    }
    steps.push(runbook_step(
        "Measure again",
        &["pgtend audit --all-databases --used-fs SIZE"],
        "file system and audit show the same size",
        "not needed",
    ));
    for component in &audit.components {
        match &component.kind {
            ComponentKind::DroppedIndexes { database, .. } => steps.push(RunbookStep {
                title: format!("Drop the unused and duplicate indexes of {database}"),
                commands: vec![
                    Command::shell(super::describe::migrate_command(connection, database)),
                    Command::fixed("# deploy the migration as usual"),
                    Command::shell(
                        connection.add_to_for(ShellCommand::new("pgtend indexes verify"), database).arg("DIR"),
                    ),
                ],
                check: "`pgtend indexes verify` reports all of them as dropped; query times have not increased"
                    .to_owned(),
                rollback: "the down migration creates them again".to_owned(),
            }),
            ComponentKind::IndexBloat { database, indexes, .. } if method.is_physical() => steps.push(RunbookStep {
                title: format!("Rebuild the bloated indexes of {database}"),
                commands: indexes.iter().map(|index| Command::sql(super::describe::reindex(database, index))).collect(),
                check: "`pgtend indexes --sort bloat`; no index *_ccnew or *_ccold exists".to_owned(),
                rollback: "DROP INDEX CONCURRENTLY of an invalid *_ccnew".to_owned(),
            }),
            ComponentKind::TableBloat { database, tables, .. } if method.is_physical() => steps.push(RunbookStep {
                title: format!("Rewrite the bloated tables of {database} (optional)"),
                commands: tables
                    .iter()
                    .map(|table| Command::shell(super::describe::repack_command(database, table)))
                    .collect(),
                check: "`pgtend tables --sort bloat`".to_owned(),
                rollback: "not needed; VACUUM FULL is an alternative, but locks the table until it is done".to_owned(),
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
            "Stop change data capture; drop the slots and subscriptions that Blue/Green does not allow",
            &[
                "SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'logical';   -- any database",
                "SELECT subname FROM pg_subscription;   -- any database",
            ],
            "both queries return no rows",
            "create them again; each consumer needs a new initial load",
        ));
    }
    steps.push(RunbookStep {
        title: "Create the green environment".to_owned(),
        commands: vec![Command::shell(create)],
        check: "its status is AVAILABLE; watch the free space of blue, and stop at 90 % used".to_owned(),
        rollback: "aws rds delete-blue-green-deployment --blue-green-deployment-identifier ID --delete-target"
            .to_owned(),
    });
    steps.push(runbook_step(
        "Check the guardrails",
        &[
            "SELECT name FROM pg_settings WHERE pending_restart;   -- any database",
            "SELECT count(*) FROM pg_prepared_xacts;   -- any database",
        ],
        "the first query returns no rows, the second 0; replication lag is near 0; no long transactions, no DDL",
        "not needed; wait until the conditions are met",
    ));
    steps.push(runbook_step(
        "Switch over",
        &["aws rds switchover-blue-green-deployment --blue-green-deployment-identifier ID --switchover-timeout 300"],
        "the names are swapped; the old instance is now NAME-old1",
        "automatic, if the switchover exceeds its timeout",
    ));
    steps.push(runbook_step(
        "Resume application writes",
        &[],
        "writes succeed: before the switchover, green is read-only",
        "none; no application may use green before the switchover",
    ));
    steps
}

fn shrink_steps(size: &str) -> Vec<RunbookStep> {
    vec![
        runbook_step(
            "Get the minimum size",
            &["gcloud sql instances get-storage-shrink-config INSTANCE"],
            "the minimum is at most the new size",
            "not needed",
        ),
        RunbookStep {
            title: "Shrink the storage in a maintenance window (the instance is down until it is done)".to_owned(),
            commands: vec![Command::shell(format!(
                "gcloud sql instances perform-storage-shrink INSTANCE --storage-size={size}GB"
            ))],
            check: "the instance accepts connections; shrink the replicas afterwards".to_owned(),
            rollback: "increase the storage again; this is possible at any time".to_owned(),
        },
    ]
}

fn basebackup_steps() -> Vec<RunbookStep> {
    vec![
        runbook_step(
            "Copy onto the new volume",
            &["pg_basebackup -h OLD -D NEW -X stream -C -S move -R --checkpoint=fast", "pg_ctl -D NEW start"],
            "`pgtend slots` on the old server: slot move is active and has no lag",
            "stop the new server, `pgtend slots drop move`",
        ),
        runbook_step(
            "Switch over",
            &["# stop the application", "pg_ctl -D OLD stop -m fast", "pg_ctl -D NEW promote"],
            "SELECT pg_is_in_recovery(); returns f on the new server",
            "start the old server again, before the first write to the new one",
        ),
        runbook_step(
            "Connect the application to the new server",
            &[],
            "writes succeed: a standby is read-only until its promotion",
            "connect it to the old server again, before the first write",
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
            "pg_restore exits with 0; row counts are equal",
            "drop the new database; the old one is not changed",
        ),
        runbook_step(
            "Connect the application to the new server",
            &[],
            "writes reach the new server",
            "connect it to the old server again, before the first write",
        ),
    ]
}

/// From 19 on, a subscription can copy the values of sequences (PostgreSQL manual, "Replicating Sequences"; measured on
/// 19rc1: a refresh sets the value of the publisher). The new server is assumed to have at least the major of the old one.
fn replication_steps(refreshes_sequences: bool) -> Vec<RunbookStep> {
    let (publish, set_sequences) = match refreshes_sequences {
        true => (
            "CREATE PUBLICATION move FOR ALL TABLES, ALL SEQUENCES;   -- OLD, each database",
            "ALTER SUBSCRIPTION move REFRESH SEQUENCES;   -- NEW, each database",
        ),
        false => (
            "CREATE PUBLICATION move FOR ALL TABLES;   -- OLD, each database",
            "SELECT setval(…);   -- NEW, each database, each sequence",
        ),
    };
    vec![
        runbook_step(
            "Copy roles and schema",
            &[
                "pg_dumpall -h OLD --globals-only | psql -h NEW -d postgres",
                "pg_dump -h OLD --schema-only DATABASE | psql -h NEW -d DATABASE",
            ],
            "no errors",
            "drop the new database",
        ),
        runbook_step(
            "Replicate",
            &[publish, "CREATE SUBSCRIPTION move CONNECTION '…' PUBLICATION move;   -- NEW, each database"],
            "all rows of pg_subscription_rel have srsubstate r; `pgtend slots`: slot move has no lag",
            "DROP SUBSCRIPTION move; until then, its slot retains WAL on the old server",
        ),
        runbook_step(
            "Switch over",
            &[
                "# stop writes",
                set_sequences,
                "REFRESH MATERIALIZED VIEW …;   -- NEW, each database",
                "DROP SUBSCRIPTION move;   -- NEW, each database",
            ],
            "the last LSN is applied; sequences are ahead of their tables",
            "connect the application to the old server again, before the first write",
        ),
        runbook_step(
            "Connect the application to the new server",
            &[],
            "writes reach the new server",
            "connect it to the old server again, before the first write",
        ),
    ]
}

fn dms_steps() -> Vec<RunbookStep> {
    vec![
        runbook_step(
            "Copy roles, schema and indexes",
            &["pg_dump -h OLD --schema-only DATABASE | psql -h NEW -d DATABASE"],
            "no errors; DMS itself creates only tables and primary keys",
            "drop the new database",
        ),
        runbook_step(
            "Run a task with full load, ongoing replication and validation",
            &["aws dms create-replication-task --migration-type full-load-and-cdc …"],
            "no table with errors, no validation mismatches",
            "stop the task; drop its slot on the old server",
        ),
        runbook_step(
            "Switch over",
            &[
                "# stop writes, wait for latency 0, stop the task",
                "SELECT setval(…);   -- NEW, each database, each sequence",
            ],
            "row counts are equal; `pgtend slots` shows no DMS slot on the old server",
            "connect the application to the old server again, before the first write",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::audit::describe::reindex;

    #[test]
    fn statement_names_its_database() {
        for refreshes_sequences in [false, true] {
            let steps = [
                basebackup_steps(),
                dump_steps(),
                replication_steps(refreshes_sequences),
                dms_steps(),
                shrink_steps("100"),
            ]
            .concat();
            let lines = steps.iter().flat_map(|step| &step.commands);
            let statements: Vec<&Command> = lines.filter(|line| line.language == Language::Sql).collect();
            assert_eq!(statements.len(), 6);
            for statement in &statements {
                assert!(statement.text.contains(" database"), "{statement:?}");
            }
            let refreshes = statements.iter().any(|statement| statement.text.contains("REFRESH SEQUENCES"));
            assert_eq!(refreshes, refreshes_sequences);
        }
        assert_eq!(reindex("my\ndb", "s.i"), "REINDEX INDEX CONCURRENTLY s.i;   -- database U&\"my\\000Adb\"");
        assert_eq!(Command::fixed("createdb -h NEW x && y; z").language, Language::Shell);
    }
}
