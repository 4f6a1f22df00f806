//! Detection of the provider that operates the server.

use super::program::report_json;
use crate::clusters::{cluster_options, execute_sql, on_a_major_and_the_newest_alone};

#[tokio::test]
async fn provider_is_detected_by_its_role() {
    on_a_major_and_the_newest_alone(13, "detection of the provider", cluster_options(), async |_, cluster| {
        let conninfo = cluster.conninfo();
        assert_eq!(report_json(&["wal", "-d", &conninfo])["server"]["provider"], "unknown");
        execute_sql(&cluster, "postgres", "create role rds_superuser").await;
        assert_eq!(report_json(&["wal", "-d", &conninfo])["server"]["provider"], "rds");
    })
    .await;
}
