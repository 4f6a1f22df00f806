//! No space left: under a report's file, and under the store.

use std::path::Path;
use std::process::Command;

use crate::clusters::{on_every_major, say};
use crate::reports::program::refusal;

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
    on_every_major("a full disk", async |_, cluster| {
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
