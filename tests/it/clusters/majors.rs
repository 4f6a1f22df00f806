//! The installations of the selected majors, found or fetched once per run.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use pg_sandbox::installation::MAJORS;
use pg_sandbox::{Installation, InstallationSearch, PackageCache};

use super::print_stderr;

/// The major that npm has no package of. Not every machine can get it.
const ONLY_IN_DEBIAN: u32 = 19;

/// The installation of each selected major, or why there is none. Local installations come before packages.
pub fn majors() -> &'static BTreeMap<u32, Result<Installation, String>> {
    static INSTALLATIONS: LazyLock<BTreeMap<u32, Result<Installation, String>>> = LazyLock::new(find_installations);
    &INSTALLATIONS
}

/// The newest selected major that has an installation.
pub fn newest_installation() -> &'static Installation {
    majors().values().rev().find_map(|found| found.as_ref().ok()).expect("an installation of Postgres")
}

/// The installation of a required major.
pub fn installation(major: u32) -> &'static Installation {
    match majors().get(&major) {
        Some(Ok(installation)) => installation,
        Some(Err(why)) => panic!("no Postgres {major}: {why}"),
        None => panic!("Postgres {major} is not among PGTEND_TEST_MAJORS"),
    }
}

/// Whether a missing major is a failure.
pub fn majors_required() -> bool {
    env::var_os("PGTEND_TEST_MAJORS").is_some()
}

/// The folder for files that the tests share between runs.
pub fn target_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("pg")
}

/// The tests' cache of packages.
pub fn package_cache() -> PackageCache {
    PackageCache::new(target_folder(), false).expect("a folder that the server's user can enter")
}

fn find_installations() -> BTreeMap<u32, Result<Installation, String>> {
    let cache = package_cache();
    let search =
        InstallationSearch { explicit: None, path: env::var_os("PATH"), caches: vec![cache.folder().to_path_buf()] };
    let mut local = search.find_installations().expect("a search without an explicit folder").installations;
    // Local installations come before packages, so that patched builds such as Debian's are tested, too.
    local.sort_by_key(|installation| installation.bin.starts_with(cache.folder()));
    let find = |major| match local.iter().find(|installation| installation.major == major) {
        Some(installation) => Ok(installation.clone()),
        None => fetch_installation(&cache, major),
    };
    let Some(majors) = selected_majors() else {
        return oldest_and_newest(find);
    };
    let mut found: BTreeMap<_, _> = majors.into_iter().map(|major| (major, find(major))).collect();
    if are_all_selected()
        && let Some(Err(why)) = found.get(&ONLY_IN_DEBIAN)
    {
        print_stderr(&format!("PostgreSQL {ONLY_IN_DEBIAN}: NOT RUN: this machine cannot get it: {why}"));
        found.remove(&ONLY_IN_DEBIAN);
    }
    found
}

/// The oldest and the newest supported major. If one can neither be found nor fetched, the next one is tried.
fn oldest_and_newest(
    find: impl Fn(u32) -> Result<Installation, String>,
) -> BTreeMap<u32, Result<Installation, String>> {
    let mut found = BTreeMap::new();
    for majors in [MAJORS.collect::<Vec<_>>(), MAJORS.rev().collect()] {
        for major in majors {
            if found.entry(major).or_insert_with(|| find(major)).is_ok() {
                break;
            }
        }
    }
    found
}

/// Fetches the npm package of a major, or Debian's package if npm has none.
fn fetch_installation(cache: &PackageCache, major: u32) -> Result<Installation, String> {
    if major == ONLY_IN_DEBIAN {
        return fetch_from_debian(cache, major);
    }
    let plan = cache.plan_major(major).map_err(|error| error.to_string())?;
    print_stderr(&format!("fetching {} into {}", plan.package, plan.target.display()));
    plan.fetch().map_err(|error| error.to_string())
}

fn fetch_from_debian(cache: &PackageCache, major: u32) -> Result<Installation, String> {
    let target = cache.folder().join(format!("postgres-{major}-debian-linux-x64"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/debian-experimental.sh");
    print_stderr(&format!("fetching PostgreSQL {major} of Debian experimental into {}", target.display()));
    let output = Command::new(&script)
        .arg(major.to_string())
        .arg(&target)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", script.display()))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Installation::from_bin_dir(&target.join("bin")).map_err(|error| error.to_string())
}

fn are_all_selected() -> bool {
    env::var("PGTEND_TEST_MAJORS").is_ok_and(|list| list == "all")
}

/// The majors of `PGTEND_TEST_MAJORS`; none if it is not set.
fn selected_majors() -> Option<Vec<u32>> {
    let list = env::var("PGTEND_TEST_MAJORS").ok()?;
    if are_all_selected() {
        return Some(MAJORS.collect());
    }
    let parse = |major: &str| major.trim().parse().ok().filter(|major| MAJORS.contains(major));
    let majors: Option<Vec<u32>> = list.split(',').map(parse).collect();
    Some(majors.unwrap_or_else(|| panic!("PGTEND_TEST_MAJORS={list} is neither \"all\" nor a list of majors")))
}
