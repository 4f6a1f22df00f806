//! Names, formulas and reclaiming commands of an audit's components.

use crate::analysis::downsize::{AuditFindingKind, Component, ComponentKind, GrowthSource, WalSource};
use crate::quote::{PrintedConnection, ShellCommand, quote_identifier, quote_literal};
use crate::render::{format_counted, human_bytes, human_bytes_per_day, human_count, human_duration, human_percent};

/// Returns the title of a component.
pub fn component_title(kind: &ComponentKind) -> String {
    match kind {
        // A cluster always has a database: 0 means unknown.
        ComponentKind::Databases { count: 0 } => "databases".to_owned(),
        ComponentKind::Databases { count } => format_counted(*count as u64, "database"),
        ComponentKind::SharedCatalogs => "shared catalogs".to_owned(),
        ComponentKind::TransactionStatus { .. } => "pg_xact and pg_multixact".to_owned(),
        ComponentKind::WalDirectory => "pg_wal".to_owned(),
        ComponentKind::TemporaryFiles => "temporary files".to_owned(),
        ComponentKind::ServerLogs { written_elsewhere: true } => "server logs, not collected by the server".to_owned(),
        ComponentKind::ServerLogs { .. } => "server logs".to_owned(),
        ComponentKind::SlotSpill => "slot spill".to_owned(),
        ComponentKind::OutsideSql { .. } => "on the file system, beyond SQL's sight".to_owned(),
        ComponentKind::StaleSlots { slots } => match slots.as_slice() {
            [] => "WAL of stale slots".to_owned(),
            [slot] => format!("WAL of stale slot {slot}"),
            several => format!("WAL of {} stale slots: {}", several.len(), several.join(", ")),
        },
        ComponentKind::InactiveSlots { slots } => match slots.as_slice() {
            [slot] => format!("WAL of slot {slot}, if its owner confirms"),
            several => format!("WAL of slots {}, if their owners confirm", several.join(", ")),
        },
        ComponentKind::DroppedIndexes { database, count, .. } => {
            format!("{} of {database}, unused or duplicate", format_count(*count, "index", "indexes"))
        }
        ComponentKind::IndexBloat { database, count, .. } => {
            format!("bloat of {} of {database}", format_count(*count, "index", "indexes"))
        }
        ComponentKind::TableBloat { database, count, .. } => {
            format!("bloat of {} of {database}", format_count(*count, "table", "tables"))
        }
        ComponentKind::OrphanedFiles { database } => format!("files of {database} that belong to no relation"),
        ComponentKind::UnreadTables { database, count, window_seconds, .. } => format!(
            "{} of {database} that nobody read in {}",
            format_count(*count, "table", "tables"),
            human_duration(*window_seconds)
        ),
        ComponentKind::UnreadDatabase { database } => format!("whatever can be reclaimed in {database}"),
        ComponentKind::WalHeadroom { outage_seconds, .. } => {
            format!("room for WAL of {}", human_duration(*outage_seconds))
        }
        ComponentKind::RebuildHeadroom { .. } => "room to rebuild and sort".to_owned(),
        ComponentKind::Growth { days, .. } => format!("growth of {days} days"),
        ComponentKind::Margin { share } => format!("{} kept free", human_percent(*share)),
    }
}

fn format_count(count: usize, singular: &str, plural: &str) -> String {
    format!("{} {}", human_count(count as u64), if count == 1 { singular } else { plural })
}

