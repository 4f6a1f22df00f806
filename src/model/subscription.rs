//! Subscriptions of native logical replication.

use serde::{Deserialize, Serialize};

/// One row of `pg_subscription`: this server subscribes. Whose publications, only its owner may see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub subname: String,
    pub database: String,
    pub subenabled: bool,
    /// The slot on the publisher; `None` when it was taken from it.
    pub subslotname: Option<String>,
}
