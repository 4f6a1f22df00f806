//! npm packages cannot hold symbolic links; these list theirs in a file.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Component, Path};

use super::super::error::Doing;
use super::super::{Error, Result};

const LIST: &str = "native/pg-symlinks.json";

/// Creates the links that the unpacked package lists, each relative to its own folder.
pub(super) fn create(package: &Path) -> Result<()> {
    let list = package.join(LIST);
    let text = fs::read_to_string(&list).doing(|| format!("read {}", list.display()))?;
    let listed: Vec<serde_json::Value> = serde_json::from_str(&text).map_err(|e| strange(package, &e.to_string()))?;
    for link in listed {
        let path = |key: &str| link[key].as_str().map(Path::new).filter(|path| stays_inside(path));
        let (Some(source), Some(target)) = (path("source"), path("target")) else {
            return Err(strange(package, &link.to_string()));
        };
        // All of them link to a sibling; anything else would be a package we do not know.
        let sibling = source.file_name().filter(|_| source.parent() == target.parent());
        let sibling = sibling.ok_or_else(|| strange(package, &link.to_string()))?;
        let place = package.join(target);
        match symlink(sibling, &place) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).doing(|| format!("link {}", place.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn stays_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

fn strange(package: &Path, what: &str) -> Error {
    Error::Fetch { package: package.display().to_string(), output: format!("{LIST} is not as expected: {what}") }
}

#[cfg(test)]
mod tests {
    use super::stays_inside;
    use std::path::Path;

    #[test]
    fn a_link_cannot_leave_the_package() {
        assert!(stays_inside(Path::new("native/lib/libpq.so.5")));
        assert!(!stays_inside(Path::new("../lib/libpq.so.5")));
        assert!(!stays_inside(Path::new("/etc/passwd")));
    }
}
