//! The server of the benchmarks.

use std::env;
use std::path::Path;

use pg_sandbox::{Installation, InstallationSearch, PackageCache};

/// Whether the program runs as a benchmark: `cargo test --all-targets` starts it as well, to check that it works.
pub fn is_benchmark_run(name: &str) -> bool {
    let wanted = env::args().any(|argument| argument == "--bench");
    if !wanted {
        println!("{name}: not run; it is run by `cargo bench --bench {name}`");
    }
    wanted
}

/// Returns the newest installation, or that of `PGTEND_BENCH_MAJOR`, of this machine or of the tests' packages.
pub fn installation() -> Installation {
    let major: Option<u32> = env::var("PGTEND_BENCH_MAJOR").ok().map(|text| text.parse().expect("a major version"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("pg");
    let cache = PackageCache::new(folder, false).expect("a folder that the server's user can enter");
    let search =
        InstallationSearch { explicit: None, path: env::var_os("PATH"), caches: vec![cache.folder().to_path_buf()] };
    let found = search.find_installations().expect("a search without an explicit folder").installations;
    match found.into_iter().find(|installation| major.is_none_or(|major| installation.major == major)) {
        Some(installation) => installation,
        None => {
            let plan = major.map_or_else(|| cache.plan_newest(), |major| cache.plan_major(major));
            plan.and_then(|plan| plan.fetch()).expect("a package of server binaries")
        }
    }
}
