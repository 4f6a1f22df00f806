//! Predictions of audits, and the sizes that later audits and samples measured.

use super::{
    HistoryError, Store,
    dialect::{Row, binds},
    time::{bytes, micros, size, timestamp},
};
use crate::facts::history::{MeasuredSize, PredictedQuantity, Prediction, TrackedPrediction, compare_predictions};
use std::collections::{BTreeMap, BTreeSet};

const EVERYTHING: &str = "everything";
const WAL_DIRECTORY: &str = "wal_directory";
const DATABASE: &str = "database";

const PREDICTION_COLUMNS: &str = "system_identifier, moved_from, address, server, made_at, method, quantity, quantity_database, now_bytes, \
                       bytes, low_bytes, high_bytes";

impl Store {
    /// Stores the predictions of one audit in one transaction.
    pub async fn write_predictions(&self, predictions: &[Prediction]) -> Result<(), HistoryError> {
        let mut tx = self.begin().await?;
        for prediction in predictions {
            let (quantity, quantity_database) = match &prediction.of {
                PredictedQuantity::Everything => (EVERYTHING, None),
                PredictedQuantity::WalDirectory => (WAL_DIRECTORY, None),
                PredictedQuantity::Database(name) => (DATABASE, Some(name.as_str())),
            };
            let sql = format!(
                "insert into prediction ({PREDICTION_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
            );
            let binds = binds![
                &*prediction.system_identifier,
                prediction.moved_from.as_deref(),
                prediction.address.as_deref(),
                &*prediction.server,
                micros(prediction.made_at),
                prediction.method.as_deref(),
                quantity,
                quantity_database,
                size(prediction.now_bytes),
                size(prediction.bytes),
                size(prediction.low_bytes),
                size(prediction.high_bytes),
            ];
            tx.execute(&sql, binds).await?;
        }
        tx.commit().await
    }

