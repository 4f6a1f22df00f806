//! `runner URL FOLDER up|down`: runs all pending migrations, or reverts all that were run.

use diesel::{Connection as _, PgConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness as _};

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, folder, way] = &arguments[..] else { return Err("runner URL FOLDER up|down".into()) };
    let mut connection = PgConnection::establish(url)?;
    let migrations = FileBasedMigrations::from_path(folder)?;
    let done = match way.as_str() {
        "up" => connection.run_pending_migrations(migrations)?,
        _ => connection.revert_all_migrations(migrations)?,
    };
    println!("{} migrations", done.len());
    Ok(())
}
