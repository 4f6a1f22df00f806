//! Predictions of audits, and the sizes measured later.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Object of a prediction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PredictedQuantity {
    /// Total of an audit: databases, pg_wal, logs and other files.
    Everything,
    /// The files of `pg_wal`.
    WalDirectory,
    /// The database of this name.
    Database(String),
}

/// One size that an audit predicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Prediction {
    /// System identifier of the audited server.
    pub system_identifier: String,
    /// System identifier of the server that this one was copied from; `None` if the user named none.
    pub moved_from: Option<String>,
    /// Host and port of the audited server; `None` for sockets, files and loopback addresses.
    pub address: Option<String>,
    /// Name of the server in messages.
    pub server: String,
    /// When the audit was made.
    pub made_at: Timestamp,
    /// Method of moving; `None` for the size after a cleanup in place.
    pub method: Option<String>,
    /// Object of the size.
    pub of: PredictedQuantity,
    /// Size in bytes when the prediction was made.
    pub now_bytes: u64,
    /// The predicted size in bytes.
    pub bytes: u64,
    /// Lower bound of the predicted size in bytes.
    pub low_bytes: u64,
    /// Upper bound of the predicted size in bytes.
    pub high_bytes: u64,
}

/// A prediction with the size measured later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrackedPrediction {
    /// The prediction.
    #[serde(flatten)]
    pub prediction: Prediction,
    /// The newest size after a cleanup, or the first size on the new server after a move; `None` without a later sample.
    pub measured_bytes: Option<u64>,
    /// `collected_at` of the sample that `measured_bytes` comes from.
    pub measured_at: Option<Timestamp>,
}

impl TrackedPrediction {
    /// Returns the error as a share of the measured size: 0.02 for a prediction that is 2 % too high. `None` for a
    /// cleanup, because its end is not recorded.
    pub fn relative_error(&self) -> Option<f64> {
        let measured = self.measured_bytes.filter(|bytes| *bytes > 0 && self.prediction.method.is_some())?;
        Some(self.prediction.bytes as f64 / measured as f64 - 1.0)
    }
}

/// A size that a sample measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasuredSize {
    /// `pg_control_system().system_identifier` of the measured server.
    pub system_identifier: String,
    /// System identifier of the server that this one was copied from; `None` if the user named none.
    pub moved_from: Option<String>,
    /// What the size is of.
    pub of: PredictedQuantity,
    /// When it was measured.
    pub at: Timestamp,
    /// The measured size in bytes.
    pub bytes: u64,
}

/// Compares predictions with later sizes. `took_the_place` contains, by system identifier, the servers that have since
/// used the address of the audited one.
pub fn compare_predictions(
    predictions: Vec<Prediction>,
    measured_sizes: &[MeasuredSize],
    successors_of: impl Fn(&Prediction) -> Vec<String>,
) -> Vec<TrackedPrediction> {
    let tracked = predictions.into_iter().map(|prediction| {
        let later = measured_sizes.iter().filter(|size| size.of == prediction.of && size.at > prediction.made_at);
        let own = &prediction.system_identifier;
        let found = match prediction.method {
            // A copy with the same identifier is another server.
            None => later
                .filter(|size| size.system_identifier == *own && size.moved_from.is_none())
                .max_by_key(|size| size.at),
            Some(_) => {
                let successors = successors_of(&prediction);
                let is_on_copy = |size: &&MeasuredSize| {
                    size.moved_from.as_ref() == Some(own)
                        || size.system_identifier != *own && successors.contains(&size.system_identifier)
                };
                later.filter(is_on_copy).min_by_key(|size| size.at)
            }
        };
        let (measured_bytes, measured_at) = (found.map(|size| size.bytes), found.map(|size| size.at));
        TrackedPrediction { prediction, measured_bytes, measured_at }
    });
    tracked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour_at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hour * 3_600).unwrap()
    }

    fn prediction(method: Option<&str>) -> Prediction {
        Prediction {
            system_identifier: "1".into(),
            moved_from: None,
            address: None,
            server: "db1".into(),
            made_at: hour_at(0),
            method: method.map(Into::into),
            of: PredictedQuantity::Database("shop".into()),
            now_bytes: 100,
            bytes: 60,
            low_bytes: 55,
            high_bytes: 65,
        }
    }

    fn measured_size(identifier: &str, moved_from: Option<&str>, hour: i64, bytes: u64) -> MeasuredSize {
        MeasuredSize {
            system_identifier: identifier.into(),
            moved_from: moved_from.map(Into::into),
            of: PredictedQuantity::Database("shop".into()),
            at: hour_at(hour),
            bytes,
        }
    }

    fn tracked_bytes(method: Option<&str>, measured_sizes: &[MeasuredSize], successors: &[&str]) -> Option<u64> {
        let named = |_: &Prediction| successors.iter().map(|successor| (*successor).to_owned()).collect();
        compare_predictions(vec![prediction(method)], measured_sizes, named)[0].measured_bytes
    }

    #[test]
    fn prediction_clean_up_uses_newest_sample() {
        assert_eq!(
            tracked_bytes(None, &[measured_size("1", None, 1, 90), measured_size("1", None, 2, 61)], &[]),
            Some(61)
        );
        // Earlier, of another server, of a copy: none of these counts.
        assert_eq!(
            tracked_bytes(
                None,
                &[
                    measured_size("1", None, -1, 50),
                    measured_size("2", None, 1, 50),
                    measured_size("1", Some("1"), 1, 50)
                ],
                &[]
            ),
            None
        );
    }

    #[test]
    fn prediction_move_uses_first_sample_of_copy() {
        let copies =
            [measured_size("1", None, 1, 100), measured_size("2", Some("1"), 2, 59), measured_size("2", None, 9, 80)];
        assert_eq!(tracked_bytes(Some("dump"), &copies, &[]), Some(59));
        // Without --moved-from, only a server at the same address counts.
        let silent = [measured_size("2", None, 3, 58), measured_size("3", None, 2, 40)];
        assert_eq!(tracked_bytes(Some("dump"), &silent, &["2"]), Some(58));
        assert_eq!(tracked_bytes(Some("dump"), &silent, &[]), None);
        // A physical copy keeps the identifier.
        assert_eq!(tracked_bytes(Some("basebackup"), &[measured_size("1", Some("1"), 4, 62)], &[]), Some(62));
        assert_eq!(tracked_bytes(Some("basebackup"), &[measured_size("1", None, 4, 62)], &["1"]), None);
    }

    #[test]
    fn prediction_error_is_known_for_moves_only() {
        let tracked = |method| {
            let measured_bytes = Some(50);
            TrackedPrediction { prediction: prediction(method), measured_bytes, measured_at: Some(hour_at(1)) }
        };
        assert!((tracked(Some("dump")).relative_error().unwrap() - 0.2).abs() < 1e-9);
        assert_eq!(tracked(None).relative_error(), None);
    }
}