    /// Returns all predictions, oldest first, with the sizes measured since.
    pub async fn predictions(&self) -> Result<Vec<TrackedPrediction>, HistoryError> {
        let sql = format!("select {PREDICTION_COLUMNS} from prediction order by prediction_id");
        let rows = self.pool.rows(&sql, binds![]).await?;
        let predictions = rows.iter().map(decode_prediction).collect::<Result<Vec<_>, _>>()?;
        // The sizes that an audit measured itself.
        let mut measured_sizes: Vec<MeasuredSize> = predictions.iter().map(size_at_prediction).collect();
        let primaries = self.primaries_at_addresses(&predictions).await?;
        let successors = |prediction: &Prediction| {
            let Some(address) = &prediction.address else { return Vec::new() };
            let at_the_address = primaries.iter().filter(|primary| primary.address == *address);
            let since = at_the_address.filter(|primary| primary.since > micros(prediction.made_at));
            since.map(|primary| primary.system_identifier.clone()).collect()
        };
        let mut identifiers: BTreeSet<String> =
            predictions.iter().map(|prediction| prediction.system_identifier.clone()).collect();
        identifiers.extend(predictions.iter().flat_map(&successors));
        let databases: BTreeSet<&str> = predictions
            .iter()
            .filter_map(|prediction| match &prediction.of {
                PredictedQuantity::Database(name) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        for identifier in &identifiers {
            measured_sizes.extend(self.sampled_wal(identifier).await?);
            for database in &databases {
                measured_sizes.extend(self.sampled_database(identifier, database).await?);
            }
        }
        Ok(compare_predictions(predictions, &measured_sizes, successors))
    }

    /// Returns the primaries that samples have found at the addresses of audited servers, with their first samples.
    async fn primaries_at_addresses(&self, predictions: &[Prediction]) -> Result<Vec<PrimaryAtAddress>, HistoryError> {
        let mut since: BTreeMap<String, i64> = BTreeMap::new();
        let mut addresses: BTreeSet<(String, String)> = BTreeSet::new();
        let sql = "select c.system_identifier, min(s.collected_at) from sample s \
                     join cluster c on c.cluster_id = s.cluster_id group by c.system_identifier";
        for row in self.pool.rows(sql, binds![]).await? {
            since.insert(row.text(0)?, row.int(1)?);
        }
        let sql = "select distinct c.system_identifier, s.address from sample s \
                     join cluster c on c.cluster_id = s.cluster_id where s.address is not null and not c.is_standby";
        for row in self.pool.rows(sql, binds![]).await? {
            addresses.insert((row.text(0)?, row.text(1)?));
        }
        for prediction in predictions {
            let first = since.entry(prediction.system_identifier.clone()).or_insert(i64::MAX);
            *first = (*first).min(micros(prediction.made_at));
            if let Some(address) = &prediction.address {
                addresses.insert((prediction.system_identifier.clone(), address.clone()));
            }
        }
        let primaries = addresses.into_iter().map(|(system_identifier, address)| {
            let since = since.get(&system_identifier).copied().unwrap_or(0);
            PrimaryAtAddress { system_identifier, address, since }
        });
        Ok(primaries.collect())
    }

    async fn sampled_wal(&self, identifier: &str) -> Result<Vec<MeasuredSize>, HistoryError> {
        let sql = "select s.collected_at, s.wal_directory_bytes from sample s \
                     join cluster c on c.cluster_id = s.cluster_id \
                    where c.system_identifier = $1 and not c.is_standby and s.wal_directory_bytes is not null \
                    order by s.sample_id";
        let rows = self.pool.rows(sql, binds![identifier]).await?;
        rows.iter().map(|row| decode_measured_size(row, identifier, PredictedQuantity::WalDirectory)).collect()
    }

    async fn sampled_database(&self, identifier: &str, database: &str) -> Result<Vec<MeasuredSize>, HistoryError> {
        let sql = "select s.collected_at, v.bytes from sample s \
                     join cluster c on c.cluster_id = s.cluster_id \
                     join database d on d.cluster_id = c.cluster_id and d.name = $2 \
                     join database_value v on v.database_id = d.database_id \
                    where c.system_identifier = $1 and not c.is_standby and s.databases_known and v.bytes is not null \
                      and v.sample_id = (select max(n.sample_id) from database_value n \
                                          where n.database_id = d.database_id and n.sample_id <= s.sample_id) \
                    order by s.sample_id";
        let rows = self.pool.rows(sql, binds![identifier, database]).await?;
        rows.iter()
            .map(|row| decode_measured_size(row, identifier, PredictedQuantity::Database(database.to_owned())))
            .collect()
    }
}

/// A server at an address, according to a sample.
struct PrimaryAtAddress {
    system_identifier: String,
    address: String,
    since: i64,
}

fn decode_measured_size(row: &Row, identifier: &str, of: PredictedQuantity) -> Result<MeasuredSize, HistoryError> {
    let (measured_at, bytes) = (timestamp(row.int(0)?)?, bytes(row.int(1)?));
    Ok(MeasuredSize { system_identifier: identifier.to_owned(), moved_from: None, of, at: measured_at, bytes })
}

fn size_at_prediction(prediction: &Prediction) -> MeasuredSize {
    MeasuredSize {
        system_identifier: prediction.system_identifier.clone(),
        moved_from: prediction.moved_from.clone(),
        of: prediction.of.clone(),
        at: prediction.made_at,
        bytes: prediction.now_bytes,
    }
}

fn decode_prediction(row: &Row) -> Result<Prediction, HistoryError> {
    let of = match &*row.text(6)? {
        EVERYTHING => PredictedQuantity::Everything,
        WAL_DIRECTORY => PredictedQuantity::WalDirectory,
        _ => PredictedQuantity::Database(row.text_or_none(7)?.unwrap_or_default()),
    };
    Ok(Prediction {
        system_identifier: row.text(0)?,
        moved_from: row.text_or_none(1)?,
        address: row.text_or_none(2)?,
        server: row.text(3)?,
        made_at: timestamp(row.int(4)?)?,
        method: row.text_or_none(5)?,
        of,
        now_bytes: bytes(row.int(8)?),
        bytes: bytes(row.int(9)?),
        low_bytes: bytes(row.int(10)?),
        high_bytes: bytes(row.int(11)?),
    })
}
