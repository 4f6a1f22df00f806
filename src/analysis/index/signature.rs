//! Properties of an index that decide whether another one can replace it.
//!
//! Operator classes are compared by family and input type: `varchar_ops` and `text_ops` are equal. Expressions and
//! predicates are compared as the server prints them: up to 16 their node trees contain positions of the source text
//! (docs/reference/index-equivalence.md#comparing-definitions).

use crate::facts::{Index, IndexFacts, OperatorClass};

/// One key column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    pub source: Source<'a>,
    pub class: OperatorClass,
    pub collation: u32,
    pub parameters: Option<&'a str>,
    /// Flags of `pg_index.indoption`. Bit 0: descending; bit 1: nulls first.
    pub options: i16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    Column(i16),
    Expression(&'a str),
}

impl Key<'_> {
    /// Returns whether both keys compare the same values in the same way, except for direction.
    pub fn is_alike(&self, other: &Key<'_>) -> bool {
        self.source == other.source
            && self.class == other.class
            && self.collation == other.collation
            && self.parameters == other.parameters
    }
}

/// Comparable properties of an index.
#[derive(Clone, Debug)]
pub struct Signature<'a> {
    /// Key columns; `None` when they were not read because no other index can replace this one, or could not be read.
    /// Then the index equals no other.
    pub keys: Option<Vec<Key<'a>>>,
    /// Predicate; `Some(None)` without one, `None` when it could not be read.
    pub predicate: Option<Option<&'a str>>,
    pub nulls_not_distinct: bool,
    /// Whether the index is unique and none of its keys can be null.
    pub is_not_null: bool,
    pub storage: &'a [String],
    /// Whether its text was requested and could not be read.
    pub is_unread: bool,
}

impl<'a> Signature<'a> {
    pub fn new(index: &Index, facts: &'a IndexFacts) -> Signature<'a> {
        let known = facts.keys.known().and_then(|keys| keys.get(&index.oid));
        let texts = facts.texts.known().and_then(|texts| texts.get(&index.oid));
        let predicate = if index.is_partial { texts.map(|texts| texts.predicate.as_deref()) } else { Some(None) };
        Signature {
            keys: signature_keys(index, facts),
            // An empty predicate of a partial index was not read.
            predicate: predicate.filter(|text| text.is_some() == index.is_partial),
            nulls_not_distinct: known.is_some_and(|keys| keys.nulls_not_distinct),
            is_not_null: known.is_some_and(|keys| keys.is_not_null),
            storage: known.map_or(&[], |keys| &keys.storage),
            is_unread: false,
        }
    }
}

fn signature_keys<'a>(index: &Index, facts: &'a IndexFacts) -> Option<Vec<Key<'a>>> {
    let made_of = facts.keys.known()?.get(&index.oid)?;
    let classes = facts.operator_classes.known()?;
    let texts = facts.texts.known().and_then(|texts| texts.get(&index.oid));
    let mut expressions = texts.map_or(&[][..], |texts| &texts.expressions).iter();
    let mut key = |place: usize, number: i16| {
        Some(Key {
            source: match number {
                0 => Source::Expression(expressions.next()?),
                number => Source::Column(number),
            },
            class: *classes.get(made_of.operator_classes.get(place)?)?,
            collation: *made_of.collations.get(place)?,
            parameters: made_of.parameters.get(place).and_then(Option::as_deref),
            options: *made_of.options.get(place)?,
        })
    };
    index.key_columns().iter().enumerate().map(|(place, number)| key(place, *number)).collect()
}
