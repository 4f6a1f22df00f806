//! The machine, as the packages name it.

use std::fmt;

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
    /// The platform this program was built for, where packages exist for it. They are linked against
    /// glibc, so a musl build gets none.
    pub fn here() -> Option<Self> {
        if cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
            Some(Self::LinuxX64)
        } else if cfg!(all(target_os = "linux", target_arch = "aarch64", target_env = "gnu")) {
            Some(Self::LinuxArm64)
        } else if cfg!(all(target_os = "macos", target_arch = "aarch64")) {
            Some(Self::DarwinArm64)
        } else if cfg!(all(target_os = "macos", target_arch = "x86_64")) {
            Some(Self::DarwinX64)
        } else {
            None
        }
    }

    /// The name in the packages' names.
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
