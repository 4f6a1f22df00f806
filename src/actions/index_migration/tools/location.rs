//! Migration tool of a project, and location of its migrations.

use super::Framework;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A tool that a project seems to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationLocation {
    /// The tool.
    pub framework: Framework,
    /// Folder of migrations. It may not exist yet.
    pub folder: PathBuf,
    /// File or setting that shows it.
    pub source: String,
}

/// Detects tools by the files at the top of a project. Returns one location per folder of migrations.
pub fn find_migration_locations(project: &Path) -> Vec<MigrationLocation> {
    let project = Project { root: project };
    let mut locations = Vec::new();
    let mut add = |framework, folder: PathBuf, source: &str| {
        locations.push(MigrationLocation { framework, folder, source: source.to_owned() });
    };
    if project.has_path("manage.py") {
        for folder in project.django_migration_folders() {
            add(Framework::Django, folder, "manage.py");
        }
    }
    if let Some(ini) = project.text("alembic.ini") {
        let location = read_setting(&ini, "script_location").unwrap_or("alembic").replace("%(here)s/", "");
        add(Framework::Alembic, project.root.join(location).join("versions"), "alembic.ini");
    }
    if project.has_path("config/application.rb")
        || project.has_path("bin/rails")
        || project.file_contains("Gemfile", "activerecord")
    {
        add(Framework::Rails, project.root.join("db/migrate"), "a Rails project");
    }
    let configs = ["knexfile.js", "knexfile.ts", "knexfile.mjs", "knexfile.cjs"];
    if let Some(config) = configs.into_iter().find(|name| project.has_path(name)) {
        let text = project.text(config).unwrap_or_default();
        let folder = text
            .split_once("directory")
            .and_then(|(_, rest)| super::django::string_literals(rest.lines().next()?).into_iter().next());
        add(Framework::Knex, project.root.join(folder.unwrap_or_else(|| "migrations".to_owned())), config);
    }
    if project.file_contains("package.json", "\"node-pg-migrate\"") {
        add(Framework::NodePgMigrate, project.root.join("migrations"), "package.json");
    }
    if let Some(toml) = project.text("diesel.toml") {
        let folder = read_setting(&toml, "dir").map_or("migrations", |dir| dir.trim_matches('"'));
        add(Framework::Diesel, project.root.join(folder), "diesel.toml");
    } else if project.file_contains("Cargo.toml", "sqlx") {
        add(Framework::Sqlx, project.root.join("migrations"), "Cargo.toml");
    }
    if let Some(config) = ["flyway.toml", "flyway.conf", "conf/flyway.conf", "conf/flyway.toml"]
        .into_iter()
        .find(|name| project.has_path(name))
    {
        let text = project.text(config).unwrap_or_default();
        let location = text.split_once("filesystem:").map(|(_, rest)| {
            rest.split(|c: char| c == '"' || c == ',' || c.is_whitespace()).next().unwrap_or_default().to_owned()
        });
        add(Framework::Flyway, project.root.join(location.unwrap_or_else(|| "sql".to_owned())), config);
    } else if project.has_path("src/main/resources/db/migration") {
        add(Framework::Flyway, project.root.join("src/main/resources/db/migration"), "src/main/resources/db/migration");
    }
    for folder in ["src/main/resources/db/changelog", "db/changelog"] {
        if project.has_path(folder) {
            add(Framework::Liquibase, project.root.join(folder), folder);
            break;
        }
    }
    for folder in ["db/migrations", "migrations", "sql/migrations", "db/migration", "database/migrations"] {
        let path = project.root.join(folder);
        match detect_marker(&path) {
            Some("-- +goose") => add(Framework::Goose, path, "-- +goose in its files"),
            Some("-- migrate:up") => add(Framework::Dbmate, path, "-- migrate:up in its files"),
            _ if project.file_contains("go.mod", "golang-migrate") && path.is_dir() => {
                add(Framework::GolangMigrate, path, "go.mod");
            }
            _ => {}
        }
    }
    locations
}

struct Project<'a> {
    root: &'a Path,
}

