//! Rules for owners of slots. The first matching rule applies. All conditions of a rule must be met, because users
//! rename slots and products share plugins.

use super::Confidence;
use crate::facts::SlotType;

/// Pattern of slot names.
#[derive(Clone, Copy)]
pub enum NamePattern {
    Is(&'static [&'static str]),
    StartsWith(&'static [&'static str]),
    Shape(fn(&str) -> bool),
}

impl NamePattern {
    pub fn matches(&self, name: &str) -> bool {
        match self {
            NamePattern::Is(names) => names.contains(&name),
            NamePattern::StartsWith(prefixes) => prefixes.iter().any(|prefix| name.starts_with(prefix)),
            NamePattern::Shape(fits) => fits(name),
        }
    }
}

/// Rule for one owner.
pub struct OwnerRule {
    pub owner: &'static str,
    pub name: Option<NamePattern>,
    pub slot_type: Option<SlotType>,
    /// Output plugins, one of which must be used; empty: any plugin or none.
    pub plugins: &'static [&'static str],
    /// Prefix of the connected walsender's `application_name`, in lower case.
    pub application: Option<&'static str>,
    pub confidence: Confidence,
    pub is_managed: bool,
    /// Whether the owner manages standbys, so that it may also own physical slots with other names.
    pub manages_standbys: bool,
    pub source: &'static str,
    pub cost: &'static str,
}

const ANY: OwnerRule = OwnerRule {
    owner: "",
    name: None,
    slot_type: None,
    plugins: &[],
    application: None,
    confidence: Confidence::Likely,
    is_managed: false,
    manages_standbys: false,
    source: "",
    cost: "",
};

const STANDBYS: OwnerRule = OwnerRule {
    slot_type: Some(SlotType::Physical),
    is_managed: true,
    manages_standbys: true,
    cost: "The manager recreates the slots of its members; until then, a member may need WAL that pg_wal no longer has.",
    ..ANY
};

/// Change data capture.
const CAPTURE: OwnerRule = OwnerRule { slot_type: Some(SlotType::Logical), cost: PIPELINE_COST, ..ANY };

/// Consequence of a drop for a standby.
pub const STANDBY_COST: &str =
    "Its standby must restore the missing WAL from an archive, or be rebuilt with pg_basebackup or pg_rewind.";
/// Consequence of a drop of a slot that has never reserved WAL.
pub const EMPTY_COST: &str = "A standby that is configured to use it cannot connect until the slot is created again.";
/// Consequence of a drop for a change data capture pipeline.
pub const PIPELINE_COST: &str =
    "Its consumer loses every unconfirmed change and must copy its tables again: a new slot starts at its creation.";
pub const SUBSCRIPTION_COST: &str =
    "Its apply worker fails until the subscription is recreated and its tables are copied again.";
/// Consequence of the loss of the slot of a REPACK (CONCURRENTLY).
pub const REPACK_COST: &str = "The running REPACK fails, and its work is lost; the server drops the slot when it ends.";
const ARCHIVE_COST: &str = "Its WAL archive gets a gap, and backups cannot be restored to a point after it.";

