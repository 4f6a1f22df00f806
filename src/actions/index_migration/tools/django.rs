//! Django: `<number>_<name>.py` after the only leaf of the app.

use super::{
    Migration, MigrationError, MigrationFolder, NewFile,
    migration::unused_name,
    quote::{double_quoted, format_comment},
    version::leading_digits,
};
use crate::actions::index_migration::plan::Statement;

pub fn django_files(folder: &MigrationFolder, migrations: &[Migration]) -> Result<Vec<NewFile>, MigrationError> {
    let app = app_label(folder);
    let mut leaf = leaf_migration(folder, &app)?;
    let stems: Vec<&str> = folder.stems_with_ending(".py").filter(|stem| *stem != "__init__").collect();
    let last = stems
        .iter()
        .filter_map(|stem| leading_digits(stem).parse::<u64>().ok())
        .filter(|number| *number < u64::MAX)
        .max()
        .unwrap_or(0);
    let digits = stems.iter().map(|stem| leading_digits(stem).len()).filter(|digits| *digits > 0).max().unwrap_or(4);
    let mut taken: Vec<String> =
        stems.iter().map(|stem| stem[leading_digits(stem).len()..].trim_start_matches('_').to_owned()).collect();
    let mut files = Vec::new();
    for (number, migration) in (last + 1..).zip(migrations) {
        let stem = format!("{number:0digits$}_{}", unused_name(&migration.name(), &mut taken));
        let dependencies = match &leaf {
            Some(leaf) => format!("[({}, {})]", double_quoted(&app), double_quoted(leaf)),
            None => "[]".to_owned(),
        };
        let text = format!(
            "{}from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    atomic = False\n\n    \
             dependencies = {dependencies}\n\n    operations = [\n        migrations.RunSQL(\n            \
             sql=[\n{}            ],\n            reverse_sql=[\n{}            ],\n        ),\n    ]\n",
            format_comment("#", &migration.header),
            sql_list_item(&migration.up),
            migration.down_statements().into_iter().map(sql_list_item).collect::<String>(),
        );
        files.push(NewFile { path: format!("{stem}.py").into(), text });
        leaf = Some(stem);
    }
    if !folder.names.iter().any(|name| name == "__init__.py") {
        files.push(NewFile { path: "__init__.py".into(), text: String::new() });
    }
    Ok(files)
}

fn sql_list_item(step: &Statement) -> String {
    format!("                {},\n", double_quoted(&step.sql))
}

/// Returns the app's label: that of its `AppConfig`, otherwise the name of its folder.
fn app_label(folder: &MigrationFolder) -> String {
    let app = folder.path.parent().unwrap_or(&folder.path);
    let config = std::fs::read_to_string(app.join("apps.py")).unwrap_or_default();
    let configured = config.lines().find_map(|line| {
        let value = line.trim().strip_prefix("label")?.trim_start().strip_prefix('=')?;
        string_literals(value).into_iter().next()
    });
    let folder_name =
        || app.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    configured.or_else(folder_name).unwrap_or_else(|| "app".to_owned())
}

/// Returns the migration that no other migration of the app depends on or replaces.
fn leaf_migration(folder: &MigrationFolder, app: &str) -> Result<Option<String>, MigrationError> {
    let mut stems = Vec::new();
    let mut referenced = Vec::new();
    for stem in folder.stems_with_ending(".py").filter(|stem| *stem != "__init__") {
        let text = folder.text(&format!("{stem}.py"))?;
        if !text.contains("class Migration") {
            continue;
        }
        stems.push(stem.to_owned());
        for list in ["dependencies", "replaces"] {
            for pair in string_literals(&assigned_list(&text, list)).chunks(2) {
                if let [of, name] = pair
                    && of == app
                {
                    referenced.push(name.clone());
                }
            }
        }
    }
    let leaves: Vec<String> = stems.into_iter().filter(|stem| !referenced.contains(stem)).collect();
    match leaves.len() {
        0 | 1 => Ok(leaves.into_iter().next()),
        _ => Err(MigrationError::SeveralHeads {
            folder: folder.display(),
            what: "leaf migrations",
            heads: leaves,
            how: "manage.py makemigrations --merge",
        }),
    }
}

/// Returns the text in the brackets after `name =`, without comments.
fn assigned_list(text: &str, name: &str) -> String {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with('#')).map(|line| format!("{line}\n")).collect();
    let is_assignment =
        |rest: &str| rest.trim_start().strip_prefix('=').is_some_and(|rest| rest.trim_start().starts_with('['));
    for (position, _) in code.match_indices(name) {
        let rest = &code[position + name.len()..];
        let starts_line = code[..position].chars().next_back().is_none_or(char::is_whitespace);
        if starts_line && is_assignment(rest) {
            let list = &rest[rest.find('[').map_or(0, |bracket| bracket + 1)..];
            let mut depth = 1;
            for (end, c) in list.char_indices() {
                match c {
                    '[' => depth += 1,
                    ']' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    return without_calls(&list[..end]);
                }
            }
        }
    }
    String::new()
}

/// Removes calls: `migrations.swappable_dependency(…)` names no migration.
fn without_calls(list: &str) -> String {
    list.lines().filter(|line| !line.contains("swappable_dependency")).map(|line| format!("{line}\n")).collect()
}

/// Returns the string literals of a line or a list.
pub fn string_literals(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(position) = rest.find(['"', '\'']) {
        let quote = rest[position..].chars().next().unwrap_or('"');
        let body = &rest[position + 1..];
        let Some(end) = body.find(quote) else { break };
        found.push(body[..end].to_owned());
        rest = &body[end + 1..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: &str = "class Migration(migrations.Migration):\n    dependencies = [\n        migrations.swappable_dependency(\"auth.User\"),\n        # (\"shop\", \"0009_gone\"),\n        ('shop', '0001_initial'), (\"auth\", \"0012_x\"),\n    ]\n";

    fn app(files: &[(&str, &str)]) -> (tempfile::TempDir, MigrationFolder) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("shop/migrations");
        std::fs::create_dir_all(&path).unwrap();
        for (name, text) in files {
            std::fs::write(path.join(name), text).unwrap();
        }
        let folder = MigrationFolder::read(&path).unwrap();
        (root, folder)
    }

    #[test]
    fn django_leaf_is_unreferenced_migration() {
        let first = "class Migration(migrations.Migration):\n    initial = True\n    dependencies = []\n";
        let (_root, folder) = app(&[("0001_initial.py", first), ("0002_more.py", SECOND), ("__init__.py", "")]);
        assert_eq!(leaf_migration(&folder, "shop").unwrap().as_deref(), Some("0002_more"));
        let (_root, folder) = app(&[("0001_initial.py", first), ("0002_more.py", SECOND), ("0002_other.py", SECOND)]);
        let refused = leaf_migration(&folder, "shop").unwrap_err().to_string();
        assert!(refused.contains("0002_more, 0002_other") && refused.contains("--merge"), "{refused}");
        let (_root, folder) = app(&[]);
        assert_eq!(leaf_migration(&folder, "shop").unwrap(), None);
    }

    #[test]
    fn django_app_label_from_config() {
        let (root, folder) = app(&[]);
        assert_eq!(app_label(&folder), "shop");
        std::fs::write(root.path().join("shop/apps.py"), "class A(AppConfig):\n    label = 'store'\n").unwrap();
        assert_eq!(app_label(&folder), "store");
    }
}
