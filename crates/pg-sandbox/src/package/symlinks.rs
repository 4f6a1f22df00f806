//! npm packages cannot hold symbolic links; these list theirs in a file.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Component, Path};

use super::super::error::IoContext;
use super::super::{Error, Result};

const LIST: &str = "native/pg-symlinks.json";

/// Creates the links that the unpacked package lists, each relative to its own folder.
pub(super) fn create_symlinks(package: &Path) -> Result<()> {
    let list = package.join(LIST);
    let text = fs::read_to_string(&list).while_doing(|| format!("read {}", list.display()))?;
    let listed: Vec<serde_json::Value> =
        serde_json::from_str(&text).map_err(|e| unexpected_package(package, &e.to_string()))?;
    for link in listed {
        let path = |key: &str| link[key].as_str().map(Path::new).filter(|path| stays_inside(path));
        let (Some(source), Some(target)) = (path("source"), path("target")) else {
            return Err(unexpected_package(package, &link.to_string()));
        };
        // All of them link to a sibling; anything else would be a package we do not know.
        let sibling = source.file_name().filter(|_| source.parent() == target.parent());
        let sibling = sibling.ok_or_else(|| unexpected_package(package, &link.to_string()))?;
        let link_path = package.join(target);
        match symlink(sibling, &link_path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).while_doing(|| format!("link {}", link_path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn stays_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

fn unexpected_package(package: &Path, what: &str) -> Error {
    Error::Fetch { package: package.display().to_string(), output: format!("{LIST} is not as expected: {what}") }
}

#[cfg(test)]
mod tests {
    use super::stays_inside;
    use std::path::Path;

    #[test]
    fn symlinks_stay_inside_package() {
        assert!(stays_inside(Path::new("native/lib/libpq.so.5")));
        assert!(!stays_inside(Path::new("../lib/libpq.so.5")));
        assert!(!stays_inside(Path::new("/etc/passwd")));
    }
}
