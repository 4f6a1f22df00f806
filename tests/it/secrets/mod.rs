//! Passwords are sent only to the server that they are meant for.

mod clash;
mod redaction;
mod tokens;
mod working_directory;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// A home directory and a working directory.
struct HomeFolders {
    folder: tempfile::TempDir,
}

impl HomeFolders {
    fn new() -> HomeFolders {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["home/.config/pgtend", "work"] {
            fs::create_dir_all(folder.path().join(name)).expect("a folder");
        }
        HomeFolders { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file that only its owner may read; it is executable if its name has no dot.
    fn write_private_file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("the file is written");
        let mode = if Path::new(name).extension().is_none() && text.starts_with("#!") { 0o700 } else { 0o600 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permissions");
        path
    }

    /// The user's own configuration.
    fn write_user_config(&self, text: &str) -> PathBuf {
        self.write_private_file("home/.config/pgtend/config.toml", text)
    }

    /// The program in the working directory, with PATH as the only environment variable.
    fn pgtend_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
        command.env_clear().env("HOME", self.path("home")).env("PATH", "/usr/bin:/bin").current_dir(self.path("work"));
        command.args(arguments);
        command
    }
}
