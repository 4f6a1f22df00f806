//! Positions of sequences: the first round trip lists the sequences, later ones read their values.

use super::{fetch, queries};
use crate::facts::{Fact, OidMap, SequenceState, SequenceUse, Unavailable};
use crate::postgres::Session;
use serde::Deserialize;

/// Maximum number of sequences per transaction: each stays locked until its end, and all sessions share the lock table.
const MAX_BATCH: usize = 250;

/// The sequences that could run out, without their values.
#[derive(Deserialize)]
pub struct ListedSequences {
    sequences: Vec<ListedSequence>,
    left_out: u64,
}

#[derive(Deserialize)]
struct ListedSequence {
    oid: u32,
    #[serde(flatten)]
    state: SequenceState,
}

/// Values by OID; `None` for a sequence that was never used.
pub type SequenceValues = Result<Vec<(u32, Option<i64>)>, Unavailable>;

/// Returns the OIDs of the sequences that the role may read, in batches of one transaction each.
pub fn readable_batches(listed: &Fact<ListedSequences>) -> Vec<Vec<i64>> {
    let sequences = listed.known().into_iter().flat_map(|listed| &listed.sequences);
    let readable: Vec<i64> =
        sequences.filter(|sequence| sequence.state.may_read).map(|sequence| i64::from(sequence.oid)).collect();
    readable.chunks(MAX_BATCH).map(<[i64]>::to_vec).collect()
}

/// Reads the values of one batch, as part of a round trip.
pub async fn fetch_values(session: &Session, share: &[i64]) -> SequenceValues {
    let query = &queries::SEQUENCE_VALUES;
    if share.is_empty() {
        return Ok(Vec::new());
    }
    let rows = session.read(query, Some(share), |row| {
        Ok((row.try_get::<_, i64>("oid")? as u32, row.try_get::<_, Option<i64>>("last_value")?))
    });
    rows.await.map_err(|error| fetch::unavailable_fact(session, query, &error))
}

/// Returns the sequences with their values. A sequence that was locked in the meantime counts as omitted.
pub fn merge_values(listed: Fact<ListedSequences>, values: Vec<SequenceValues>) -> Fact<SequenceUse> {
    let ListedSequences { sequences, mut left_out } = match listed {
        Fact::Known(listed) => listed,
        Fact::Unavailable(why) => return Fact::Unavailable(why),
    };
    let mut last_values: OidMap<Option<i64>> = OidMap::default();
    for share in values {
        match share {
            Ok(share) => last_values.extend(share),
            Err(why) => return Fact::Unavailable(why.for_fact(queries::SEQUENCE_USE.fact)),
        }
    }
    let mut read = Vec::with_capacity(sequences.len());
    for ListedSequence { oid, state } in sequences {
        match last_values.get(&oid) {
            Some(last_value) => read.push(SequenceState { last_value: *last_value, ..state }),
            None if state.may_read => left_out += 1,
            None => read.push(state),
        }
    }
    Fact::Known(SequenceUse { sequences: read, left_out })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn listed_sequences(count: u32) -> Fact<ListedSequences> {
        let sequence = |oid: u32| {
            json!({"oid": oid, "schema": "public", "sequence": format!("s{oid}"), "column": null, "column_type": null,
                   "first": 1, "last": 100, "may_read": oid != 1})
        };
        let sequences: Vec<_> = (1..=count).map(sequence).collect();
        Fact::Known(serde_json::from_value(json!({"sequences": sequences, "left_out": 0})).unwrap())
    }

    #[test]
    fn readable_batches_are_bounded() {
        assert_eq!(readable_batches(&listed_sequences(1)), [[0_i64; 0]; 0], "may not be read");
        let sizes = |count: u32| readable_batches(&listed_sequences(count)).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(251), [250]);
        assert_eq!(sizes(252), [250, 1]);
        assert_eq!(readable_batches(&Fact::not_requested("sequence use")).len(), 0);
    }

    #[test]
    fn locked_sequence_counts_as_left_out() {
        let Fact::Known(used) = merge_values(listed_sequences(4), vec![Ok(vec![(2, Some(90))]), Ok(vec![(3, None)])])
        else {
            panic!()
        };
        let last_values: Vec<_> =
            used.sequences.iter().map(|sequence| (sequence.sequence.as_str(), sequence.last_value)).collect();
        assert_eq!(last_values, [("s1", None), ("s2", Some(90)), ("s3", None)]);
        assert_eq!(used.left_out, 1, "s4");
        let failed =
            merge_values(listed_sequences(4), vec![Ok(vec![(2, Some(90))]), Err(Unavailable::new("x", "denied"))]);
        assert!(failed.known().is_none());
    }
}
