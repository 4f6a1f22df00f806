//! No space left: under a report's file, under the store, and under migrations.

use std::path::Path;
use std::process::Command;

use crate::clusters::{database, on_a_major_and_the_newest, on_a_major_and_the_newest_shared, say, shared, sql};
use crate::inspect::looks::of_database;
use crate::migrations::program::{LIMITS, files};
use crate::reports::program::{answer, pgtend, refusal};

/// A file system of a few pages; none where this account may not mount.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "pgtend"]).arg(folder.path()).output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    fn fill(&self) {
        let written = (0..).find(|number| std::fs::write(self.0.path().join(format!("{number}")), [0; 4096]).is_err());
        assert!(written.is_some_and(|number| number > 0), "it could not be filled");
    }

    /// Room for so many files of a page.
    fn fill_but(&self, pages: usize) {
        self.fill();
        for number in 0..pages {
            std::fs::remove_file(self.0.path().join(format!("{number}"))).expect("it is there");
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // What stays mounted makes the folder's removal fail, which is silent, too.
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_nothing_half_written_stays() {
    on_a_major_and_the_newest_shared(13, "a full disk", async |_, cluster| {
        let said = refusal(1, &["overview", "-d", &cluster.conninfo(), "--output", "/dev/full"]);
        assert!(said.contains("/dev/full") && said.contains("No space left"), "{said}");
        let Some(small) = Small::mount() else { return say("a full disk: NOT RUN under a file: no right to mount") };
        small.fill();
        let file = small.path().join("report.json");
        let named = file.to_str().expect("UTF-8");
        let said = refusal(1, &["snapshot", "-d", &cluster.conninfo(), "--output", named]);
        assert!(said.contains("report.json") && said.contains("No space left"), "{said}");
        assert!(!file.exists(), "half a snapshot");
        let store = small.path().join("history.db");
        let said =
            refusal(1, &["history", "record", "-d", &cluster.conninfo(), "--history", store.to_str().expect("UTF-8")]);
        assert!(said.contains("history.db") && said.contains("full"), "{said}");
    })
    .await;
}

/// Two of the same, and one that is invalid.
const CONTENT: [&str; 2] = [
    "create table kept (id int primary key, word text); create index one on kept (word); create index two on kept (word); \
     create index three on kept (word); create index broken on kept (word, id)",
    "update pg_index set indisvalid = false where indexrelid = 'broken'::regclass",
];

/// Whatever room there is: a file more each time, until all have it.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_holds_every_file_of_a_migration_or_none() {
    on_a_major_and_the_newest(13, "a full disk under migrations", async |major, _| {
        let name = database(shared(major)).await;
        for batch in CONTENT {
            sql(shared(major), &name, batch).await;
        }
        let conninfo = of_database(shared(major), &name);
        for (how, least) in [(["--framework", "diesel"], 4), (["--maintenance", "broken"], 1)] {
            let mut failed = 0;
            loop {
                let Some(small) = Small::mount() else {
                    return say("a full disk under migrations: NOT RUN: no right to mount");
                };
                small.fill_but(failed);
                let before = files(small.path());
                let folder = small.path().join("db/m");
                let fixed = ["indexes", "migrate", "-d", &conninfo, "--history", "none", "--yes", "--output"];
                let place = [folder.to_str().expect("UTF-8")];
                let done = answer(&mut pgtend(&[&fixed[..], &place, &how, &LIMITS].concat()));
                let case = format!("{how:?} on {major} with room for {failed}: {done:?}");
                if done.exit == 0 {
                    let written = files(&folder).into_iter().filter(|path| path.is_file()).count();
                    assert!(written >= least && failed >= written, "{case}: {written} files");
                    break;
                }
                assert_eq!(done.exit, 1, "{case}");
                assert!(done.stderr.contains("No space left") && done.stderr.contains("nothing was written"), "{case}");
                assert_eq!(before, files(small.path()), "{case}");
                failed += 1;
                assert!(failed <= 16, "{case}: room for everything");
            }
        }
    })
    .await;
}
