//! Scan counters of a standby.

use super::{CollectError, fetch, queries};
use crate::facts::{ControlFile, Fact, ReplicaUse, Server};
use crate::postgres::Session;

/// Reads the scan counters of a standby and the start of their window, in one round trip.
pub async fn collect_replica(s: &Session) -> Result<ReplicaUse, CollectError> {
    use queries::*;
    let (server, control, statistics_resets, source, walsenders, slots, idx_scans) = s
        .run_round(async {
            tokio::join!(biased;
                fetch::json_row::<Server>(s, &SERVER),
                fetch::json_row::<ControlFile>(s, &CONTROL),
                fetch::json_row(s, &STATISTICS_RESETS),
                fetch::json_row(s, &STANDBY_SOURCE),
                fetch::json_rows(s, &WALSENDERS),
                fetch::json_rows(s, &SLOTS),
                fetch::rows(s, &INDEX_USE, |row| {
                    let scans = u64::try_from(row.try_get::<_, i64>("idx_scan")?).unwrap_or(0);
                    Ok((row.try_get::<_, i64>("oid")? as u32, scans))
                }),
            )
        })
        .await?;
    let server = match server {
        Fact::Known(server) => server,
        Fact::Unavailable(why) => return Err(CollectError::NoIdentity(why.reason)),
    };
    Ok(ReplicaUse {
        system_identifier: control.known().map(|control| control.system_identifier.clone()),
        in_recovery: server.in_recovery,
        started_at: server.started_at,
        statistics_resets,
        source,
        walsenders,
        slots,
        idx_scans: idx_scans.map(|scans| scans.into_iter().collect()),
    })
}
