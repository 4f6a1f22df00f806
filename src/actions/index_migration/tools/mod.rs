//! Migration tools: the folder of their migrations, the names of the next ones, and their contents. One file per tool.
//! What they accept was tested with the tools themselves (`tests/runners`) or read in their sources
//! (docs/reference/migration-tools.md#one-statement-per-query).

mod alembic;
mod dbmate;
mod declarations;
mod diesel;
mod django;
mod flyway;
mod folder;
mod golang_migrate;
mod goose;
mod header;
mod knex;
mod liquibase;
mod location;
mod migration;
mod node_pg_migrate;
mod quote;
mod rails;
mod script;
mod sql;
mod sqlx_migrate;
mod stem;
#[cfg(test)]
mod tests;
mod version;
mod write;

pub use declarations::{IndexDeclaration, find_index_declarations};
pub use folder::MigrationFolder;
pub use header::{IndexMarker, format_index_marker, parse_index_markers};
pub use location::{MigrationLocation, find_migration_locations, is_third_party_folder};
pub use migration::{Migration, MigrationError, NewFile};
pub use script::maintenance_script;
pub use write::{WriteError, write_migration_files};

use jiff::Timestamp;

/// A migration tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Framework {
    /// Plain scripts for psql
    Sql,
    /// SQL files of sqlx-cli
    Sqlx,
    /// SQL migrations with undo migrations
    Flyway,
    /// A formatted SQL changelog
    Liquibase,
    /// Up and down files
    GolangMigrate,
    /// SQL files with an Up and a Down section
    Goose,
    /// SQL files with an up and a down section
    Dbmate,
    /// Folders with up.sql and down.sql
    Diesel,
    /// Ruby classes in db/migrate
    Rails,
    /// Python migrations of an app
    Django,
    /// Python revisions
    Alembic,
    /// JavaScript or TypeScript migrations
    Knex,
    /// JavaScript or TypeScript migrations
    NodePgMigrate,
}

impl Framework {
    /// All tools, in the order of the help.
    pub const ALL: [Framework; 13] = [
        Framework::Sql,
        Framework::Sqlx,
        Framework::Flyway,
        Framework::Liquibase,
        Framework::GolangMigrate,
        Framework::Goose,
        Framework::Dbmate,
        Framework::Diesel,
        Framework::Rails,
        Framework::Django,
        Framework::Alembic,
        Framework::Knex,
        Framework::NodePgMigrate,
    ];

    /// Returns the name as the option `--framework` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Framework::Sql => "sql",
            Framework::Sqlx => "sqlx",
            Framework::Flyway => "flyway",
            Framework::Liquibase => "liquibase",
            Framework::GolangMigrate => "golang-migrate",
            Framework::Goose => "goose",
            Framework::Dbmate => "dbmate",
            Framework::Diesel => "diesel",
            Framework::Rails => "rails",
            Framework::Django => "django",
            Framework::Alembic => "alembic",
            Framework::Knex => "knex",
            Framework::NodePgMigrate => "node-pg-migrate",
        }
    }

    /// Returns the files of a clean-up in the folder's own style, without writing them.
    ///
    /// # Errors
    ///
    /// The folder cannot be read or extended, or the tool cannot execute a statement.
    pub fn migration_files(
        self,
        folder: &MigrationFolder,
        migrations: &[Migration],
        now: Timestamp,
    ) -> Result<Vec<NewFile>, MigrationError> {
        match self {
            Framework::Sql => sql::sql_files(folder, migrations, now),
            Framework::Sqlx => sqlx_migrate::sqlx_files(folder, migrations, now),
            Framework::Flyway => flyway::flyway_files(folder, migrations, now),
            Framework::Liquibase => liquibase::liquibase_files(folder, migrations, now),
            Framework::GolangMigrate => golang_migrate::golang_migrate_files(folder, migrations, now),
            Framework::Goose => goose::goose_files(folder, migrations, now),
            Framework::Dbmate => dbmate::dbmate_files(folder, migrations, now),
            Framework::Diesel => diesel::diesel_files(folder, migrations, now),
            Framework::Rails => rails::rails_files(folder, migrations, now),
            Framework::Django => django::django_files(folder, migrations),
            Framework::Alembic => alembic::alembic_files(folder, migrations, now),
            Framework::Knex => knex::knex_files(folder, migrations, now),
            Framework::NodePgMigrate => node_pg_migrate::node_pg_migrate_files(folder, migrations, now),
        }
    }

    /// Returns a note on running the migrations with this tool, in addition to the header of each file; `None`
    /// when there is nothing.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Framework::Sqlx | Framework::GolangMigrate => Some(
                "Run the rollback from one runner at a time: CREATE INDEX CONCURRENTLY and a second runner that waits \
                 for this tool's advisory lock wait for each other.",
            ),
            Framework::Flyway => {
                Some("Undo migrations (U…) need Flyway Teams or above; set flyway.postgresql.transactional.lock=false.")
            }
            Framework::Liquibase => {
                Some("If the root changelog does not use includeAll, add these files to it; pgtend does not edit it.")
            }
            _ => None,
        }
    }
}
