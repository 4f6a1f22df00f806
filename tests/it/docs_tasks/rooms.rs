//! `docs/architecture.md` names every room, and who may import whom, as the house rules have it.

use super::root;
use crate::house::rules::{COMMANDS, ROOF, ROOMS};
use std::collections::{BTreeMap, BTreeSet};

/// The cells of the page's table of rooms.
fn table() -> Vec<[String; 3]> {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let lines = text.lines().skip_while(|line| !line.starts_with("| room |")).skip(2);
    let cells = lines.take_while(|line| line.starts_with("| ")).map(|line| {
        let cells: Vec<String> = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        <[String; 3]>::try_from(cells).unwrap_or_else(|cells| panic!("{cells:?}"))
    });
    cells.collect()
}

fn words(text: &str) -> BTreeSet<String> {
    text.split([' ', ',']).filter(|word| !word.is_empty() && *word != "nothing").map(str::to_owned).collect()
}

#[test]
fn the_architecture_names_every_room_and_what_it_imports() {
    let table = table();
    let is_room = |name: &str| name != COMMANDS && name != "the roof";
    let told: BTreeMap<String, BTreeSet<String>> = table
        .iter()
        .map(|[name, _, imports]| (name.trim_matches('`').to_owned(), words(imports)))
        .filter(|(name, _)| is_room(name))
        .collect();
    let held = ROOMS.iter().map(|(room, imports)| ((*room).to_owned(), words(&imports.join(" "))));
    assert_eq!(told, held.collect());

    let roof = table.iter().find(|[name, ..]| name == "the roof").expect("the roof");
    assert_eq!(words(roof[1].split('`').nth(1).unwrap()), words(&ROOF.join(" ")));
    assert!(table.iter().any(|[name, ..]| name.trim_matches('`') == COMMANDS));
}

#[test]
fn every_folder_and_file_of_the_crate_is_in_a_room_or_the_roof() {
    let entries = std::fs::read_dir(root().join("src")).unwrap();
    let stems: BTreeSet<String> =
        entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    let rooms = ROOMS.iter().map(|(room, _)| *room).chain(ROOF.iter().copied()).chain([COMMANDS]);
    assert_eq!(stems, rooms.map(str::to_owned).collect());
}
