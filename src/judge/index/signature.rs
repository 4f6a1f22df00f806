//! What an index is made of, written so that two of them can be compared.
//!
//! Operator classes are compared by family and input type: `varchar_ops` and `text_ops` are one. Expressions and
//! predicates are compared as the server writes them: their node trees hold positions of the source text (fact sheet on
//! indexes, B).

use crate::model::{Index, IndexFacts, OperatorClass};

/// One key column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub source: Source,
    pub class: OperatorClass,
    pub collation: u32,
    pub parameters: Option<String>,
    /// Bit 0: descending; bit 1: nulls first.
    pub options: i16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Column(i16),
    Expression(String),
}

impl Key {
    /// Orders and compares the same values alike, the direction aside.
    pub fn is_alike(&self, other: &Key) -> bool {
        self.source == other.source
            && self.class == other.class
            && self.collation == other.collation
            && self.parameters == other.parameters
    }
}

/// What could be compared of an index.
#[derive(Clone, Debug)]
pub struct Signature {
    /// `None`: something of it could not be read, so that it equals nothing.
    pub keys: Option<Vec<Key>>,
    /// The plain columns among the keys, known from `pg_index` alone.
    pub key_columns: Vec<i16>,
    pub include: Vec<i16>,
    /// `Some(None)`: there is none; `None`: it could not be read.
    pub predicate: Option<Option<String>>,
    pub nulls_not_distinct: bool,
    pub storage: Vec<String>,
    /// Its text was asked for and did not come.
    pub is_unread: bool,
}

impl Signature {
    pub fn of(index: &Index, facts: &IndexFacts) -> Signature {
        let count = (index.key_columns_count as usize).min(index.column_numbers.len());
        let (numbers, include) = index.column_numbers.split_at(count);
        let texts = facts.texts.known().and_then(|texts| texts.get(&index.oid));
        let keys = facts.keys.known().and_then(|keys| keys.get(&index.oid));
        let classes = facts.operator_classes.known();
        let mut expressions = texts.map(|texts| texts.expressions.iter());
        let key = |place: usize, number: i16| {
            let keys = keys?;
            Some(Key {
                source: match number {
                    0 => Source::Expression(expressions.as_mut()?.next()?.clone()),
                    number => Source::Column(number),
                },
                class: *classes?.get(keys.operator_classes.get(place)?)?,
                collation: *keys.collations.get(place)?,
                parameters: texts.and_then(|texts| texts.parameters.get(place).cloned()).flatten(),
                options: *keys.options.get(place)?,
            })
        };
        let mut key = key;
        let compared: Option<Vec<Key>> =
            numbers.iter().enumerate().map(|(place, number)| key(place, *number)).collect();
        let predicate = if index.is_partial { texts.map(|texts| texts.predicate.clone()) } else { Some(None) };
        let distinct = facts.nulls_not_distinct.known();
        Signature {
            keys: compared,
            key_columns: numbers.iter().copied().filter(|number| *number != 0).collect(),
            include: include.to_vec(),
            // A predicate that is there but came empty was not read.
            predicate: predicate.filter(|text| text.is_some() == index.is_partial),
            nulls_not_distinct: distinct.is_some_and(|oids| oids.contains(&index.oid)),
            storage: keys.map(|keys| keys.storage.clone()).unwrap_or_default(),
            is_unread: false,
        }
    }
}
