//! Findings of the checks, as reports, notifications and the store share them.

use crate::message::Message;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a finding sets the exit code by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Needs action before something fails.
    Alert,
    /// Useful, but not urgent; sets the exit code only with `--hygiene`.
    Hygiene,
}

impl Class {
    /// Returns the name in JSON and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Class::Alert => "alert",
            Class::Hygiene => "hygiene",
        }
    }
}

/// Level of a finding, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The check could not be evaluated.
    Unknown,
    /// The warning threshold is exceeded.
    Warning,
    /// The critical threshold is exceeded.
    Critical,
}

impl Level {
    /// Returns the name in JSON and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Level::Unknown => "unknown",
            Level::Warning => "warning",
            Level::Critical => "critical",
        }
    }

    /// Parses a name that [`Level::name`] returns; `None` for any other.
    pub fn from_name(name: &str) -> Option<Level> {
        [Level::Unknown, Level::Warning, Level::Critical].into_iter().find(|level| level.name() == name)
    }
}

/// The status of a whole run, in the words of monitoring plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// No finding sets the exit code: exit 0.
    Ok,
    /// The worst finding is a warning: exit 1.
    Warning,
    /// The worst finding is critical: exit 2.
    Critical,
    /// A check could not be evaluated, and no finding is a warning or critical: exit 3.
    Unknown,
}

impl Status {
    /// The exit code of a monitoring plugin.
    pub fn exit_code(self) -> u8 {
        self as u8
    }

    /// Returns the name that monitoring plugins use, such as `WARNING`.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "OK",
            Status::Warning => "WARNING",
            Status::Critical => "CRITICAL",
            Status::Unknown => "UNKNOWN",
        }
    }

    /// Order: CRITICAL, WARNING, UNKNOWN, OK. UNKNOWN never masks WARNING or CRITICAL.
    fn rank(self) -> u8 {
        match self {
            Status::Ok => 0,
            Status::Unknown => 1,
            Status::Warning => 2,
            Status::Critical => 3,
        }
    }

    /// Returns the worse of the two; `Critical` and `Warning` are worse than `Unknown`.
    #[must_use]
    pub fn or_worse(self, other: Status) -> Status {
        if other.rank() > self.rank() { other } else { self }
    }
}

impl From<Level> for Status {
    fn from(level: Level) -> Status {
        match level {
            Level::Unknown => Status::Unknown,
            Level::Warning => Status::Warning,
            Level::Critical => Status::Critical,
        }
    }
}

/// A measured value with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// A number of bytes.
    Bytes(u64),
    /// A duration in seconds.
    Seconds(u64),
    /// A count without a unit.
    Count(u64),
    /// A percentage.
    Percent(f64),
}

impl Measure {
    /// Returns the unit's name in JSON.
    pub fn unit(self) -> &'static str {
        match self {
            Measure::Bytes(_) => "bytes",
            Measure::Seconds(_) => "seconds",
            Measure::Count(_) => "count",
            Measure::Percent(_) => "percent",
        }
    }

    /// Returns the number without its unit.
    pub fn value(self) -> f64 {
        match self {
            Measure::Bytes(value) | Measure::Seconds(value) | Measure::Count(value) => value as f64,
            Measure::Percent(value) => value,
        }
    }
}

/// A value that a check measured, with its thresholds, with or without a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// What was measured: a slot, `shop/public.orders`, `pg_wal`.
    pub subject: String,
    /// The measured value.
    pub measured: Measure,
    /// The limit of a warning.
    pub warning: Measure,
    /// The limit of a critical finding; `None` where the check has none.
    pub critical: Option<Measure>,
}

/// One problem that a check found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The check's name: `stale-slot`.
    pub check: String,
    /// Whether the finding sets the exit code.
    pub class: Class,
    /// Its level.
    pub level: Level,
    /// Object of the finding: a slot, `shop/public.orders`, `pg_wal`.
    pub subject: String,
    /// Message of the finding.
    pub message: Message,
    /// The measured value; `None` where the finding has none.
    pub measured: Option<Measure>,
    /// The threshold that was exceeded.
    pub threshold: Option<Measure>,
    /// Remedy.
    pub advice: Message,
}

impl Finding {
    /// Returns the id of the finding, which is the same in every run.
    pub fn id(&self) -> String {
        format!("{}:{}", self.check, self.subject)
    }
}