/// Returns the formula with its figures.
pub fn component_formula(kind: &ComponentKind) -> String {
    let named = |names: &[String], count: usize| {
        let more = if count > names.len() { format!(" and {} more", count - names.len()) } else { String::new() };
        format!("{}{more}", names.join(", "))
    };
    match kind {
        ComponentKind::Databases { .. } => "sum of pg_database_size".to_owned(),
        ComponentKind::SharedCatalogs => "pg_tablespace_size(pg_global)".to_owned(),
        ComponentKind::TransactionStatus { xid_age, multixact_age } => format!(
            "{} transactions × 2 bits + {} multixacts × 14 bytes",
            human_count(*xid_age),
            human_count(*multixact_age)
        ),
        ComponentKind::WalDirectory => "sum of pg_ls_waldir()".to_owned(),
        ComponentKind::TemporaryFiles => "sum of pg_ls_tmpdir() of every tablespace".to_owned(),
        ComponentKind::ServerLogs { written_elsewhere: true } => "wherever standard error or syslog go".to_owned(),
        ComponentKind::ServerLogs { .. } => "sum of pg_ls_logdir()".to_owned(),
        ComponentKind::SlotSpill => "sum of pg_ls_replslotdir(), snapshots and mappings".to_owned(),
        ComponentKind::OutsideSql { used_fs_bytes } => {
            format!("{} used on the file system − what SQL sees", human_bytes(*used_fs_bytes))
        }
        ComponentKind::StaleSlots { .. } | ComponentKind::InactiveSlots { .. } => {
            "segments before the next holder − those that stay as recycled, up to max_wal_size".to_owned()
        }
        ComponentKind::DroppedIndexes { indexes, count, .. } => format!("sizes of {}", named(indexes, *count)),
        ComponentKind::IndexBloat { indexes, count, .. } => {
            format!("size − size when rebuilt: {}", named(indexes, *count))
        }
        ComponentKind::TableBloat { tables, count, .. } => {
            format!("size − size when rewritten: {}", named(tables, *count))
        }
        ComponentKind::OrphanedFiles { .. } => "pg_database_size − sum of its relations".to_owned(),
        ComponentKind::UnreadDatabase { .. } => "not read from inside".to_owned(),
        ComponentKind::UnreadTables { tables, count, .. } => {
            format!("no scan of {}; they keep their room until somebody drops them", named(tables, *count))
        }
        ComponentKind::WalHeadroom { source: WalSource::NotKnown, clean_wal_bytes, .. } => {
            format!("volume of WAL − {} in pg_wal after the clean-up", human_bytes(*clean_wal_bytes))
        }
        ComponentKind::Growth { source: GrowthSource::NotKnown, days, .. } => format!("growth of a day × {days} days"),
        ComponentKind::WalHeadroom { volume_bytes, capped, clean_wal_bytes, .. } => format!(
            "{}{} − {} in pg_wal after the clean-up",
            human_bytes(*volume_bytes),
            if *capped { " (max_slot_wal_keep_size)" } else { "" },
            human_bytes(*clean_wal_bytes)
        ),
        ComponentKind::RebuildHeadroom { index, index_bytes, temp_bytes } => {
            let temp = temp_bytes.map_or("not known".to_owned(), human_bytes);
            match index {
                Some(index) => format!("max(2 × {index} with {}, temporary files {temp})", human_bytes(*index_bytes)),
                None => format!("temporary files {temp}"),
            }
        }
        ComponentKind::Growth { days, bytes_per_day, .. } => {
            format!("{} × {days} days", human_bytes_per_day(*bytes_per_day))
        }
        ComponentKind::Margin { share } => format!("recommended × {}", human_percent(*share)),
    }
}

