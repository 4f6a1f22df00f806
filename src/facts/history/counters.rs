//! Counters of a sample, which the next run compares with its own.

use crate::facts::{DatabaseSnapshot, Snapshot};
use crate::units::Lsn;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The counters of one snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Counters {
    /// The server's clock when the counters were read.
    pub collected_at: Timestamp,
    /// Bytes of temporary files since the last reset, by database.
    pub temp_bytes_written: BTreeMap<String, u64>,
    /// Sum of apply and copy errors, by database and subscription.
    pub subscription_errors: BTreeMap<String, u64>,
    /// Last reset of the counters, by database.
    pub counting_since: BTreeMap<String, Timestamp>,
    /// Position of WAL; on a standby, the replay position. `None` in older stores.
    #[serde(default)]
    pub current_lsn: Option<Lsn>,
}

impl Counters {
    /// Returns the counters of a snapshot; unavailable ones are empty.
    pub fn from_snapshot(snapshot: &Snapshot) -> Counters {
        let databases = snapshot.databases.known().into_iter().flatten();
        let errors = snapshot.subscription_errors.known().into_iter().flatten();
        let since = |contents: &DatabaseSnapshot| contents.statistics_resets.known()?.counting_since();
        Counters {
            collected_at: snapshot.collected_at,
            temp_bytes_written: databases
                .filter_map(|database| Some((database.database.clone(), database.temp_bytes_written?)))
                .collect(),
            subscription_errors: errors
                .map(|subscription| {
                    (
                        format!("{}/{}", subscription.database, subscription.subname),
                        subscription.apply_error_count + subscription.sync_error_count,
                    )
                })
                .collect(),
            counting_since: snapshot
                .database_snapshots
                .iter()
                .filter_map(|db| Some((db.database.clone(), since(db)?)))
                .collect(),
            current_lsn: snapshot.current_lsn(),
        }
    }
}
