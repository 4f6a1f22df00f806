//! One cluster of each major for all tests that leave it as it is.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use pgtend::sandbox::Cluster;

use super::{installation, majors, options, private};

/// The shared cluster of a major, started when first asked for. Rust drops no statics: it is the
/// sandbox's keeper that ends the server and removes its folder when the test binary ends.
pub fn shared(major: u32) -> &'static Cluster {
    type Slot = LazyLock<Cluster, Box<dyn FnOnce() -> Cluster + Send>>;
    static CLUSTERS: LazyLock<BTreeMap<u32, Slot>> = LazyLock::new(|| {
        let start = |major| -> Box<dyn FnOnce() -> Cluster + Send> {
            Box::new(move || private(installation(major), options().set("autovacuum", "off")))
        };
        majors().keys().map(|&major| (major, Slot::new(start(major)))).collect()
    });
    match CLUSTERS.get(&major) {
        Some(cluster) => cluster,
        None => panic!("Postgres {major} is not among PGTEND_TEST_MAJORS"),
    }
}
