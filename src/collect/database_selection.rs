//! Which databases of a cluster are read from inside.

/// Each database costs a connection of its own, but for the one that is connected to anyway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DatabaseSelection {
    /// The one that is connected to.
    #[default]
    Connected,
    /// Those of a target's list, and no other: the one that is connected to only if it is among them.
    Listed(Vec<String>),
    /// All that the role may connect to.
    All,
}

impl DatabaseSelection {
    /// Whether what is read may come from more than one database, so that each row has to say from which.
    pub fn may_select_several(&self) -> bool {
        *self != DatabaseSelection::Connected
    }

    /// Whether the database that is connected to is read.
    pub(super) fn includes_connected(&self, name: &str) -> bool {
        match self {
            DatabaseSelection::Connected | DatabaseSelection::All => true,
            DatabaseSelection::Listed(names) => names.iter().any(|one| one == name),
        }
    }
}
