//! Knex: `<version>_<name>.js`, or with the ending of the folder's other files.

use super::{
    Migration, MigrationError, MigrationFolder, NewFile,
    quote::{double_quoted, format_comment},
    stem::Stems,
    version::VersionStyle,
};
use crate::actions::index_migration::plan::Statement;
use jiff::Timestamp;

pub fn knex_files(
    folder: &MigrationFolder,
    migrations: &[Migration],
    now: Timestamp,
) -> Result<Vec<NewFile>, MigrationError> {
    let mut stems = Stems::after(folder, "", VersionStyle::Seconds, now);
    let dialect = ScriptDialect::from_folder(folder)?;
    let mut files = Vec::new();
    for migration in migrations {
        let path = format!("{}.{}", stems.next(&migration.name()), dialect.ending).into();
        let up = raw_call(&migration.up)?;
        let down = migration.down_statements().into_iter().map(raw_call).collect::<Result<String, _>>()?;
        let header = format_comment("//", &migration.header);
        let (up_prefix, down_prefix, argument) = (
            dialect.export_prefix("up"),
            dialect.export_prefix("down"),
            dialect.typed_argument("knex", "import(\"knex\").Knex"),
        );
        let config = match dialect.is_module {
            true => "export const config = { transaction: false };",
            false => "exports.config = { transaction: false };",
        };
        let text = format!(
            "{header}{config}\n\n{up_prefix}async ({argument}) => {{\n{up}}};\n\n{down_prefix}async ({argument}) => {{\n{down}}};\n"
        );
        files.push(NewFile { path, text });
    }
    Ok(files)
}

/// A question mark is a binding unless a backslash precedes it. Knex removes all backslashes before it
/// (`lib/dialects/postgres`, `positionBindings`), so the statement itself must not have any there.
fn raw_call(step: &Statement) -> Result<String, MigrationError> {
    if step.sql.contains("\\?") {
        let why = "it removes a backslash before a question mark";
        return Err(MigrationError::Inexpressible { framework: "Knex", sql: step.sql.clone(), why });
    }
    Ok(format!("  await knex.raw({});\n", double_quoted(&step.sql.replace('?', "\\?"))))
}

/// Language of the folder's migrations.
pub struct ScriptDialect {
    pub ending: &'static str,
    pub is_module: bool,
}

impl ScriptDialect {
    pub fn from_folder(folder: &MigrationFolder) -> Result<ScriptDialect, MigrationError> {
        let endings = [(".ts", "ts"), (".mjs", "mjs"), (".cjs", "cjs"), (".js", "js")];
        let newest = folder.names.iter().rev().find_map(|name| {
            let (suffix, ending) = endings.iter().find(|(suffix, _)| name.ends_with(suffix))?;
            (!name.ends_with(".d.ts")).then_some((name, *suffix, *ending))
        });
        let Some((name, _, ending)) = newest else {
            return Ok(ScriptDialect { ending: "js", is_module: is_module(folder) });
        };
        let is_module = match ending {
            "ts" | "mjs" => true,
            "cjs" => false,
            _ => folder.text(name)?.lines().any(|line| line.starts_with("export ")),
        };
        Ok(ScriptDialect { ending, is_module })
    }

    /// Returns the beginning of an exported function.
    pub fn export_prefix(&self, name: &str) -> String {
        if self.is_module { format!("export const {name} = ") } else { format!("exports.{name} = ") }
    }

    pub fn typed_argument(&self, name: &str, kind: &str) -> String {
        if self.ending == "ts" { format!("{name}: {kind}") } else { name.to_owned() }
    }
}

/// Returns whether `.js` means an ES module, as the nearest `package.json` above says.
fn is_module(folder: &MigrationFolder) -> bool {
    let above = folder.path.ancestors().filter_map(|path| std::fs::read_to_string(path.join("package.json")).ok());
    let nearest = above.into_iter().next();
    let package = nearest.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    package.is_some_and(|package| package["type"] == "module")
}
