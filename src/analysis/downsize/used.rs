//! Space in use now.

use super::{Amount, Assumptions, Component, ComponentGroup, ComponentKind, Confidence};
use crate::facts::{Database, Fact, SlotType, Snapshot, Unavailable};
use crate::quote::grant;

/// Returns the components that are visible in SQL, and the difference to what the file system reports.
pub fn used_components(snapshot: &Snapshot, assumptions: &Assumptions) -> Vec<Component> {
    let measured =
        |kind, bytes| Component::known(ComponentGroup::Used, kind, Amount::exact(bytes), Confidence::Measured);
    let missing = |kind, why: &Unavailable| Component::unknown(ComponentGroup::Used, kind, why.clone(), None);
    let mut components = vec![databases_component(snapshot), shared_catalogs(snapshot)];
    components.extend(transaction_status(snapshot));
    components.push(match snapshot.wal_directory.as_result() {
        Ok(directory) => measured(ComponentKind::WalDirectory, directory.directory_bytes),
        Err(why) => missing(ComponentKind::WalDirectory, why),
    });
    components.push(match snapshot.temporary_files.as_result() {
        Ok(files) => measured(ComponentKind::TemporaryFiles, files.bytes),
        Err(why) => missing(ComponentKind::TemporaryFiles, why),
    });
    components.push(match snapshot.log_files.as_result() {
        Ok(Some(files)) => measured(ComponentKind::ServerLogs { written_elsewhere: false }, files.bytes),
        // Without the collector, the server logs to stderr or syslog, which may use the same volume. The component is
        // only shown: otherwise the sum would never be known for such a server.
        _ if snapshot.settings.known().and_then(|settings| settings.is_on("logging_collector")) == Some(false) => {
            logs_elsewhere()
        }
        Ok(None) => logs_elsewhere(),
        Err(why) => missing(ComponentKind::ServerLogs { written_elsewhere: false }, why),
    });
    let logical = snapshot.slots.known().map(|slots| slots.iter().any(|slot| slot.slot_type == SlotType::Logical));
    components.push(match (&snapshot.slot_spill, logical) {
        (Fact::Known(files), _) => measured(ComponentKind::SlotSpill, files.bytes),
        // Only logical decoding spills.
        (Fact::Unavailable(_), Some(false)) => measured(ComponentKind::SlotSpill, 0),
        (Fact::Unavailable(why), _) => missing(ComponentKind::SlotSpill, why),
    });
    if let Some(used_fs_bytes) = assumptions.used_fs_bytes {
        let seen: u64 = components.iter().filter_map(|component| component.amount).map(|amount| amount.bytes).sum();
        // The file system's figure includes what is not visible in SQL, so no component is missing from the sum.
        for component in &mut components {
            component.counted = component.amount.is_some();
        }
        components.push(measured(ComponentKind::OutsideSql { used_fs_bytes }, used_fs_bytes.saturating_sub(seen)));
    }
    components
}

fn logs_elsewhere() -> Component {
    let reason = "the server does not collect its log, which may be written to the same volume";
    let why = Unavailable::new("log files", reason)
        .not_set_up()
        .with_hint(Some("pass --used-fs, which includes everything on the volume"));
    Component::unknown(ComponentGroup::Used, ComponentKind::ServerLogs { written_elsewhere: true }, why, None)
        .not_counted()
}

fn databases_component(snapshot: &Snapshot) -> Component {
    let databases = match snapshot.databases.as_result() {
        Ok(databases) => databases,
        Err(why) => {
            return Component::unknown(ComponentGroup::Used, ComponentKind::Databases { count: 0 }, why.clone(), None);
        }
    };
    let kind = ComponentKind::Databases { count: databases.len() };
    let hidden: Vec<&str> = databases
        .iter()
        .filter(|database| database.bytes.is_none())
        .map(|database| database.database.as_str())
        .collect();
    if hidden.is_empty() {
        let bytes = databases.iter().filter_map(|database| database.bytes).sum();
        return Component::known(ComponentGroup::Used, kind, Amount::exact(bytes), Confidence::Measured);
    }
    let role = &snapshot.server.role;
    let reason = format!("role {role} has no CONNECT privilege on {}", hidden.join(", "));
    let why = Unavailable::new("database size", reason).with_hint(Some(grant("pg_read_all_stats", role)));
    Component::unknown(ComponentGroup::Used, kind, why, None)
}

/// Bytes of the members of a multixact that has two, the fewest.
pub const LEAST_MEMBERS_BYTES: u64 = 10;

/// Returns the size of a multixact's offset (`MultiXactOffset`: 64 bits from 19 on).
fn multixact_offset_bytes(version_num: u32) -> u64 {
    if version_num >= 190_000 { 8 } else { 4 }
}

/// Returns the transaction status since the oldest id still in use: two bits per transaction in `pg_xact`, and an offset
/// (4 bytes, from 19 on 8 bytes) and at least two members of 5 bytes per multixact
/// (`src/backend/access/transam/clog.c`, `multixact.c`). From 19 on, the server counts the members. Files are removed in
/// whole segments of 256 kB.
fn transaction_status(snapshot: &Snapshot) -> Option<Component> {
    const SEGMENT: u64 = 32 * 8_192;
    let databases = snapshot.databases.known()?;
    let oldest = |age: fn(&Database) -> i64| {
        databases.iter().map(|database| u64::try_from(age(database)).unwrap_or(0)).max().unwrap_or(0)
    };
    let (xid_age, multixact_age) = (oldest(|database| database.xid_age), oldest(|database| database.multixact_age));
    let offset_bytes = multixact_offset_bytes(snapshot.server.version_num);
    let members = snapshot.multixacts.known();
    let least = xid_age / 4
        + members.map_or(multixact_age * (offset_bytes + LEAST_MEMBERS_BYTES), |members| {
            members.multixacts * offset_bytes + members.members_bytes
        });
    let more_members = members.map_or(multixact_age * 40, |_| 0);
    let amount = Amount::from_bounds(least, least + SEGMENT / 2, least + more_members + 3 * SEGMENT);
    Some(Component::known(
        ComponentGroup::Used,
        ComponentKind::TransactionStatus { xid_age, multixact_age, offset_bytes, members: members.copied() },
        amount,
        Confidence::Likely,
    ))
}

/// Returns the shared catalogs.
fn shared_catalogs(snapshot: &Snapshot) -> Component {
    let global = match snapshot.tablespaces.as_result() {
        Ok(tablespaces) => tablespaces.iter().find(|tablespace| tablespace.tablespace == "pg_global"),
        Err(why) => return Component::unknown(ComponentGroup::Used, ComponentKind::SharedCatalogs, why.clone(), None),
    };
    match global.and_then(|global| global.bytes) {
        Some(bytes) => Component::known(
            ComponentGroup::Used,
            ComponentKind::SharedCatalogs,
            Amount::exact(bytes),
            Confidence::Measured,
        ),
        None => {
            let role = &snapshot.server.role;
            let reason = format!("role {role} has no CREATE privilege on pg_global");
            let why = Unavailable::new("tablespace size", reason).with_hint(Some(grant("pg_read_all_stats", role)));
            Component::unknown(ComponentGroup::Used, ComponentKind::SharedCatalogs, why, None)
        }
    }
}
