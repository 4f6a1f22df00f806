//! Who runs the server, told by its marks.

use super::program::json;
use crate::clusters::{on_a_major_and_the_newest_alone, options, sql};

#[tokio::test]
async fn a_role_of_the_service_gives_the_provider_away() {
    on_a_major_and_the_newest_alone(13, "the provider is recognised", options(), async |_, cluster| {
        let conninfo = cluster.conninfo();
        assert_eq!(json(&["wal", "-d", &conninfo])["server"]["provider"], "unknown");
        sql(&cluster, "postgres", "create role rds_superuser").await;
        assert_eq!(json(&["wal", "-d", &conninfo])["server"]["provider"], "rds");
    })
    .await;
}