/// Returns the source of the figures.
pub fn component_source(kind: &ComponentKind) -> &'static str {
    match kind {
        ComponentKind::OutsideSql { .. } => "--used-fs",
        ComponentKind::StaleSlots { .. } | ComponentKind::InactiveSlots { .. } => {
            "slots, pg_wal, settings; manual 28.5 WAL Configuration"
        }
        ComponentKind::TransactionStatus { .. } => "age(datfrozenxid), mxid_age(datminmxid): the oldest",
        ComponentKind::DroppedIndexes { .. } => "verdict drop of `pgtend indexes`",
        ComponentKind::UnreadTables { .. } => {
            "scans of tables and their indexes on this server; standbys count their own"
        }
        ComponentKind::IndexBloat { .. } | ComponentKind::TableBloat { .. } => {
            "statistics of the last ANALYZE, samples of TOAST, pgstattuple with --exact"
        }
        ComponentKind::WalHeadroom { source: WalSource::Given, .. } => "--wal-per-hour",
        ComponentKind::WalHeadroom { source: WalSource::History, .. } => {
            "history: the largest volume in a rolling window"
        }
        ComponentKind::WalHeadroom { source: WalSource::StatisticsAverage, .. } => "pg_stat_wal: average × 3",
        ComponentKind::WalHeadroom { source: WalSource::FilesAverage, .. } => {
            "files in pg_wal and their age: average × 3"
        }
        ComponentKind::Growth { source: GrowthSource::Given, .. } => "--growth",
        ComponentKind::Growth { source: GrowthSource::History, .. } => {
            "history: median slope of all databases together"
        }
        ComponentKind::Growth { source: GrowthSource::RowCounters, .. } => {
            "rows inserted − deleted since the statistics began"
        }
        ComponentKind::WalHeadroom { source: WalSource::NotKnown, .. }
        | ComponentKind::Growth { source: GrowthSource::NotKnown, .. } => "not known",
        ComponentKind::RebuildHeadroom { .. } => "largest index that stays",
        ComponentKind::Margin { .. } => "--margin",
        _ => "the server",
    }
}

/// Returns the command that reclaims the component; `None` when no command does.
pub fn reclaim_command(component: &Component, connection: &PrintedConnection) -> Option<String> {
    match &component.kind {
        ComponentKind::StaleSlots { slots } | ComponentKind::InactiveSlots { slots } if !slots.is_empty() => {
            let drop = ShellCommand::new("pgtend slots drop");
            Some(slots.iter().fold(connection.add_to(drop), |command, slot| command.operand(slot)).into())
        }
        ComponentKind::DroppedIndexes { database, .. } => Some(migrate_command(connection, database).into()),
        ComponentKind::IndexBloat { database, indexes, .. } => Some(reindex(database, indexes.first()?)),
        ComponentKind::TableBloat { database, tables, .. } => Some(repack_command(database, tables.first()?)),
        _ => None,
    }
}

/// Returns the command that rebuilds an index while it is in use; `index` is quoted for SQL.
pub fn reindex(database: &str, index: &str) -> String {
    format!("REINDEX INDEX CONCURRENTLY {index};   -- database {}", quote_identifier(database))
}

/// Returns the command that rewrites a table while it is in use; `table` is quoted for SQL.
pub fn repack_command(database: &str, table: &str) -> String {
    ShellCommand::new("pg_repack").repack_database(database).option("--table", table).into()
}

/// Returns the command that writes the clean-up of a database's indexes as migrations.
pub fn migrate_command(connection: &PrintedConnection, database: &str) -> ShellCommand {
    connection.add_to_for(ShellCommand::new("pgtend indexes migrate"), database).arg("--framework F --output DIR")
}

