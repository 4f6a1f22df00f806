//! Which majors there are, found or fetched once per run.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use pgtend::sandbox::installation::MAJORS;
use pgtend::sandbox::{Installation, PackageCache, Search};

use super::say;

/// Each wanted major's installation, or why there is none. Local installations before packages.
pub fn majors() -> &'static BTreeMap<u32, Result<Installation, String>> {
    static MAP: LazyLock<BTreeMap<u32, Result<Installation, String>>> = LazyLock::new(find_all);
    &MAP
}

/// The installation of a major that the test cannot do without.
pub fn installation(major: u32) -> &'static Installation {
    match majors().get(&major) {
        Some(Ok(installation)) => installation,
        Some(Err(why)) => panic!("no Postgres {major}: {why}"),
        None => panic!("Postgres {major} is not among PGTEND_TEST_MAJORS"),
    }
}

/// Whether a missing major is a failure.
pub fn demanded() -> bool {
    env::var_os("PGTEND_TEST_MAJORS").is_some()
}

/// The folder for what the tests keep from run to run.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("pg")
}

/// The tests' cache of packages.
pub fn cache() -> PackageCache {
    PackageCache::new(target(), false).expect("a folder that the server's user can enter")
}

fn find_all() -> BTreeMap<u32, Result<Installation, String>> {
    let cache = cache();
    let search = Search { explicit: None, path: env::var_os("PATH"), caches: vec![cache.folder().to_path_buf()] };
    let mut local = search.run().expect("a search without an explicit folder").installations;
    // Local ones before packages, so that what Debian and others patch is tested, too.
    local.sort_by_key(|it| it.bin.starts_with(cache.folder()));
    let find = |major| match local.iter().find(|it| it.major == major) {
        Some(installation) => Ok(installation.clone()),
        None => fetch(&cache, major),
    };
    wanted().into_iter().map(|major| (major, find(major))).collect()
}

fn fetch(cache: &PackageCache, major: u32) -> Result<Installation, String> {
    let plan = cache.plan_major(major).map_err(|error| error.to_string())?;
    say(&format!("fetching {} into {}", plan.package, plan.target.display()));
    plan.fetch().map_err(|error| error.to_string())
}

fn wanted() -> Vec<u32> {
    match env::var("PGTEND_TEST_MAJORS") {
        Ok(list) => list
            .split(',')
            .map(|major| {
                major.trim().parse().unwrap_or_else(|_| panic!("PGTEND_TEST_MAJORS={list} is not a list of majors"))
            })
            .collect(),
        Err(_) => MAJORS.collect(),
    }
}
