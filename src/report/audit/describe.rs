//! Names, formulas and reclaiming commands of an audit's components.

use crate::analysis::downsize::{
    AuditFindingKind, Component, ComponentKind, GrowthSource, LEAST_MEMBERS_BYTES, WalSource,
};
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
        ComponentKind::ServerLogs { written_elsewhere: true } => "server logs (logging_collector is off)".to_owned(),
        ComponentKind::ServerLogs { .. } => "server logs".to_owned(),
        ComponentKind::SlotSpill => "slot spill".to_owned(),
        ComponentKind::OutsideSql { .. } => "file system usage not visible to SQL".to_owned(),
        ComponentKind::StaleSlots { slots } => match slots.as_slice() {
            [] => "WAL of stale slots".to_owned(),
            [slot] => format!("WAL of stale slot {slot}"),
            several => format!("WAL of {} stale slots: {}", several.len(), several.join(", ")),
        },
        ComponentKind::InactiveSlots { slots } => match slots.as_slice() {
            [slot] => format!("WAL of inactive slot {slot} (owner must confirm)"),
            several => format!("WAL of inactive slots {} (owners must confirm)", several.join(", ")),
        },
        ComponentKind::DroppedIndexes { database, count, .. } => {
            format!(
                "{} of {database}",
                format_count(*count, "unused or duplicate index", "unused or duplicate indexes")
            )
        }
        ComponentKind::IndexBloat { database, count, .. } => {
            format!("bloat of {} of {database}", format_count(*count, "index", "indexes"))
        }
        ComponentKind::TableBloat { database, count, .. } => {
            format!("bloat of {} of {database}", format_count(*count, "table", "tables"))
        }
        ComponentKind::OrphanedFiles { database } => format!("files of {database} that belong to no relation"),
        ComponentKind::UnreadTables { database, count, window_seconds, .. } => format!(
            "{} of {database} without a scan for {}",
            format_count(*count, "table", "tables"),
            human_duration(*window_seconds)
        ),
        ComponentKind::UnreadDatabase { database } => format!("reclaimable space in {database}"),
        ComponentKind::WalHeadroom { outage_seconds, .. } => {
            format!("headroom for {} of WAL", human_duration(*outage_seconds))
        }
        ComponentKind::RebuildHeadroom { .. } => "headroom for rebuilds and sorts".to_owned(),
        ComponentKind::Growth { days, .. } => format!("growth in {days} days"),
        ComponentKind::Margin { share } => format!("margin: {} kept free", human_percent(*share)),
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
        ComponentKind::TransactionStatus { xid_age, multixact_age, offset_bytes, members: None } => format!(
            "{} transactions × 2 bits + {} multixacts × {} bytes",
            human_count(*xid_age),
            human_count(*multixact_age),
            offset_bytes + LEAST_MEMBERS_BYTES
        ),
        ComponentKind::TransactionStatus { xid_age, offset_bytes, members: Some(counted), .. } => format!(
            "{} transactions × 2 bits + {} multixacts × {offset_bytes} bytes + {} of members",
            human_count(*xid_age),
            human_count(counted.multixacts),
            human_bytes(counted.members_bytes)
        ),
        ComponentKind::WalDirectory => "sum of pg_ls_waldir()".to_owned(),
        ComponentKind::TemporaryFiles => "sum of pg_ls_tmpdir() of every tablespace".to_owned(),
        ComponentKind::ServerLogs { written_elsewhere: true } => "destination of standard error or syslog".to_owned(),
        ComponentKind::ServerLogs { .. } => "sum of pg_ls_logdir()".to_owned(),
        ComponentKind::SlotSpill => "sum of pg_ls_replslotdir(), logical snapshots and mappings".to_owned(),
        ComponentKind::OutsideSql { used_fs_bytes } => {
            format!("{} used on the file system − components visible to SQL", human_bytes(*used_fs_bytes))
        }
        ComponentKind::StaleSlots { .. } | ComponentKind::InactiveSlots { .. } => {
            "segments up to the next holder − segments that are recycled, up to max_wal_size".to_owned()
        }
        ComponentKind::DroppedIndexes { indexes, count, .. } => format!("sizes of {}", named(indexes, *count)),
        ComponentKind::IndexBloat { indexes, count, .. } => {
            format!("size − size after a rebuild: {}", named(indexes, *count))
        }
        ComponentKind::TableBloat { tables, count, .. } => {
            format!("size − size after a rewrite: {}", named(tables, *count))
        }
        ComponentKind::OrphanedFiles { .. } => "pg_database_size − sum of its relations".to_owned(),
        ComponentKind::UnreadDatabase { .. } => "database not read".to_owned(),
        ComponentKind::UnreadTables { tables, count, .. } => {
            format!("no scan of {}; not subtracted unless the tables are dropped", named(tables, *count))
        }
        ComponentKind::WalHeadroom { source: WalSource::NotKnown, clean_wal_bytes, .. } => {
            format!("WAL volume − {} in pg_wal after the clean-up", human_bytes(*clean_wal_bytes))
        }
        ComponentKind::Growth { source: GrowthSource::NotKnown, days, .. } => format!("growth per day × {days} days"),
        ComponentKind::WalHeadroom { volume_bytes, capped, clean_wal_bytes, .. } => format!(
            "{}{} − {} in pg_wal after the clean-up",
            human_bytes(*volume_bytes),
            if *capped { " (max_slot_wal_keep_size)" } else { "" },
            human_bytes(*clean_wal_bytes)
        ),
        ComponentKind::RebuildHeadroom { index, index_bytes, temp_bytes } => {
            let temp = temp_bytes.map_or("unknown".to_owned(), human_bytes);
            match index {
                Some(index) => {
                    format!("max(2 × {} of index {index}, temporary files {temp})", human_bytes(*index_bytes))
                }
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
        ComponentKind::TransactionStatus { members: Some(_), .. } => {
            "maximum of age(datfrozenxid), and pg_get_multixact_stats()"
        }
        ComponentKind::TransactionStatus { .. } => "maximum of age(datfrozenxid) and of mxid_age(datminmxid)",
        ComponentKind::DroppedIndexes { .. } => "indexes with verdict drop (`pgtend indexes`)",
        ComponentKind::UnreadTables { .. } => "scan counters of this server; standbys have their own counters",
        ComponentKind::IndexBloat { .. } | ComponentKind::TableBloat { .. } => {
            "statistics of the last ANALYZE, TOAST samples, pgstattuple with --exact"
        }
        ComponentKind::WalHeadroom { source: WalSource::Given, .. } => "--wal-per-hour",
        ComponentKind::WalHeadroom { source: WalSource::History, .. } => "history: largest volume in a rolling window",
        ComponentKind::WalHeadroom { source: WalSource::StatisticsAverage, .. } => "pg_stat_wal: average × 3",
        ComponentKind::WalHeadroom { source: WalSource::FilesAverage, .. } => {
            "number and age of files in pg_wal: average × 3"
        }
        ComponentKind::Growth { source: GrowthSource::Given, .. } => "--growth",
        ComponentKind::Growth { source: GrowthSource::History, .. } => {
            "history: median slope of the total size of all databases"
        }
        ComponentKind::Growth { source: GrowthSource::RowCounters, .. } => {
            "rows inserted − rows deleted since the statistics reset"
        }
        ComponentKind::WalHeadroom { source: WalSource::NotKnown, .. }
        | ComponentKind::Growth { source: GrowthSource::NotKnown, .. } => "unknown",
        ComponentKind::RebuildHeadroom { .. } => "largest index that is kept",
        ComponentKind::Margin { .. } => "--margin",
        _ => "server",
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
        AuditFindingKind::MethodNotOffered { provider } => format!("{} does not offer this method", provider.name()),
        AuditFindingKind::LogicalSlot { slot_name, active, plugin_to_list } => format!(
            "logical slot {slot_name}{}: it is not moved; its consumer needs a new initial load{}",
            if *active { " (in use)" } else { "" },
            plugin_to_list
                .as_ref()
                .map(|plugin| format!(
                    "; if the new server has output_plugin_libraries, the setting must list {plugin}, or the new slot and \
                     pg_upgrade are refused"
                ))
                .unwrap_or_default()
        ),
        AuditFindingKind::PhysicalSlot { slot_name, active } => {
            format!("physical slot {slot_name}{}: its standby must be rebuilt", if *active { " (in use)" } else { "" })
        }
        AuditFindingKind::Subscription { subscription, database } => {
            format!("subscription {subscription} in {database}: create it again after the move")
        }
        AuditFindingKind::NoReplicaIdentity { count, names } => format!(
            "{} without a replica identity (UPDATE and DELETE would fail): {}",
            format_counted(*count, "table"),
            list(*count, names)
        ),
        AuditFindingKind::LargeObjects { count } => {
            // The query counts no further.
            let at_least = if *count >= 10_000 { "at least " } else { "" };
            format!("{at_least}{}: large objects are not replicated", format_counted(*count, "large object"))
        }
        AuditFindingKind::UnloggedTables { count, names } => {
            format!("{}, whose rows are not copied: {}", format_counted(*count, "unlogged table"), list(*count, names))
        }
        AuditFindingKind::Sequences { count, refreshable: true } => {
            format!("{}: refresh them at the switchover (REFRESH SEQUENCES)", format_counted(*count, "sequence"))
        }
        AuditFindingKind::Sequences { count, refreshable: false } => {
            format!("{}: set the values at the switchover (setval)", format_counted(*count, "sequence"))
        }
        AuditFindingKind::MaterializedViews { count, names } => {
            format!(
                "{} to refresh on the new server: {}",
                format_counted(*count, "materialized view"),
                list(*count, names)
            )
        }
        AuditFindingKind::EventTriggers { count, names } => {
            format!(
                "{} that can fire during the copy: {}",
                format_counted(*count, "event trigger"),
                list(*count, names)
            )
        }
        AuditFindingKind::ForeignServers { count, names } => {
            format!(
                "{} that must be reachable from the new server by the same name: {}",
                format_counted(*count, "foreign server"),
                list(*count, names)
            )
        }
        AuditFindingKind::Publication { count, names } => format!(
            "{} that must have no external subscriber during the move: {}",
            format_counted(*count, "publication"),
            list(*count, names)
        ),
        AuditFindingKind::Tablespaces { tablespaces, bytes } => format!(
            "{} outside the data directory ({}): {}, possibly on other volumes",
            format_counted(tablespaces.len() as u64, "tablespace"),
            tablespaces.join(", "),
            bytes.map_or_else(|| "size unknown".to_owned(), human_bytes)
        ),
        AuditFindingKind::VolumeTooSmall { source, source_bytes, seen_bytes } => format!(
            "{source} is {}, but SQL already counts {}: the two do not describe the same volume",
            human_bytes(*source_bytes),
            human_bytes(*seen_bytes)
        ),
        AuditFindingKind::Extension { name, advice } => format!("extension {name}: {advice}"),
        AuditFindingKind::PreparedTransactions { count, gid } => {
            format!(
                "{}, the oldest {}: commit or roll back before the move",
                format_counted(*count as u64, "prepared transaction"),
                quote_literal(gid)
            )
        }
        AuditFindingKind::PendingRestart { settings } => {
            format!("settings wait for a restart (the parameter group is not in sync): {}", settings.join(", "))
        }
        AuditFindingKind::ReadOnlyOverride { role, setting } => format!(
            "{} has the setting {setting} and can write to green before the switchover",
            role.as_deref().map_or("the database".to_owned(), |role| format!("role {}", quote_identifier(role)))
        ),
        AuditFindingKind::WalLevel { wal_level, need } => {
            format!("wal_level is {wal_level}, it must be {need} (needs a restart)")
        }
        AuditFindingKind::TooFew { setting, have, need, there } => {
            let location = if *there { " on the new server (assuming the same value there)" } else { "" };
            format!("{setting} is {have}, the move needs {need}{location}")
        }
        AuditFindingKind::StorageStripe { from_bytes, to_bytes } => format!(
            "gp3 below 400 GiB is not striped: 3,000 IOPS and 125 MiB/s instead of 12,000 and 500 ({} → {})",
            human_bytes(*from_bytes),
            human_bytes(*to_bytes)
        ),
        AuditFindingKind::BaselineIops { before, after } => {
            format!("gp2 has 3 IOPS per GiB: {} → {} (bursts to 3,000)", human_count(*before), human_count(*after))
        }
        AuditFindingKind::BackupAllowance { before_bytes, after_bytes } => format!(
            "free backup storage decreases with the volume ({} → {}): large old snapshots are then charged",
            human_bytes(*before_bytes),
            human_bytes(*after_bytes)
        ),
        AuditFindingKind::Check { text } => (*text).to_owned(),
    }
}
