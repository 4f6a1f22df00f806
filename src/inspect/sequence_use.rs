//! How far sequences have come: which there are the first look tells, where each stands is asked after it.

use super::{ask, queries};
use crate::{
    model::{Fact, OidMap, SequenceState, SequenceUse, Unavailable},
    pg::Session,
};
use serde::Deserialize;

/// How many are read in one transaction: each keeps its lock until that ends, and the room for locks is everybody's.
const AT_ONCE: usize = 250;

/// The sequences that could run out, before it is known where they stand.
#[derive(Deserialize)]
pub struct Listed {
    sequences: Vec<ListedSequence>,
    left_out: u64,
}

#[derive(Deserialize)]
struct ListedSequence {
    oid: u32,
    #[serde(flatten)]
    state: SequenceState,
}

/// Where those that were read stand; `None`: never used.
pub type Values = Result<Vec<(u32, Option<i64>)>, Unavailable>;

/// Those that the role may read, in shares of which each wants a transaction of its own.
pub fn shares(listed: &Fact<Listed>) -> Vec<Vec<i64>> {
    let sequences = listed.known().into_iter().flat_map(|listed| &listed.sequences);
    let readable: Vec<i64> = sequences.filter(|one| one.state.may_read).map(|one| i64::from(one.oid)).collect();
    readable.chunks(AT_ONCE).map(<[i64]>::to_vec).collect()
}

/// Part of a round.
pub async fn ask(session: &Session, share: &[i64]) -> Values {
    let query = &queries::SEQUENCE_VALUES;
    if share.is_empty() {
        return Ok(Vec::new());
    }
    let rows = session.read(query, Some(share), |row| {
        Ok((row.try_get::<_, i64>("oid")? as u32, row.try_get::<_, Option<i64>>("last_value")?))
    });
    rows.await.map_err(|error| ask::unavailable(session, query, &error))
}

/// The sequences with what was read of them. One that was locked meanwhile counts among those nobody asked about.
pub fn complete(listed: Fact<Listed>, values: Vec<Values>) -> Fact<SequenceUse> {
    let Listed { sequences, mut left_out } = match listed {
        Fact::Known(listed) => listed,
        Fact::Unavailable(why) => return Fact::Unavailable(why),
    };
    let mut stands: OidMap<Option<i64>> = OidMap::default();
    for share in values {
        match share {
            Ok(share) => stands.extend(share),
            Err(why) => return Fact::Unavailable(why.for_fact(queries::SEQUENCE_USE.fact)),
        }
    }
    let mut read = Vec::with_capacity(sequences.len());
    for ListedSequence { oid, state } in sequences {
        match stands.get(&oid) {
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

    fn listed(count: u32) -> Fact<Listed> {
        let one = |oid: u32| {
            json!({"oid": oid, "schema": "public", "sequence": format!("s{oid}"), "column": null, "column_type": null,
                   "first": 1, "last": 100, "may_read": oid != 1})
        };
        let all: Vec<_> = (1..=count).map(one).collect();
        Fact::Known(serde_json::from_value(json!({"sequences": all, "left_out": 0})).unwrap())
    }

    #[test]
    fn each_transaction_reads_a_few() {
        assert_eq!(shares(&listed(1)), [[0_i64; 0]; 0], "may not be read");
        let sizes = |count: u32| shares(&listed(count)).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(251), [250]);
        assert_eq!(sizes(252), [250, 1]);
        assert_eq!(shares(&Fact::not_asked("sequence use")).len(), 0);
    }

    #[test]
    fn what_was_locked_is_not_called_unused() {
        let Fact::Known(used) = complete(listed(4), vec![Ok(vec![(2, Some(90))]), Ok(vec![(3, None)])]) else {
            panic!()
        };
        let told: Vec<_> = used.sequences.iter().map(|one| (one.sequence.as_str(), one.last_value)).collect();
        assert_eq!(told, [("s1", None), ("s2", Some(90)), ("s3", None)]);
        assert_eq!(used.left_out, 1, "s4");
        let failed = complete(listed(4), vec![Ok(vec![(2, Some(90))]), Err(Unavailable::because("x", "denied"))]);
        assert!(failed.known().is_none());
    }
}
