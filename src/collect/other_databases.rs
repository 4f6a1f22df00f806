//! The databases other than the connected one, each read over a separate connection.

use super::{DatabaseSelection, Scope, catalog_facts::collect_catalog_facts, database_snapshot};
use crate::facts::{Database, DatabaseSnapshot, Fact, SkippedDatabase, Unavailable};
use crate::postgres::{Session, SessionError};
use crate::quote::quote_identifier;
use futures_util::{StreamExt, stream};

/// Reads the databases of the scope, and lists those that could not be read. `connected_names` are the names of the
/// database that was already read: a pooler may use another name.
pub async fn collect_other_databases(
    session: &Session,
    scope: &Scope,
    databases: &Fact<Vec<Database>>,
    connected_names: &[&str],
) -> (Vec<DatabaseSnapshot>, Vec<SkippedDatabase>) {
    let (mut read, mut skipped) = (Vec::new(), Vec::new());
    let is_other = |name: &str| !connected_names.contains(&name);
    let selected: Vec<&Database> = match (&scope.database_selection, databases) {
        (DatabaseSelection::Connected, _) => return (read, skipped),
        (DatabaseSelection::All, Fact::Known(databases)) => {
            databases.iter().filter(|database| is_other(&database.database)).collect()
        }
        (DatabaseSelection::All, Fact::Unavailable(why)) => {
            skipped.push(unlisted_database("all others".to_owned(), why));
            return (read, skipped);
        }
        (DatabaseSelection::Listed(names), Fact::Known(databases)) => {
            let find = |name: &String| {
                databases.iter().find(|database| database.database == *name).ok_or_else(|| missing_database(name))
            };
            let found = names.iter().filter(|name| is_other(name)).map(find);
            found.filter_map(|found| found.map_err(|skip| skipped.push(skip)).ok()).collect()
        }
        (DatabaseSelection::Listed(names), Fact::Unavailable(why)) => {
            let not_connected = names.iter().filter(|name| is_other(name));
            skipped.extend(
                not_connected.map(|name| SkippedDatabase { listed: true, ..unlisted_database(name.clone(), why) }),
            );
            return (read, skipped);
        }
    };
    // Each database uses its share of the connections.
    let database_scope = scope.share_for(selected.len());
    let listed = matches!(scope.database_selection, DatabaseSelection::Listed(_));
    let collections = selected.into_iter().map(|database| connect_and_collect(session, &database_scope, database));
    let results: Vec<_> = stream::iter(collections).buffered(scope.jobs.max(1)).collect().await;
    for result in results {
        match result {
            Ok(contents) => read.push(contents),
            Err(skip) => skipped.push(SkippedDatabase { listed, ..skip }),
        }
    }
    (read, skipped)
}

async fn connect_and_collect(
    session: &Session,
    scope: &Scope,
    database: &Database,
) -> Result<DatabaseSnapshot, SkippedDatabase> {
    let skip = |reason: &str, hint| SkippedDatabase {
        database: database.database.clone(),
        reason: reason.to_owned(),
        hint,
        listed: false,
    };
    if !database.allows_connections {
        return Err(skip("it does not allow connections (datallowconn)", None));
    }
    if !database.may_connect {
        let name = quote_identifier(&database.database);
        let role = quote_identifier(session.user());
        return Err(skip("no CONNECT privilege", Some(format!("GRANT CONNECT ON DATABASE {name} TO {role}"))));
    }
    let collection = async {
        let database_session = session.open_for_database(Some(&database.database)).await?;
        let facts = database_session.run_round(collect_catalog_facts(&database_session, scope)).await?;
        database_snapshot::collect_database(&database_session, scope, database.database.clone(), facts).await
    };
    collection.await.map_err(|error: SessionError| skip(&error.to_string(), None))
}

/// Returns the entry of a listed database that does not exist.
fn missing_database(name: &str) -> SkippedDatabase {
    SkippedDatabase {
        database: name.to_owned(),
        reason: "this database does not exist".to_owned(),
        hint: Some("list the databases with `pgtend databases`, and correct `databases` of the target".to_owned()),
        listed: true,
    }
}

fn unlisted_database(database: String, why: &Unavailable) -> SkippedDatabase {
    let reason = format!("their names could not be read: {}", why.reason);
    SkippedDatabase { database, reason, hint: why.hint.clone(), listed: false }
}