impl Project<'_> {
    fn has_path(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    fn text(&self, path: &str) -> Option<String> {
        fs::read(self.root.join(path)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn file_contains(&self, path: &str, what: &str) -> bool {
        self.text(path).is_some_and(|text| text.contains(what))
    }

    /// Folders `migrations` of a Django project's own apps.
    fn django_migration_folders(&self) -> Vec<PathBuf> {
        let subfolders = |path: &Path| -> Vec<PathBuf> {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
            found.retain(|path| !path.file_name().is_some_and(|name| is_third_party_folder(&name.to_string_lossy())));
            found.sort();
            found
        };
        let top_folders = subfolders(self.root);
        let app_folders = top_folders.iter().cloned().chain(top_folders.iter().flat_map(|top| subfolders(top)));
        let mut apps: Vec<PathBuf> =
            app_folders.map(|app| app.join("migrations")).filter(|path| path.join("__init__.py").exists()).collect();
        apps.sort();
        apps.dedup();
        apps
    }
}

/// Returns whether a folder has third-party code, or no code.
pub fn is_third_party_folder(name: &str) -> bool {
    name.starts_with('.')
        || matches!(
            name,
            "node_modules" | "target" | "venv" | "env" | "vendor" | "dist" | "build" | "__pycache__" | "site-packages"
        )
}

/// Returns the value of `name = value` in an ini or TOML file.
fn read_setting<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let value = line.trim().strip_prefix(name)?.trim_start().strip_prefix('=')?;
        Some(value.trim())
    })
}

/// Returns the marker of the newest file in a folder.
fn detect_marker(folder: &Path) -> Option<&'static str> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let newest = files.into_iter().rev().find(|path| path.extension().is_some_and(|ending| ending == "sql"))?;
    let text = fs::read_to_string(newest).ok()?;
    ["-- +goose", "-- migrate:up"].into_iter().find(|mark| text.lines().any(|line| line.starts_with(mark)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn locations_found_by_tool_files() {
        for (files, framework, folder) in [
            (&[("manage.py", ""), ("shop/migrations/__init__.py", "")][..], Framework::Django, "shop/migrations"),
            (&[("alembic.ini", "[alembic]\nscript_location = %(here)s/db\n")], Framework::Alembic, "db/versions"),
            (&[("config/application.rb", "")], Framework::Rails, "db/migrate"),
            (&[("knexfile.js", "migrations: { directory: './db/m' }")], Framework::Knex, "./db/m"),
            (
                &[("package.json", "{\"dependencies\":{\"node-pg-migrate\":\"9\"}}")],
                Framework::NodePgMigrate,
                "migrations",
            ),
            (
                &[("diesel.toml", "[migrations_directory]\ndir = \"sql/m\"\n"), ("Cargo.toml", "")],
                Framework::Diesel,
                "sql/m",
            ),
            (&[("Cargo.toml", "sqlx = \"0.9\"")], Framework::Sqlx, "migrations"),
            (&[("flyway.toml", "locations = [\"filesystem:db/sql\"]")], Framework::Flyway, "db/sql"),
            (&[("db/changelog/root.xml", "")], Framework::Liquibase, "db/changelog"),
            (&[("migrations/1_a.sql", "-- +goose Up\n")], Framework::Goose, "migrations"),
            (&[("db/migrations/1_a.sql", "-- migrate:up\n")], Framework::Dbmate, "db/migrations"),
            (
                &[("go.mod", "github.com/golang-migrate/migrate/v4"), ("migrations/1_a.up.sql", "")],
                Framework::GolangMigrate,
                "migrations",
            ),
        ] {
            let root = project(files);
            let found = find_migration_locations(root.path());
            assert_eq!(found.len(), 1, "{files:?}: {found:?}");
            assert_eq!((found[0].framework, &found[0].folder), (framework, &root.path().join(folder)));
        }
        assert_eq!(find_migration_locations(project(&[]).path()), []);
        assert_eq!(
            find_migration_locations(project(&[("alembic.ini", ""), ("config/application.rb", "")]).path()).len(),
            2
        );
    }
}
