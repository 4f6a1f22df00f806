//! Declarations in a project that would create an index again: models and schema files.

use super::header::parse_index_markers;
use super::location::is_third_party_folder;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A declaration of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDeclaration {
    /// Path relative to the project's root.
    pub path: PathBuf,
    /// Line number, from 1.
    pub line: usize,
    /// Whether it names the column and not the index.
    pub by_column: bool,
}

/// Limits on what is read of a project, so that a large tree is not searched for minutes.
const MAX_FILES: usize = 5_000;
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Maximum number of declarations per index.
const MAX_DECLARATIONS: usize = 5;

/// Extensions of sources that can have a model or a schema.
const SOURCE_EXTENSIONS: [&str; 12] =
    ["py", "rb", "js", "ts", "java", "kt", "rs", "go", "prisma", "sql", "xml", "yaml"];

/// Returns for each index (name, table and columns) its declarations. The folder `migrations` is not searched, because
/// its files have been executed.
pub fn find_index_declarations(
    project: &Path,
    migrations: &Path,
    indexes: &[(&str, &str, &[String])],
) -> Vec<Vec<IndexDeclaration>> {
    let mut found: Vec<Vec<IndexDeclaration>> = vec![Vec::new(); indexes.len()];
    let mut folders = vec![project.to_path_buf()];
    let mut files_left = MAX_FILES;
    let migrations = migrations.canonicalize().unwrap_or_else(|_| migrations.to_path_buf());
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for path in entries {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let Ok(metadata) = path.symlink_metadata() else { continue };
            let is_migrations = path.canonicalize().is_ok_and(|path| path == migrations)
                || matches!(name.as_str(), "migrations" | "migrate" | "versions" | "migration");
            if metadata.is_dir() {
                if !is_third_party_folder(&name) && !is_migrations {
                    folders.push(path);
                }
                continue;
            }
            let is_source =
                path.extension().is_some_and(|ending| SOURCE_EXTENSIONS.iter().any(|extension| ending == *extension));
            if !metadata.is_file() || !is_source || metadata.len() > MAX_FILE_BYTES || files_left == 0 {
                continue;
            }
            files_left -= 1;
            let Ok(text) = fs::read_to_string(&path) else { continue };
            // A migration that pgtend wrote is no declaration.
            if !parse_index_markers(&text).is_empty() {
                continue;
            }
            let shown = path.strip_prefix(project).unwrap_or(&path).to_path_buf();
            for (mentions, (index, table, columns)) in found.iter_mut().zip(indexes) {
                for (line, by_column) in declaring_lines(&text, index, table, columns) {
                    if mentions.len() < MAX_DECLARATIONS {
                        mentions.push(IndexDeclaration { path: shown.clone(), line, by_column });
                    }
                }
            }
        }
    }
    found
}

/// Returns the lines that declare the index, counted from 1, and whether they do so by a column.
fn declaring_lines(text: &str, index: &str, table: &str, columns: &[String]) -> Vec<(usize, bool)> {
    let by_name =
        text.lines().enumerate().filter(|(_, line)| has_word(line, index)).map(|(position, _)| (position + 1, false));
    let mut declarations: Vec<(usize, bool)> = by_name.collect();
    // A model names its table, or is named like it: `shop_order` is the model Order of the app shop.
    let model = table.rsplit('_').next().unwrap_or(table).trim_end_matches('s').to_lowercase();
    let [column] = columns else { return declarations };
    if !text.to_lowercase().contains(&model) {
        return declarations;
    }
    for (position, line) in text.lines().enumerate() {
        let Some((name, _)) = line.split_once(['=', ':']) else { continue };
        let name = name.trim();
        let declares_column = name == column || column.strip_suffix("_id") == Some(name);
        if declares_column && declares_index(&text.lines().skip(position).take(6).collect::<Vec<_>>()) {
            declarations.push((position + 1, true));
        }
    }
    declarations
}

/// Returns whether the lines declare an index without a name: Django's `db_index=True` and foreign keys (which have an
/// index by default), SQLAlchemy's `index=True`. A declaration ends with its brackets.
fn declares_index(lines: &[&str]) -> bool {
    let mut depth = 0_i32;
    for line in lines {
        let compact: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        let is_key =
            compact.contains("models.ForeignKey(") && !lines.concat().replace(' ', "").contains("db_index=False");
        if compact.contains("index=True") || is_key {
            return true;
        }
        depth += line.chars().map(|c| i32::from(c == '(') - i32::from(c == ')')).sum::<i32>();
        if depth <= 0 {
            return false;
        }
    }
    false
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(position, _)| {
        !line[..position].chars().next_back().is_some_and(is_part)
            && !line[position + word.len()..].chars().next().is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_found_in_models_and_schema() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "shop/models.py",
            "class Order(models.Model):\n    email = models.TextField(\n        db_index=True,\n    )\n    buyer = models.ForeignKey(User)\n    \
             note = models.TextField()\n    class Meta:\n        indexes = [models.Index(fields=['a'], name='order_a_idx')]\n",
        );
        write("db/schema.rb", "t.index [\"note\"], name: \"order_note_idx\"\n");
        write("shop/migrations/0001_initial.py", "order_a_idx\n");
        write("node_modules/x/models.py", "order_a_idx\n");
        let marker = super::super::header::IndexMarker {
            schema: "shop".to_owned(),
            table: "shop_order".to_owned(),
            index: "order_a_idx".to_owned(),
        };
        let header = super::super::header::format_index_marker(&marker);
        write("other/1_drop.sql", &format!("-- {header}\nDROP INDEX CONCURRENTLY order_a_idx;\n"));
        let declarations_of = |index, column: &str| {
            let columns = [column.to_owned()];
            let found = find_index_declarations(
                root.path(),
                &root.path().join("shop/migrations"),
                &[(index, "shop_order", &columns[..])],
            );
            found[0]
                .iter()
                .map(|declaration| {
                    format!("{}:{} {}", declaration.path.display(), declaration.line, declaration.by_column)
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(declarations_of("order_a_idx", "a"), ["shop/models.py:8 false"]);
        assert_eq!(declarations_of("shop_order_email_1234", "email"), ["shop/models.py:2 true"]);
        assert_eq!(declarations_of("shop_order_buyer_id_1234", "buyer_id"), ["shop/models.py:5 true"]);
        assert_eq!(declarations_of("order_note_idx", "note"), ["db/schema.rb:1 false"]);
        assert_eq!(declarations_of("order_a", "note"), [""; 0]);
    }
}