pub const OWNERS: &[OwnerRule] = &[
    // Managers of standbys.
    OwnerRule {
        owner: "pg_auto_failover",
        name: Some(NamePattern::Shape(|name| has_numeric_suffix(name, "pgautofailover_standby_"))),
        source: "pg_auto_failover, pgsql.c",
        ..STANDBYS
    },
    OwnerRule {
        owner: "repmgr",
        name: Some(NamePattern::Shape(|name| has_numeric_suffix(name, "repmgr_slot_"))),
        source: "repmgr, dbutils.c",
        ..STANDBYS
    },
    OwnerRule {
        owner: "CloudNativePG",
        name: Some(NamePattern::StartsWith(&["_cnpg_"])),
        source: "CloudNativePG, api/v1/cluster_types.go (slotPrefix)",
        ..STANDBYS
    },
    OwnerRule {
        owner: "stolon",
        name: Some(NamePattern::StartsWith(&["stolon_"])),
        source: "stolon, slot names",
        ..STANDBYS
    },
    // Managed services.
    OwnerRule {
        owner: "RDS read replica",
        name: Some(NamePattern::Shape(is_rds_replica)),
        is_managed: true,
        source: "RDS User Guide, read replicas",
        cost: "The read replica stops replicating and must be recreated.",
        ..ANY
    },
    OwnerRule {
        owner: "Azure flexible server",
        name: Some(NamePattern::StartsWith(&["azure_"])),
        is_managed: true,
        source: "field reports of azure_standby slots",
        cost: "The service's high availability depends on it.",
        ..ANY
    },
    OwnerRule {
        owner: "Supabase Realtime",
        name: Some(NamePattern::StartsWith(&[
            "supabase_realtime_replication_slot_",
            "supabase_realtime_messages_replication_slot_",
        ])),
        is_managed: true,
        source: "Supabase Realtime, slot names",
        cost: "Realtime clients miss changes until the service recreates its slot.",
        ..ANY
    },
    OwnerRule {
        owner: "a subscriber's conflict detection",
        name: Some(NamePattern::Is(&["pg_conflict_detection"])),
        is_managed: true,
        source: "PostgreSQL 19 manual, retain_dead_tuples",
        cost: "The subscriber can no longer detect update_deleted conflicts.",
        ..ANY
    },
    // Programs that identify themselves.
    OwnerRule {
        owner: "Barman",
        application: Some("barman"),
        source: "application_name of barman receive-wal",
        cost: ARCHIVE_COST,
        slot_type: Some(SlotType::Physical),
        ..ANY
    },
    OwnerRule {
        owner: "pg_receivewal",
        application: Some("pg_receivewal"),
        source: "application_name of pg_receivewal",
        cost: ARCHIVE_COST,
        slot_type: Some(SlotType::Physical),
        ..ANY
    },
    OwnerRule {
        owner: "pg_recvlogical",
        application: Some("pg_recvlogical"),
        source: "application_name of pg_recvlogical",
        ..CAPTURE
    },
    OwnerRule { owner: "Debezium", application: Some("debezium"), source: "application_name of Debezium", ..CAPTURE },
    // Native logical replication.
    OwnerRule {
        owner: "initial copy of a subscription",
        name: Some(NamePattern::Shape(is_table_sync)),
        slot_type: Some(SlotType::Logical),
        plugins: &["pgoutput"],
        source: "PostgreSQL source, ReplicationSlotNameForTablesync",
        cost: "A running initial table copy fails and starts again; if the subscription was dropped, nothing is lost.",
        ..ANY
    },
    OwnerRule {
        owner: "pg_basebackup",
        name: Some(NamePattern::Shape(|name| has_numeric_suffix(name, "pg_basebackup_"))),
        slot_type: Some(SlotType::Physical),
        source: "PostgreSQL source, pg_basebackup.c",
        cost: "A running base backup may miss WAL and fail.",
        ..ANY
    },
    // Change data capture.
    OwnerRule {
        owner: "pglogical",
        name: Some(NamePattern::StartsWith(&["pgl_"])),
        plugins: &["pglogical_output", "pglogical"],
        source: "pglogical, pglogical_functions.c",
        cost: SUBSCRIPTION_COST,
        ..CAPTURE
    },
    OwnerRule {
        owner: "AWS DMS",
        name: Some(NamePattern::Shape(is_dms)),
        plugins: &["test_decoding", "pglogical_output"],
        source: "AWS DMS documentation, PostgreSQL as a source",
        cost: "Its task cannot be resumed, only restarted with a full load; if the task was deleted, nothing is lost.",
        ..CAPTURE
    },
    OwnerRule {
        owner: "Debezium",
        name: Some(NamePattern::Shape(|name| name.split('_').any(|word| word == "debezium" || word == "dbz"))),
        plugins: &["pgoutput", "decoderbufs", "wal2json"],
        source: "Debezium, default slot.name",
        cost: "The connector cannot resume from its offset: it loses all changes since then and must take a new snapshot.",
        ..CAPTURE
    },
    OwnerRule {
        owner: "Airbyte",
        name: Some(NamePattern::StartsWith(&["airbyte"])),
        plugins: &["pgoutput", "wal2json"],
        source: "Airbyte documentation, airbyte_slot",
        cost: "The source must be reset, which copies all its tables again.",
        ..CAPTURE
    },
    OwnerRule {
        owner: "Fivetran",
        name: Some(NamePattern::StartsWith(&["fivetran"])),
        plugins: &["pgoutput", "test_decoding"],
        source: "Fivetran documentation, fivetran_pgoutput_slot",
        cost: "It needs a historical sync, because a new slot tracks changes only from its creation on.",
        ..CAPTURE
    },
    OwnerRule {
        owner: "PeerDB / ClickPipes",
        name: Some(NamePattern::StartsWith(&["peerflow_slot_"])),
        plugins: &["pgoutput"],
        source: "PeerDB, client.go",
        ..CAPTURE
    },
    OwnerRule {
        owner: "RisingWave",
        name: Some(NamePattern::StartsWith(&["risingwave_", "rw_cdc_"])),
        plugins: &["pgoutput"],
        confidence: Confidence::Possible,
        source: "RisingWave issue tracker",
        ..CAPTURE
    },
    OwnerRule {
        owner: "Estuary Flow",
        name: Some(NamePattern::Is(&["flow_slot"])),
        plugins: &["pgoutput"],
        confidence: Confidence::Possible,
        source: "Estuary, default slot name",
        ..CAPTURE
    },
    OwnerRule {
        owner: "Electric",
        name: Some(NamePattern::StartsWith(&["electric_slot_"])),
        plugins: &["pgoutput"],
        confidence: Confidence::Possible,
        source: "Electric, slot prefix",
        ..CAPTURE
    },
    OwnerRule {
        owner: "Sequin",
        name: Some(NamePattern::StartsWith(&["sequin_"])),
        plugins: &["pgoutput"],
        confidence: Confidence::Possible,
        source: "Sequin, slot names",
        ..CAPTURE
    },
    OwnerRule {
        owner: "Stitch",
        name: Some(NamePattern::StartsWith(&["stitch"])),
        plugins: &["wal2json"],
        confidence: Confidence::Possible,
        source: "singer-io/tap-postgres, README",
        ..CAPTURE
    },
    OwnerRule {
        owner: "Barman",
        name: Some(NamePattern::Shape(|name| name.split('_').any(|word| word == "barman"))),
        slot_type: Some(SlotType::Physical),
        confidence: Confidence::Possible,
        source: "slot_name in the Barman examples",
        cost: ARCHIVE_COST,
        ..ANY
    },
];

