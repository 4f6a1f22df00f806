//! What the cluster takes now.

use super::{Amount, Assumptions, Confidence, Group, Kind, Term};
use crate::model::{Database, Fact, SlotType, Snapshot, Unavailable, grant};

/// All that SQL can see, and what the file system knows beyond it.
pub fn used(snapshot: &Snapshot, assumptions: &Assumptions) -> Vec<Term> {
    let measured = |kind, bytes| Term::known(Group::Used, kind, Amount::exactly(bytes), Confidence::Measured);
    let missing = |kind, why: &Unavailable| Term::unknown(Group::Used, kind, why.clone(), None);
    let mut terms = vec![databases(snapshot), shared(snapshot)];
    terms.extend(transaction_status(snapshot));
    terms.push(match snapshot.wal_directory.as_result() {
        Ok(directory) => measured(Kind::WalDirectory, directory.directory_bytes),
        Err(why) => missing(Kind::WalDirectory, why),
    });
    terms.push(match snapshot.temporary_files.as_result() {
        Ok(files) => measured(Kind::TemporaryFiles, files.bytes),
        Err(why) => missing(Kind::TemporaryFiles, why),
    });
    terms.push(match snapshot.log_files.as_result() {
        Ok(Some(files)) => measured(Kind::ServerLogs { written_elsewhere: false }, files.bytes),
        // Without the collector it writes to its standard error or to syslog: that may well end on the same volume. It is
        // pointed out; were the sum open for it, no such server would ever get one.
        _ if snapshot.settings.known().and_then(|it| it.is_on("logging_collector")) == Some(false) => logs_elsewhere(),
        Ok(None) => logs_elsewhere(),
        Err(why) => missing(Kind::ServerLogs { written_elsewhere: false }, why),
    });
    let logical = snapshot.slots.known().map(|slots| slots.iter().any(|slot| slot.slot_type == SlotType::Logical));
    terms.push(match (&snapshot.slot_spill, logical) {
        (Fact::Known(files), _) => measured(Kind::SlotSpill, files.bytes),
        // Only logical decoding spills.
        (Fact::Unavailable(_), Some(false)) => measured(Kind::SlotSpill, 0),
        (Fact::Unavailable(why), _) => missing(Kind::SlotSpill, why),
    });
    if let Some(used_fs_bytes) = assumptions.used_fs_bytes {
        let seen: u64 = terms.iter().filter_map(|term| term.amount).map(|amount| amount.bytes).sum();
        // What could not be seen is part of what the file system counts: no term is missing from that sum.
        for term in &mut terms {
            term.counted = term.amount.is_some();
        }
        terms.push(measured(Kind::OutsideSql { used_fs_bytes }, used_fs_bytes.saturating_sub(seen)));
    }
    terms
}

fn logs_elsewhere() -> Term {
    let reason = "the server does not collect its log itself (logging_collector is off): where it goes may be on the same volume";
    let why = Unavailable::because("log files", reason)
        .not_set_up()
        .with_hint(Some("say --used-fs, which counts everything on the volume"));
    Term::unknown(Group::Used, Kind::ServerLogs { written_elsewhere: true }, why, None).not_counted()
}

fn databases(snapshot: &Snapshot) -> Term {
    let databases = match snapshot.databases.as_result() {
        Ok(databases) => databases,
        Err(why) => return Term::unknown(Group::Used, Kind::Databases { count: 0 }, why.clone(), None),
    };
    let kind = Kind::Databases { count: databases.len() };
    let hidden: Vec<&str> =
        databases.iter().filter(|one| one.bytes.is_none()).map(|one| one.database.as_str()).collect();
    if hidden.is_empty() {
        let bytes = databases.iter().filter_map(|one| one.bytes).sum();
        return Term::known(Group::Used, kind, Amount::exactly(bytes), Confidence::Measured);
    }
    let role = &snapshot.server.role;
    let reason = format!("{role} may not connect to {}", hidden.join(", "));
    let why = Unavailable::because("database size", reason).with_hint(Some(grant("pg_read_all_stats", role)));
    Term::unknown(Group::Used, kind, why, None)
}

/// How each transaction ended, from the oldest that some row may still name: two bits each in pg_xact; of a multixact its
/// offset and its members, two at least (src/backend/access/transam/clog.c, multixact.c). Whole segments of 256 kB go.
fn transaction_status(snapshot: &Snapshot) -> Option<Term> {
    const SEGMENT: u64 = 32 * 8_192;
    let databases = snapshot.databases.known()?;
    let oldest =
        |age: fn(&Database) -> i64| databases.iter().map(|one| u64::try_from(age(one)).unwrap_or(0)).max().unwrap_or(0);
    let (xid_age, multixact_age) = (oldest(|one| one.xid_age), oldest(|one| one.multixact_age));
    let least = xid_age / 4 + multixact_age * (4 + 10);
    let amount = Amount::between(least, least + SEGMENT / 2, least + multixact_age * 40 + 3 * SEGMENT);
    Some(Term::known(Group::Used, Kind::TransactionStatus { xid_age, multixact_age }, amount, Confidence::Likely))
}

/// The catalogs that all databases share.
fn shared(snapshot: &Snapshot) -> Term {
    let global = match snapshot.tablespaces.as_result() {
        Ok(tablespaces) => tablespaces.iter().find(|one| one.tablespace == "pg_global"),
        Err(why) => return Term::unknown(Group::Used, Kind::SharedCatalogs, why.clone(), None),
    };
    match global.and_then(|global| global.bytes) {
        Some(bytes) => Term::known(Group::Used, Kind::SharedCatalogs, Amount::exactly(bytes), Confidence::Measured),
        None => {
            let role = &snapshot.server.role;
            let reason = format!("{role} may not create in pg_global");
            let why = Unavailable::because("tablespace size", reason).with_hint(Some(grant("pg_read_all_stats", role)));
            Term::unknown(Group::Used, Kind::SharedCatalogs, why, None)
        }
    }
}
