//! Import cycles between the modules of one folder.
//!
//! The modules of a folder are its files and its subfolders, each subfolder as a whole. A name that a `mod.rs`
//! re-exports counts as an import of the file that defines it. A folder's own `mod.rs` is not a module of the folder:
//! parents and children may import each other.

use super::paths::{PathUse, module_path, used_paths};
use std::collections::{BTreeMap, BTreeSet};

/// The modules of each folder with the sibling modules that they import.
type FolderImports = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// A module and the paths that its source uses.
struct Module {
    name: Vec<String>,
    is_folder: bool,
    paths: Vec<PathUse>,
}

/// Returns the cycles as `folder: modules`, sorted.
fn import_cycles(sources: &[(String, String)]) -> Vec<String> {
    let mut cycles = Vec::new();
    for (folder, imports) in folder_imports(sources) {
        let mut rest: BTreeSet<&String> = imports.keys().collect();
        while let Some(module) = rest.pop_first() {
            let cycle: BTreeSet<&String> = reachable(&imports, module)
                .into_iter()
                .filter(|other| reachable(&imports, other).contains(module))
                .collect();
            if !cycle.is_empty() {
                rest.retain(|other| !cycle.contains(other));
                let names: Vec<&str> = cycle.into_iter().map(String::as_str).collect();
                cycles.push(format!("{folder}: {}", names.join(" ")));
            }
        }
    }
    cycles
}

fn reachable<'a>(imports: &'a BTreeMap<String, BTreeSet<String>>, module: &str) -> BTreeSet<&'a String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&String> = imports.get(module).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if found.insert(next) {
            open.extend(imports.get(next).into_iter().flatten());
        }
    }
    found
}

fn folder_imports(sources: &[(String, String)]) -> FolderImports {
    let modules: Vec<Module> = sources.iter().filter(|(path, _)| !is_test_file(path)).map(read_module).collect();
    let names: BTreeSet<&[String]> = modules.iter().map(|module| module.name.as_slice()).collect();
    let exports = exported_names(&modules, &names);
    let mut folders = FolderImports::new();
    for module in &modules {
        for path_use in &module.paths {
            let Some(target) = defining_module(&path_use.segments, &names, &exports) else { continue };
            let shared = module.name.iter().zip(&target).take_while(|(part, other)| part == other).count();
            // Between layers, or between a parent and a child.
            if shared == 0 || shared == module.name.len() || shared == target.len() {
                continue;
            }
            let folder = folders.entry(target[..shared].join("/")).or_default();
            folder.entry(module.name[shared].clone()).or_default().insert(target[shared].clone());
        }
    }
    folders
}

fn is_test_file(path: &str) -> bool {
    ["/tests.rs", "/testing.rs", "/tests/"].iter().any(|part| path.contains(part))
}

fn read_module((path, source): &(String, String)) -> Module {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or(source);
    Module { name: module_path(path), is_folder: path.ends_with("/mod.rs"), paths: used_paths(path, code) }
}

/// Returns the definition of each name that a folder's `mod.rs` re-exports: the path after `crate`.
fn exported_names(modules: &[Module], names: &BTreeSet<&[String]>) -> BTreeMap<Vec<String>, Vec<String>> {
    let mut exports = BTreeMap::new();
    for module in modules.iter().filter(|module| module.is_folder) {
        for path_use in module.paths.iter().filter(|path_use| path_use.segments.len() > 1) {
            let path = &path_use.segments;
            let child = [module.name.as_slice(), &path[..1]].concat();
            let target = match path[0].as_str() {
                "crate" => path[1..].to_vec(),
                _ if names.contains(child.as_slice()) => [module.name.as_slice(), path].concat(),
                _ => continue,
            };
            let name = path_use.alias.as_ref().or(path.last()).expect("a name").clone();
            let exported = [module.name.as_slice(), &[name]].concat();
            if exported != target {
                exports.insert(exported, target);
            }
        }
    }
    exports
}

/// Returns the module that defines the item of a path, or `None` if the path leaves the crate.
fn defining_module(
    path: &[String],
    names: &BTreeSet<&[String]>,
    exports: &BTreeMap<Vec<String>, Vec<String>>,
) -> Option<Vec<String>> {
    let mut rest = match path.split_first()? {
        (first, rest) if first == "crate" => rest.to_vec(),
        _ => return None,
    };
    let mut module = Vec::new();
    // A name is re-exported at most once per level; the limit ends re-exports that refer to each other.
    for _ in 0..32 {
        let Some(next) = rest.first().cloned() else { break };
        module.push(next);
        if names.contains(module.as_slice()) {
            rest.remove(0);
        } else if let Some(target) = exports.get(&module) {
            rest.splice(..1, target.iter().cloned());
            module.clear();
        } else {
            module.pop();
            break;
        }
    }
    (!module.is_empty()).then_some(module)
}

#[test]
fn folders_have_no_cycles() {
    super::assert_none(&import_cycles(&super::source_files("src", ".rs")));
}

#[test]
fn cycles_are_found() {
    let sources = |files: &[(&str, &str)]| -> Vec<(String, String)> {
        let root = [("src/a/mod.rs", "")].into_iter().filter(|root| files.iter().all(|file| file.0 != root.0));
        root.chain(files.iter().copied()).map(|(path, source)| (path.to_owned(), source.to_owned())).collect()
    };
    for (files, cycles) in [
        (vec![("src/a/b.rs", "use super::c::X;"), ("src/a/c.rs", "use super::b::Y;")], vec!["a: b c"]),
        (vec![("src/a/b.rs", "use super::c::X;"), ("src/a/c.rs", "mod tests {}")], vec![]),
        // Through a name that the folder re-exports.
        (
            vec![
                ("src/a/mod.rs", "mod b; mod c; pub use b::Y; pub use c::X as Z;"),
                ("src/a/b.rs", "use crate::a::Z;"),
                ("src/a/c.rs", "use super::Y;"),
            ],
            vec!["a: b c"],
        ),
        // A subfolder is one module; a parent and its child are not a cycle.
        (
            vec![
                ("src/a/b/mod.rs", "mod d; use d::D; pub struct B;"),
                ("src/a/b/d.rs", "use super::B; use crate::a::c::C;"),
                ("src/a/c.rs", "use super::b::B;"),
            ],
            vec!["a: b c"],
        ),
        (
            vec![
                ("src/a/b.rs", "crate::a::c::f()"),
                ("src/a/c.rs", "crate::a::d::f()"),
                ("src/a/d.rs", "crate::a::b::f()"),
            ],
            vec!["a: b c d"],
        ),
        (
            vec![("src/a/b.rs", "#[cfg(test)]\nmod tests { use crate::a::c::X; }"), ("src/a/c.rs", "use super::b::X;")],
            vec![],
        ),
    ] {
        assert_eq!(import_cycles(&sources(&files)), cycles, "{files:?}");
    }
}
