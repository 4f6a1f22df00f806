//! What a term is called, how it is reckoned, and what reclaims it.

use crate::{
    judge::audit::{GrowthSource, Kind, Term, WalSource, What},
    model::{PrintedConnection, ShellCommand, quote_identifier, quote_literal},
    render::{counted, human_bytes, human_bytes_per_day, human_count, human_duration, human_percent},
};

/// What it is, in a few words.
pub fn title(kind: &Kind) -> String {
    match kind {
        // There is always one: none is not known.
        Kind::Databases { count: 0 } => "databases".to_owned(),
        Kind::Databases { count } => counted(*count as u64, "database"),
        Kind::SharedCatalogs => "shared catalogs".to_owned(),
        Kind::TransactionStatus { .. } => "pg_xact and pg_multixact".to_owned(),
        Kind::WalDirectory => "pg_wal".to_owned(),
        Kind::TemporaryFiles => "temporary files".to_owned(),
        Kind::ServerLogs { written_elsewhere: true } => "server logs, not collected by the server".to_owned(),
        Kind::ServerLogs { .. } => "server logs".to_owned(),
        Kind::SlotSpill => "slot spill".to_owned(),
        Kind::OutsideSql { .. } => "on the file system, beyond SQL's sight".to_owned(),
        Kind::StaleSlots { slots } => match slots.as_slice() {
            [] => "WAL of stale slots".to_owned(),
            [one] => format!("WAL of stale slot {one}"),
            several => format!("WAL of {} stale slots: {}", several.len(), several.join(", ")),
        },
        Kind::InactiveSlots { slots } => match slots.as_slice() {
            [one] => format!("WAL of slot {one}, if its owner confirms"),
            several => format!("WAL of slots {}, if their owners confirm", several.join(", ")),
        },
        Kind::DroppedIndexes { database, count, .. } => {
            format!("{} of {database}, unused or duplicate", many(*count, "index", "indexes"))
        }
        Kind::IndexBloat { database, count, .. } => {
            format!("bloat of {} of {database}", many(*count, "index", "indexes"))
        }
        Kind::TableBloat { database, count, .. } => {
            format!("bloat of {} of {database}", many(*count, "table", "tables"))
        }
        Kind::OrphanedFiles { database } => format!("files of {database} that belong to no relation"),
        Kind::UnreadTables { database, count, window_seconds, .. } => format!(
            "{} of {database} that nobody read in {}",
            many(*count, "table", "tables"),
            human_duration(*window_seconds)
        ),
        Kind::UnreadDatabase { database } => format!("whatever can be reclaimed in {database}"),
        Kind::WalRoom { outage_seconds, .. } => format!("room for WAL of {}", human_duration(*outage_seconds)),
        Kind::RebuildRoom { .. } => "room to rebuild and sort".to_owned(),
        Kind::Growth { days, .. } => format!("growth of {days} days"),
        Kind::Margin { share } => format!("{} kept free", human_percent(*share)),
    }
}

fn many(count: usize, one: &str, several: &str) -> String {
    format!("{} {}", human_count(count as u64), if count == 1 { one } else { several })
}

