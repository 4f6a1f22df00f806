//! The databases beside the one that is connected to, each over a connection of its own.

use super::{Reach, Scope, contents, first_look::first_look};
use crate::{
    model::{Contents, Database, Fact, Skipped, Unavailable, quote_identifier},
    pg::{Session, SessionError},
};
use futures_util::{StreamExt, stream};

/// Reads those the scope reaches; each that could not be read is named. `here` are the names of the one that was read
/// already: a pooler may know it by another.
pub async fn look(
    session: &Session,
    scope: &Scope,
    databases: &Fact<Vec<Database>>,
    here: &[&str],
) -> (Vec<Contents>, Vec<Skipped>) {
    let (mut read, mut skipped) = (Vec::new(), Vec::new());
    let is_other = |name: &str| !here.contains(&name);
    let others: Vec<&Database> = match (&scope.reach, databases) {
        (Reach::Connected, _) => return (read, skipped),
        (Reach::All, Fact::Known(databases)) => databases.iter().filter(|one| is_other(&one.database)).collect(),
        (Reach::All, Fact::Unavailable(why)) => {
            skipped.push(unlisted("all others".to_owned(), why));
            return (read, skipped);
        }
        (Reach::Listed(names), Fact::Known(databases)) => {
            let find = |name: &String| databases.iter().find(|one| one.database == *name).ok_or_else(|| absent(name));
            let found = names.iter().filter(|name| is_other(name)).map(find);
            found.filter_map(|found| found.map_err(|skip| skipped.push(skip)).ok()).collect()
        }
        (Reach::Listed(names), Fact::Unavailable(why)) => {
            let others = names.iter().filter(|name| is_other(name));
            skipped.extend(others.map(|name| Skipped { listed: true, ..unlisted(name.clone(), why) }));
            return (read, skipped);
        }
    };
    // Each database measures over its part of the connections.
    let part = scope.part(others.len());
    let listed = matches!(scope.reach, Reach::Listed(_));
    let looks = others.into_iter().map(|database| look_into(session, &part, database));
    let results: Vec<_> = stream::iter(looks).buffered(scope.jobs.max(1)).collect().await;
    for result in results {
        match result {
            Ok(contents) => read.push(contents),
            Err(skip) => skipped.push(Skipped { listed, ..skip }),
        }
    }
    (read, skipped)
}

async fn look_into(session: &Session, scope: &Scope, database: &Database) -> Result<Contents, Skipped> {
    let skip = |reason: &str, hint| Skipped {
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
    let look = async {
        let beside = session.open_in_turn(Some(&database.database)).await?;
        let first = beside.round(first_look(&beside, scope)).await?;
        contents::complete(&beside, scope, database.database.clone(), first).await
    };
    look.await.map_err(|error: SessionError| skip(&error.to_string(), None))
}

/// Somebody counts on it being read.
fn absent(name: &str) -> Skipped {
    Skipped {
        database: name.to_owned(),
        reason: "there is no database of that name".to_owned(),
        hint: Some("`pgtend databases` shows those there are; correct the target's databases".to_owned()),
        listed: true,
    }
}

fn unlisted(database: String, why: &Unavailable) -> Skipped {
    let reason = format!("their names could not be read: {}", why.reason);
    Skipped { database, reason, hint: why.hint.clone(), listed: false }
}
