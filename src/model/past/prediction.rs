//! What an audit predicted, and what came of it.

use jiff::Timestamp;
use serde::Serialize;

/// What has the size.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// Everything that an audit sees: databases, pg_wal, logs and the rest.
    Everything,
    WalDirectory,
    Database(String),
}

/// One size that an audit predicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prediction {
    /// Of the server that was audited.
    pub system_identifier: String,
    /// The server that this one was copied from, where the user said so.
    pub moved_from: Option<String>,
    pub address: Option<String>,
    /// As messages name it.
    pub server: String,
    pub made_at: Timestamp,
    /// The way of moving after which it should be that large; `None`: after the clean-up, where it is.
    pub way: Option<String>,
    pub of: Measured,
    /// When the prediction was made.
    pub now_bytes: u64,
    pub bytes: u64,
    pub low_bytes: u64,
    pub high_bytes: u64,
}

/// A prediction, and what a later look measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptPrediction {
    #[serde(flatten)]
    pub prediction: Prediction,
    /// After the clean-up the newest size, after a move the first one on arrival; `None` until somebody looked.
    pub measured_bytes: Option<u64>,
    pub measured_at: Option<Timestamp>,
}

impl KeptPrediction {
    /// How far the prediction is off, as a share of what was measured: 0.02 for 2 % too much. For the clean-up it says
    /// nothing, as nobody tells when that is done.
    pub fn off(&self) -> Option<f64> {
        let measured = self.measured_bytes.filter(|bytes| *bytes > 0 && self.prediction.way.is_some())?;
        Some(self.prediction.bytes as f64 / measured as f64 - 1.0)
    }
}

/// A size that somebody saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    pub system_identifier: String,
    pub moved_from: Option<String>,
    pub of: Measured,
    pub at: Timestamp,
    pub bytes: u64,
}

/// Holds each prediction against what was seen later. `took_the_place` names, by system
/// identifier, the servers that have been at the address of the audited one since.
pub fn hold_against(
    predictions: Vec<Prediction>,
    seen: &[Measure],
    took_the_place: impl Fn(&Prediction) -> Vec<String>,
) -> Vec<KeptPrediction> {
    let kept = predictions.into_iter().map(|prediction| {
        let later = seen.iter().filter(|it| it.of == prediction.of && it.at > prediction.made_at);
        let own = &prediction.system_identifier;
        let found = match prediction.way {
            // What was copied and has the same identifier is another server.
            None => later.filter(|it| it.system_identifier == *own && it.moved_from.is_none()).max_by_key(|it| it.at),
            Some(_) => {
                let successors = took_the_place(&prediction);
                let arrived = |it: &&Measure| {
                    it.moved_from.as_ref() == Some(own)
                        || it.system_identifier != *own && successors.contains(&it.system_identifier)
                };
                later.filter(arrived).min_by_key(|it| it.at)
            }
        };
        let (measured_bytes, measured_at) = (found.map(|it| it.bytes), found.map(|it| it.at));
        KeptPrediction { prediction, measured_bytes, measured_at }
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hour * 3_600).unwrap()
    }

    fn prediction(way: Option<&str>) -> Prediction {
        Prediction {
            system_identifier: "1".into(),
            moved_from: None,
            address: None,
            server: "db1".into(),
            made_at: at(0),
            way: way.map(Into::into),
            of: Measured::Database("shop".into()),
            now_bytes: 100,
            bytes: 60,
            low_bytes: 55,
            high_bytes: 65,
        }
    }

    fn seen(identifier: &str, moved_from: Option<&str>, hour: i64, bytes: u64) -> Measure {
        Measure {
            system_identifier: identifier.into(),
            moved_from: moved_from.map(Into::into),
            of: Measured::Database("shop".into()),
            at: at(hour),
            bytes,
        }
    }

    fn bytes(way: Option<&str>, all: &[Measure], successors: &[&str]) -> Option<u64> {
        let named = |_: &Prediction| successors.iter().map(|it| (*it).to_owned()).collect();
        hold_against(vec![prediction(way)], all, named)[0].measured_bytes
    }

    #[test]
    fn a_clean_up_is_measured_where_it_happens_and_by_the_newest_look() {
        assert_eq!(bytes(None, &[seen("1", None, 1, 90), seen("1", None, 2, 61)], &[]), Some(61));
        // Before, of another server, of a copy: none of that tells.
        assert_eq!(
            bytes(None, &[seen("1", None, -1, 50), seen("2", None, 1, 50), seen("1", Some("1"), 1, 50)], &[]),
            None
        );
    }

    #[test]
    fn a_move_is_measured_on_arrival_whatever_grows_later() {
        let copies = [seen("1", None, 1, 100), seen("2", Some("1"), 2, 59), seen("2", None, 9, 80)];
        assert_eq!(bytes(Some("dump"), &copies, &[]), Some(59));
        // Without anybody's word only who took the place at its address.
        let silent = [seen("2", None, 3, 58), seen("3", None, 2, 40)];
        assert_eq!(bytes(Some("dump"), &silent, &["2"]), Some(58));
        assert_eq!(bytes(Some("dump"), &silent, &[]), None);
        // A physical copy keeps the identifier.
        assert_eq!(bytes(Some("basebackup"), &[seen("1", Some("1"), 4, 62)], &[]), Some(62));
        assert_eq!(bytes(Some("basebackup"), &[seen("1", None, 4, 62)], &["1"]), None);
    }

    #[test]
    fn how_far_it_is_off_is_told_of_moves_only() {
        let kept = |way| {
            let measured_bytes = Some(50);
            KeptPrediction { prediction: prediction(way), measured_bytes, measured_at: Some(at(1)) }
        };
        assert!((kept(Some("dump")).off().unwrap() - 0.2).abs() < 1e-9);
        assert_eq!(kept(None).off(), None);
    }
}
