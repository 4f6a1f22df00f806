//! One cluster of each major for all tests that do not change it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use pg_sandbox::Cluster;

use super::{cluster_options, installation, majors, private_cluster};

/// The shared cluster of a major, started on first use. Rust does not drop statics: the sandbox's watchdog stops the
/// server and removes its folder when the test binary ends.
pub fn shared_cluster(major: u32) -> &'static Cluster {
    type LazyCluster = LazyLock<Cluster, Box<dyn FnOnce() -> Cluster + Send>>;
    static CLUSTERS: LazyLock<BTreeMap<u32, LazyCluster>> = LazyLock::new(|| {
        let start = |major| -> Box<dyn FnOnce() -> Cluster + Send> {
            Box::new(move || private_cluster(installation(major), cluster_options().with_setting("autovacuum", "off")))
        };
        majors().keys().map(|&major| (major, LazyCluster::new(start(major)))).collect()
    });
    match CLUSTERS.get(&major) {
        Some(cluster) => cluster,
        None => panic!("Postgres {major} is not among PGTEND_TEST_MAJORS"),
    }
}
