//! Platforms of the packages.

use std::env::consts;
use std::fmt;
use std::path::Path;

/// A platform that server binaries are packaged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platform {
    /// Linux with glibc on x86-64.
    LinuxX64,
    /// Linux with glibc on 64-bit ARM.
    LinuxArm64,
    /// macOS on Apple silicon.
    DarwinArm64,
    /// macOS on Intel.
    DarwinX64,
}

impl Platform {
    /// Returns the platform of this machine; `None` if there are no packages for it. They are linked against
    /// glibc, so a Linux without its loader has none, even if this program is linked statically.
    pub fn current() -> Option<Self> {
        let glibc = |loader: &str| Path::new(loader).exists();
        match (consts::OS, consts::ARCH) {
            ("linux", "x86_64") if glibc("/lib64/ld-linux-x86-64.so.2") => Some(Self::LinuxX64),
            ("linux", "aarch64") if glibc("/lib/ld-linux-aarch64.so.1") => Some(Self::LinuxArm64),
            ("macos", "aarch64") => Some(Self::DarwinArm64),
            ("macos", "x86_64") => Some(Self::DarwinX64),
            _ => None,
        }
    }

    /// Returns the name of the platform in package names.
    pub fn name(self) -> &'static str {
        match self {
            Self::LinuxX64 => "linux-x64",
            Self::LinuxArm64 => "linux-arm64",
            Self::DarwinArm64 => "darwin-arm64",
            Self::DarwinX64 => "darwin-x64",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
