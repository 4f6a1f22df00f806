//! `docs/architecture.md` names every layer and its imports as in `layering::imports`.

use super::repository_root;
use crate::layering::imports::{Imports, LAYERS, ROOT_FILES};
use std::collections::BTreeSet;

/// Returns the cells of the page's table of layers.
fn layer_table() -> Vec<[String; 3]> {
    let text = std::fs::read_to_string(repository_root().join("docs/architecture.md")).unwrap();
    let lines = text.lines().skip_while(|line| !line.starts_with("| layer |")).skip(2);
    let cells = lines.take_while(|line| line.starts_with("| ")).map(|line| {
        let cells: Vec<String> = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        <[String; 3]>::try_from(cells).unwrap_or_else(|cells| panic!("{cells:?}"))
    });
    cells.collect()
}

#[test]
fn architecture_names_layers_and_imports() {
    let documented: Vec<(String, String)> =
        layer_table().into_iter().map(|[name, _, imports]| (name.trim_matches('`').to_owned(), imports)).collect();
    let enforced = LAYERS.iter().map(|(layer, imports)| {
        let imports = match imports {
            Imports::Only([]) => "none".to_owned(),
            Imports::Only(imports) => imports.join(", "),
            Imports::AllBelow => "all below".to_owned(),
        };
        ((*layer).to_owned(), imports)
    });
    assert_eq!(documented, enforced.collect::<Vec<_>>());
}

#[test]
fn architecture_covers_every_source_module() {
    let entries = std::fs::read_dir(repository_root().join("src")).unwrap();
    let stems: BTreeSet<String> =
        entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    let layers = LAYERS.iter().map(|(layer, _)| *layer).chain(ROOT_FILES.iter().copied());
    assert_eq!(stems, layers.map(str::to_owned).collect());
}