fn has_numeric_suffix(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// `rds_us_west_1_db_555555555`.
fn is_rds_replica(name: &str) -> bool {
    name.strip_prefix("rds_").is_some_and(|rest| rest.contains("_db_"))
}

/// Returns whether the name is one of an initial copy: `pg_<subid>_sync_<relid>_<sysid>`, before 14
/// `<slot>_<subid>_sync_<relid>`.
pub fn is_table_sync(name: &str) -> bool {
    let parts: Vec<&str> = name.split('_').collect();
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    matches!(parts[..], ["pg", subscription, "sync", relation, system]
        if number(subscription) && number(relation) && number(system))
        || matches!(parts[..], [_, .., subscription, "sync", relation] if number(subscription) && number(relation))
            && parts.len() >= 4
}

/// `abc1d2efghijk_34567890_z0yx98w7_6v54_32ut_1srq_1a2b34c5d67ef`: the task, digits, a UUID with `_` for `-`.
fn is_dms(name: &str) -> bool {
    let parts: Vec<&str> = name.split('_').collect();
    let lengths: Vec<usize> = parts.iter().rev().take(5).map(|part| part.len()).collect();
    let uuid = matches!(lengths[..], [12 | 13, 4, 4, 4, 8]);
    uuid && parts.len() >= 7
        && parts[parts.len() - 6].len() == 8
        && parts[parts.len() - 6].bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_reject_similar_name_shapes() {
        for name in ["1_sync_2", "pg_a_sync_2_3", "pg_1_sync__3", "xpg_1_sync_2_3", "orders_sync_2"] {
            assert!(!is_table_sync(name), "{name}");
        }
        for name in ["repmgr_slot_", "repmgr_slot_x", "my_repmgr_slot_1"] {
            assert!(!has_numeric_suffix(name, "repmgr_slot_"), "{name}");
        }
        assert!(!is_dms("orders_34567890_z0yx98w7") && !is_dms("a_b_c_d_e_f_g") && !is_rds_replica("rds_backup"));
    }

    #[test]
    fn owners_match_documented_names() {
        assert!(is_table_sync("pg_16394_sync_16385_7710542127114456140") && is_table_sync("my_sub_16394_sync_16385"));
        assert!(is_dms("abc1d2efghijk_34567890_z0yx98w7_6v54_32ut_1srq_1a2b34c5d67ef"));
        assert!(is_rds_replica("rds_us_west_1_db_555555555"));
    }

    #[test]
    fn owners_rules_have_source_and_cost() {
        for rule in OWNERS {
            assert!(!rule.owner.is_empty() && !rule.source.is_empty(), "{}", rule.owner);
            assert!(rule.cost.ends_with('.') && rule.cost.matches(". ").count() == 0, "{}: {}", rule.owner, rule.cost);
            assert!(rule.name.is_some() || rule.application.is_some(), "{}: matches every slot", rule.owner);
        }
    }
}