/// Describes a finding in one sentence.
pub fn describe_finding(kind: &AuditFindingKind) -> String {
    let list = |count: u64, names: &[String]| {
        let more = if count > names.len() as u64 {
            format!(" and {} more", count - names.len() as u64)
        } else {
            String::new()
        };
        format!("{}{more}", names.join(", "))
    };
    match kind {
        AuditFindingKind::MethodNotOffered { provider } => format!("{} does not offer this way", provider.name()),
        AuditFindingKind::LogicalSlot { slot_name, active } => format!(
            "logical slot {slot_name}{}: it does not move along; plan a new snapshot of its consumer",
            if *active { " (in use)" } else { "" }
        ),
        AuditFindingKind::PhysicalSlot { slot_name, active } => format!(
            "physical slot {slot_name}{}: its standby must be built anew",
            if *active { " (in use)" } else { "" }
        ),
        AuditFindingKind::Subscription { subscription, database } => {
            format!("subscription {subscription} in {database}: create it again after the move")
        }
        AuditFindingKind::NoReplicaIdentity { count, names } => format!(
            "{} without replica identity, on which UPDATE and DELETE would fail: {}",
            format_counted(*count, "table"),
            list(*count, names)
        ),
        AuditFindingKind::LargeObjects { count } => {
            // The query counts no further.
            let at_least = if *count >= 10_000 { "at least " } else { "" };
            format!("{at_least}{}: not replicated", format_counted(*count, "large object"))
        }
        AuditFindingKind::UnloggedTables { count, names } => {
            format!(
                "{}: what is in it does not arrive: {}",
                format_counted(*count, "unlogged table"),
                list(*count, names)
            )
        }
        AuditFindingKind::Sequences { count } => {
            format!("{}: set the values at the switch (setval)", format_counted(*count, "sequence"))
        }
        AuditFindingKind::MaterializedViews { count, names } => {
            format!("{} to be refreshed there: {}", format_counted(*count, "materialized view"), list(*count, names))
        }
        AuditFindingKind::EventTriggers { count, names } => {
            format!(
                "{}, to fire while the copy is made: {}",
                format_counted(*count, "event trigger"),
                list(*count, names)
            )
        }
        AuditFindingKind::ForeignServers { count, names } => {
            format!(
                "{} to be reachable from there, by the same name: {}",
                format_counted(*count, "foreign server"),
                list(*count, names)
            )
        }
        AuditFindingKind::Publication { count, names } => format!(
            "{}: nobody outside may subscribe during the move: {}",
            format_counted(*count, "publication"),
            list(*count, names)
        ),
        AuditFindingKind::Tablespaces { tablespaces, bytes } => format!(
            "tablespaces with directories of their own, {}: {} of the sum, perhaps on other volumes than the rest",
            tablespaces.join(", "),
            human_bytes(*bytes)
        ),
        AuditFindingKind::VolumeTooSmall { source: said, source_bytes: said_bytes, seen_bytes } => format!(
            "{said} is {}, and SQL sees {} already: one of both is of another volume",
            human_bytes(*said_bytes),
            human_bytes(*seen_bytes)
        ),
        AuditFindingKind::Extension { name, advice } => format!("extension {name}: {advice}"),
        AuditFindingKind::PreparedTransactions { count, gid } => {
            format!(
                "{} with locks and old rows, the oldest {}: to be ended first",
                format_counted(*count as u64, "prepared transaction"),
                quote_literal(gid)
            )
        }
        AuditFindingKind::PendingRestart { settings } => {
            format!("settings wait for a restart, the parameter group is not in sync: {}", settings.join(", "))
        }
        AuditFindingKind::ReadOnlyOverride { role, setting } => format!(
            "{} has {setting} of its own and could write to green before the switchover",
            role.as_deref().map_or("everybody".to_owned(), |role| format!("role {}", quote_identifier(role)))
        ),
        AuditFindingKind::WalLevel { wal_level } => format!("wal_level is {wal_level}, it must be logical (a restart)"),
        AuditFindingKind::TooFew { setting, have, need, there } => {
            let location = if *there { " there, if it is set as here" } else { "" };
            format!("{setting} is {have}, the move needs {need}{location}")
        }
        AuditFindingKind::StorageStripe { from_bytes, to_bytes } => format!(
            "gp3 below 400 GiB is not striped: 3,000 IOPS and 125 MiB/s instead of 12,000 and 500 ({} → {})",
            human_bytes(*from_bytes),
            human_bytes(*to_bytes)
        ),
        AuditFindingKind::BaselineIops { before, after } => {
            format!("gp2 has 3 IOPS for each GiB: {} → {} (bursts to 3,000)", human_count(*before), human_count(*after))
        }
        AuditFindingKind::BackupAllowance { before_bytes, after_bytes } => format!(
            "free backup storage shrinks with the volume ({} → {}): old, large snapshots begin to cost",
            human_bytes(*before_bytes),
            human_bytes(*after_bytes)
        ),
        AuditFindingKind::Check { text } => (*text).to_owned(),
    }
}