/// The formula with its figures.
pub fn formula(kind: &Kind) -> String {
    let named = |names: &[String], count: usize| {
        let more = if count > names.len() { format!(" and {} more", count - names.len()) } else { String::new() };
        format!("{}{more}", names.join(", "))
    };
    match kind {
        Kind::Databases { .. } => "sum of pg_database_size".to_owned(),
        Kind::SharedCatalogs => "pg_tablespace_size(pg_global)".to_owned(),
        Kind::TransactionStatus { xid_age, multixact_age } => format!(
            "{} transactions × 2 bits + {} multixacts × 14 bytes",
            human_count(*xid_age),
            human_count(*multixact_age)
        ),
        Kind::WalDirectory => "sum of pg_ls_waldir()".to_owned(),
        Kind::TemporaryFiles => "sum of pg_ls_tmpdir() of every tablespace".to_owned(),
        Kind::ServerLogs { written_elsewhere: true } => "wherever standard error or syslog go".to_owned(),
        Kind::ServerLogs { .. } => "sum of pg_ls_logdir()".to_owned(),
        Kind::SlotSpill => "sum of pg_ls_replslotdir(), snapshots and mappings".to_owned(),
        Kind::OutsideSql { used_fs_bytes } => {
            format!("{} used on the file system − what SQL sees", human_bytes(*used_fs_bytes))
        }
        Kind::StaleSlots { .. } | Kind::InactiveSlots { .. } => {
            "segments before the next holder − those that stay as recycled, up to max_wal_size".to_owned()
        }
        Kind::DroppedIndexes { indexes, count, .. } => format!("sizes of {}", named(indexes, *count)),
        Kind::IndexBloat { indexes, count, .. } => format!("size − size when rebuilt: {}", named(indexes, *count)),
        Kind::TableBloat { tables, count, .. } => format!("size − size when rewritten: {}", named(tables, *count)),
        Kind::OrphanedFiles { .. } => "pg_database_size − sum of its relations".to_owned(),
        Kind::UnreadDatabase { .. } => "not read from inside".to_owned(),
        Kind::UnreadTables { tables, count, .. } => {
            format!("no scan of {}; they keep their room until somebody drops them", named(tables, *count))
        }
        Kind::WalRoom { source: WalSource::NotKnown, clean_wal_bytes, .. } => {
            format!("volume of WAL − {} in pg_wal after the clean-up", human_bytes(*clean_wal_bytes))
        }
        Kind::Growth { source: GrowthSource::NotKnown, days, .. } => format!("growth of a day × {days} days"),
        Kind::WalRoom { volume_bytes, capped, clean_wal_bytes, .. } => format!(
            "{}{} − {} in pg_wal after the clean-up",
            human_bytes(*volume_bytes),
            if *capped { " (max_slot_wal_keep_size)" } else { "" },
            human_bytes(*clean_wal_bytes)
        ),
        Kind::RebuildRoom { index, index_bytes, temp_bytes } => {
            let temp = temp_bytes.map_or("not known".to_owned(), human_bytes);
            match index {
                Some(index) => format!("max(2 × {index} with {}, temporary files {temp})", human_bytes(*index_bytes)),
                None => format!("temporary files {temp}"),
            }
        }
        Kind::Growth { days, bytes_per_day, .. } => format!("{} × {days} days", human_bytes_per_day(*bytes_per_day)),
        Kind::Margin { share } => format!("recommended × {}", human_percent(*share)),
    }
}

/// Where its figures come from.
pub fn source(kind: &Kind) -> &'static str {
    match kind {
        Kind::OutsideSql { .. } => "--used-fs",
        Kind::StaleSlots { .. } | Kind::InactiveSlots { .. } => {
            "slots, pg_wal, settings; manual 28.5 WAL Configuration"
        }
        Kind::TransactionStatus { .. } => "age(datfrozenxid), mxid_age(datminmxid): the oldest",
        Kind::DroppedIndexes { .. } => "verdict drop of `pgtend indexes`",
        Kind::UnreadTables { .. } => "scans of tables and their indexes on this server; standbys count their own",
        Kind::IndexBloat { .. } | Kind::TableBloat { .. } => {
            "statistics of the last ANALYZE, samples of TOAST, pgstattuple with --exact"
        }
        Kind::WalRoom { source: WalSource::Given, .. } => "--wal-per-hour",
        Kind::WalRoom { source: WalSource::History, .. } => "history: the largest volume in a rolling window",
        Kind::WalRoom { source: WalSource::StatisticsAverage, .. } => "pg_stat_wal: average × 3",
        Kind::WalRoom { source: WalSource::FilesAverage, .. } => "files in pg_wal and their age: average × 3",
        Kind::Growth { source: GrowthSource::Given, .. } => "--growth",
        Kind::Growth { source: GrowthSource::History, .. } => "history: median slope of all databases together",
        Kind::Growth { source: GrowthSource::RowCounters, .. } => "rows inserted − deleted since the statistics began",
        Kind::WalRoom { source: WalSource::NotKnown, .. } | Kind::Growth { source: GrowthSource::NotKnown, .. } => {
            "not known"
        }
        Kind::RebuildRoom { .. } => "largest index that stays",
        Kind::Margin { .. } => "--margin",
        _ => "the server",
    }
}

/// The command that reclaims it.
pub fn command(term: &Term, connection: &PrintedConnection) -> Option<String> {
    match &term.kind {
        Kind::StaleSlots { slots } | Kind::InactiveSlots { slots } if !slots.is_empty() => {
            let drop = ShellCommand::new("pgtend slots drop");
            Some(slots.iter().fold(connection.add_to(drop), |command, slot| command.operand(slot)).into())
        }
        Kind::DroppedIndexes { database, .. } => Some(migrate(connection, database).into()),
        Kind::IndexBloat { database, indexes, .. } => Some(reindex(database, indexes.first()?)),
        Kind::TableBloat { database, tables, .. } => Some(repack(database, tables.first()?)),
        _ => None,
    }
}

/// The statement that rebuilds an index while it is in use, with its database; `index` as SQL writes it.
pub fn reindex(database: &str, index: &str) -> String {
    format!("REINDEX INDEX CONCURRENTLY {index};   -- database {}", quote_identifier(database))
}

/// The command that rewrites a table while it is in use; `table` as SQL writes it.
pub fn repack(database: &str, table: &str) -> String {
    ShellCommand::new("pg_repack").repack_database(database).option("--table", table).into()
}

