//! No space left on the file system of a report's file, of the store, and of migrations.

use crate::clusters::{
    SmallFileSystem, create_database, execute_sql, on_a_major_and_the_newest_shared, on_the_newest, print_stderr,
    shared_cluster,
};
use crate::collect::program_runs::database_conninfo;
use crate::migrations::program::{LIMIT_OPTIONS, files_below};
use crate::reports::program::{expect_failure, pgtend_command, run_command};

#[tokio::test(flavor = "multi_thread")]
async fn disk_full_is_reported_without_partial_files() {
    on_a_major_and_the_newest_shared(13, "full disk", async |_, cluster| {
        let message = expect_failure(1, &["overview", "-d", &cluster.conninfo(), "--output", "/dev/full"]);
        assert!(message.contains("/dev/full") && message.contains("No space left"), "{message}");
        let Some(small) = SmallFileSystem::mount("64k") else {
            return print_stderr("full disk: NOT RUN for a file: no privilege to mount");
        };
        small.fill();
        let file = small.path().join("report.json");
        let named = file.to_str().expect("UTF-8");
        let message = expect_failure(1, &["snapshot", "-d", &cluster.conninfo(), "--output", named]);
        assert!(message.contains("report.json") && message.contains("No space left"), "{message}");
        assert!(!file.exists(), "half a snapshot");
        let store = small.path().join("history.db");
        let message = expect_failure(
            1,
            &["history", "record", "-d", &cluster.conninfo(), "--history", store.to_str().expect("UTF-8")],
        );
        assert!(message.contains("history.db") && message.contains("full"), "{message}");
    })
    .await;
}

/// Two duplicate indexes and an invalid one.
const INDEXES: [&str; 2] = [
    "create table kept (id int primary key, word text); create index one on kept (word); create index two on kept (word); \
     create index three on kept (word); create index broken on kept (word, id)",
    "update pg_index set indisvalid = false where indexrelid = 'broken'::regclass",
];

/// Increases the space by one file at a time until all files fit.
#[tokio::test(flavor = "multi_thread")]
async fn disk_full_writes_all_migrations_or_none() {
    on_the_newest("full disk for migrations", async |major, _| {
        let name = create_database(shared_cluster(major)).await;
        for batch in INDEXES {
            execute_sql(shared_cluster(major), &name, batch).await;
        }
        let conninfo = database_conninfo(shared_cluster(major), &name);
        for (how, least) in [(["--framework", "diesel"], 4), (["--maintenance", "broken"], 1)] {
            let mut failed = 0;
            loop {
                let Some(small) = SmallFileSystem::mount("64k") else {
                    return print_stderr("full disk for migrations: NOT RUN: no privilege to mount");
                };
                small.fill_except(failed);
                let before = files_below(small.path());
                let folder = small.path().join("db/m");
                let fixed = ["indexes", "migrate", "-d", &conninfo, "--history", "none", "--yes", "--output"];
                let arguments = [folder.to_str().expect("UTF-8")];
                let done = run_command(&mut pgtend_command(&[&fixed[..], &arguments, &how, &LIMIT_OPTIONS].concat()));
                let case = format!("{how:?} on {major} with space for {failed}: {done:?}");
                if done.exit == 0 {
                    let written = files_below(&folder).into_iter().filter(|path| path.is_file()).count();
                    assert!(written >= least && failed >= written, "{case}: {written} files");
                    break;
                }
                assert_eq!(done.exit, 1, "{case}");
                assert!(done.stderr.contains("No space left") && done.stderr.contains("nothing was written"), "{case}");
                assert_eq!(before, files_below(small.path()), "{case}");
                failed += 1;
                assert!(failed <= 16, "{case}: space for all files");
            }
        }
    })
    .await;
}
