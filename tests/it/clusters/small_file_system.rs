//! A file system that can be filled.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// A tmpfs of a given size in a temporary folder. It is unmounted when dropped.
pub struct SmallFileSystem(tempfile::TempDir);

impl SmallFileSystem {
    /// Mounts a file system of `size`, such as `64k`. `None` if this account may not mount.
    pub fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let options = format!("size={size},mode=755");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "pgtend"]).arg(folder.path()).output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    /// Writes files of one page each until none fits.
    pub fn fill(&self) {
        let written = (0..).find(|number| std::fs::write(self.0.path().join(format!("{number}")), [0; 4096]).is_err());
        assert!(written.is_some_and(|number| number > 0), "no file was written");
    }

    /// Fills it and leaves space for `pages` files of one page.
    pub fn fill_except(&self, pages: usize) {
        self.fill();
        for number in 0..pages {
            std::fs::remove_file(self.0.path().join(format!("{number}"))).expect("the file exists");
        }
    }

    /// Fills it with one file.
    pub fn fill_at_once(&self) {
        let mut file = File::create(self.0.path().join("filler")).expect("a file");
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallFileSystem {
    fn drop(&mut self) {
        // A failure shows again, silently, when the folder is removed.
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}