/// The command that writes the clean-up of a database's indexes as migrations.
pub fn migrate(connection: &PrintedConnection, database: &str) -> ShellCommand {
    connection.add_to_for(ShellCommand::new("pgtend indexes migrate"), database).arg("--framework F --output DIR")
}

/// A sentence on what stands in the way.
pub fn told(what: &What) -> String {
    let list = |count: u64, names: &[String]| {
        let more = if count > names.len() as u64 {
            format!(" and {} more", count - names.len() as u64)
        } else {
            String::new()
        };
        format!("{}{more}", names.join(", "))
    };
    match what {
        What::WayNotOffered { provider } => format!("{} does not offer this way", provider.name()),
        What::LogicalSlot { slot_name, active } => format!(
            "logical slot {slot_name}{}: it does not move along; plan a new snapshot of its consumer",
            if *active { " (in use)" } else { "" }
        ),
        What::PhysicalSlot { slot_name, active } => format!(
            "physical slot {slot_name}{}: its standby must be built anew",
            if *active { " (in use)" } else { "" }
        ),
        What::Subscription { subscription, database } => {
            format!("subscription {subscription} in {database}: create it again after the move")
        }
        What::NoReplicaIdentity { count, names } => format!(
            "{} without replica identity, on which UPDATE and DELETE would fail: {}",
            counted(*count, "table"),
            list(*count, names)
        ),
        What::LargeObjects { count } => {
            // Counting ends there.
            let at_least = if *count >= 10_000 { "at least " } else { "" };
            format!("{at_least}{}: not replicated", counted(*count, "large object"))
        }
        What::UnloggedTables { count, names } => {
            format!("{}: what is in it does not arrive: {}", counted(*count, "unlogged table"), list(*count, names))
        }
        What::Sequences { count } => {
            format!("{}: set the values at the switch (setval)", counted(*count, "sequence"))
        }
        What::MaterializedViews { count, names } => {
            format!("{} to be refreshed there: {}", counted(*count, "materialized view"), list(*count, names))
        }
        What::EventTriggers { count, names } => {
            format!("{}, to fire while the copy is made: {}", counted(*count, "event trigger"), list(*count, names))
        }
        What::ForeignServers { count, names } => {
            format!(
                "{} to be reachable from there, by the same name: {}",
                counted(*count, "foreign server"),
                list(*count, names)
            )
        }
        What::Publication { count, names } => format!(
            "{}: nobody outside may subscribe during the move: {}",
            counted(*count, "publication"),
            list(*count, names)
        ),
        What::Tablespaces { tablespaces, bytes } => format!(
            "tablespaces with directories of their own, {}: {} of the sum, perhaps on other volumes than the rest",
            tablespaces.join(", "),
            human_bytes(*bytes)
        ),
        What::VolumeTooSmall { said, said_bytes, seen_bytes } => format!(
            "{said} is {}, and SQL sees {} already: one of both is of another volume",
            human_bytes(*said_bytes),
            human_bytes(*seen_bytes)
        ),
        What::Extension { name, advice } => format!("extension {name}: {advice}"),
        What::PreparedTransactions { count, gid } => {
            format!(
                "{} with locks and old rows, the oldest {}: to be ended first",
                counted(*count as u64, "prepared transaction"),
                quote_literal(gid)
            )
        }
        What::PendingRestart { settings } => {
            format!("settings wait for a restart, the parameter group is not in sync: {}", settings.join(", "))
        }
        What::ReadOnlyOverride { role, setting } => format!(
            "{} has {setting} of its own and could write to green before the switchover",
            role.as_deref().map_or("everybody".to_owned(), |role| format!("role {}", quote_identifier(role)))
        ),
        What::WalLevel { wal_level } => format!("wal_level is {wal_level}, it must be logical (a restart)"),
        What::TooFew { setting, have, need, there } => {
            let place = if *there { " there, if it is set as here" } else { "" };
            format!("{setting} is {have}, the move needs {need}{place}")
        }
        What::StorageStripe { from_bytes, to_bytes } => format!(
            "gp3 below 400 GiB is not striped: 3,000 IOPS and 125 MiB/s instead of 12,000 and 500 ({} → {})",
            human_bytes(*from_bytes),
            human_bytes(*to_bytes)
        ),
        What::BaselineIops { before, after } => {
            format!("gp2 has 3 IOPS for each GiB: {} → {} (bursts to 3,000)", human_count(*before), human_count(*after))
        }
        What::BackupAllowance { before_bytes, after_bytes } => format!(
            "free backup storage shrinks with the volume ({} → {}): old, large snapshots begin to cost",
            human_bytes(*before_bytes),
            human_bytes(*after_bytes)
        ),
        What::Check { text } => (*text).to_owned(),
    }
}
