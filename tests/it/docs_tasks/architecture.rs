//! `docs/architecture.md` names every room, and who may import whom, as the house rules have it.

use super::repository_root;
use crate::layering::imports::{COMMANDS_MODULE, LAYERS, TOP_LEVEL_MODULES};
use std::collections::{BTreeMap, BTreeSet};

/// The cells of the page's table of rooms.
fn layer_table() -> Vec<[String; 3]> {
    let text = std::fs::read_to_string(repository_root().join("docs/architecture.md")).unwrap();
    let lines = text.lines().skip_while(|line| !line.starts_with("| room |")).skip(2);
    let cells = lines.take_while(|line| line.starts_with("| ")).map(|line| {
        let cells: Vec<String> = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        <[String; 3]>::try_from(cells).unwrap_or_else(|cells| panic!("{cells:?}"))
    });
    cells.collect()
}

fn split_words(text: &str) -> BTreeSet<String> {
    text.split([' ', ',']).filter(|word| !word.is_empty() && *word != "nothing").map(str::to_owned).collect()
}

#[test]
fn architecture_names_layers_and_imports() {
    let table = layer_table();
    let is_room = |name: &str| name != COMMANDS_MODULE && name != "the roof";
    let documented: BTreeMap<String, BTreeSet<String>> = table
        .iter()
        .map(|[name, _, imports]| (name.trim_matches('`').to_owned(), split_words(imports)))
        .filter(|(name, _)| is_room(name))
        .collect();
    let held = LAYERS.iter().map(|(room, imports)| ((*room).to_owned(), split_words(&imports.join(" "))));
    assert_eq!(documented, held.collect());

    let top_row = table.iter().find(|[name, ..]| name == "the roof").expect("the roof");
    assert_eq!(split_words(top_row[1].split('`').nth(1).unwrap()), split_words(&TOP_LEVEL_MODULES.join(" ")));
    assert!(table.iter().any(|[name, ..]| name.trim_matches('`') == COMMANDS_MODULE));
}

#[test]
fn architecture_covers_every_source_module() {
    let entries = std::fs::read_dir(repository_root().join("src")).unwrap();
    let stems: BTreeSet<String> =
        entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    let layers = LAYERS.iter().map(|(room, _)| *room).chain(TOP_LEVEL_MODULES.iter().copied()).chain([COMMANDS_MODULE]);
    assert_eq!(stems, layers.map(str::to_owned).collect());
}
