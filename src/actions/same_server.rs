//! Compares the connected server with the planned one.

use crate::facts::ServerIdentity;
use std::fmt;

/// A property that distinguishes servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Property {
    /// System identifier of the cluster.
    SystemIdentifier,
    /// Whether the server is in recovery.
    Recovery,
    /// Start time of the server.
    StartTime,
    /// Timeline ID.
    Timeline,
    /// Data directory.
    DataDirectory,
    /// Address and port of the server.
    Address,
    /// Version number.
    Version,
    /// Role of the session.
    Role,
}

/// A property with another value than planned. `None` is a value that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The property.
    pub property: Property,
    /// Planned value.
    pub planned: Option<String>,
    /// Present value.
    pub actual: Option<String>,
}

/// Returns every property in which the connected server differs from the planned one; empty for the same server.
///
/// A value that could be read only once is a difference. One that could be read neither time is not.
pub fn differences(planned: &ServerIdentity, actual: &ServerIdentity) -> Vec<Difference> {
    let read = |property, value: &dyn Fn(&ServerIdentity) -> Option<String>| {
        let (planned, actual) = (value(planned), value(actual));
        (planned != actual).then_some(Difference { property, planned, actual })
    };
    let found = [
        read(Property::SystemIdentifier, &|server| server.system_identifier.clone()),
        read(Property::Recovery, &|server| Some(recovery_state(server.in_recovery).to_owned())),
        read(Property::StartTime, &|server| Some(server.started_at.to_string())),
        read(Property::Timeline, &|server| server.timeline_id.map(|timeline| timeline.to_string())),
        read(Property::DataDirectory, &|server| server.data_directory.clone()),
        read(Property::Address, &server_address),
        read(Property::Version, &|server| Some(server.version_num.to_string())),
        read(Property::Role, &|server| Some(server.role.clone())),
    ];
    found.into_iter().flatten().collect()
}

/// Returns the differences as one text, or `None` for the same server.
pub fn describe_differences(planned: &ServerIdentity, actual: &ServerIdentity) -> Option<String> {
    let differences = differences(planned, actual);
    let texts: Vec<String> = differences.iter().map(Difference::to_string).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

impl Property {
    fn name(self) -> &'static str {
        match self {
            Property::SystemIdentifier => "system identifier",
            Property::Recovery => "recovery state",
            Property::StartTime => "start time",
            Property::Timeline => "timeline",
            Property::DataDirectory => "data directory",
            Property::Address => "server address",
            Property::Version => "version",
            Property::Role => "role",
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<String>| match (value, self.property) {
            (Some(value), _) => value.clone(),
            (None, Property::Address) => "none (Unix socket)".to_owned(),
            (None, _) => "unreadable".to_owned(),
        };
        write!(f, "{} was {}, is {}", self.property.name(), text(&self.planned), text(&self.actual))
    }
}

fn recovery_state(in_recovery: bool) -> &'static str {
    if in_recovery { "standby" } else { "primary" }
}

fn server_address(server: &ServerIdentity) -> Option<String> {
    match (&server.server_addr, server.server_port) {
        (None, None) => None,
        (address, port) => {
            let address = address.as_deref().unwrap_or("unknown address");
            Some(port.map_or_else(|| address.to_owned(), |port| format!("{address} port {port}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> ServerIdentity {
        ServerIdentity {
            version_num: 170_004,
            system_identifier: Some("7".to_owned()),
            in_recovery: false,
            started_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            timeline_id: Some(1),
            data_directory: Some("/pg/a".to_owned()),
            server_addr: Some("10.0.0.1".to_owned()),
            server_port: Some(5432),
            role: "dba".to_owned(),
        }
    }

    fn server_with(change: impl Fn(&mut ServerIdentity)) -> ServerIdentity {
        let mut changed = server();
        change(&mut changed);
        changed
    }

    #[test]
    fn differences_report_each_property() {
        for (changed, property, text) in [
            (
                server_with(|s| s.system_identifier = Some("8".to_owned())),
                Property::SystemIdentifier,
                "system identifier was 7, is 8",
            ),
            (server_with(|s| s.in_recovery = true), Property::Recovery, "recovery state was primary, is standby"),
            (
                server_with(|s| s.started_at = "2026-01-01T00:00:00.000001Z".parse().unwrap()),
                Property::StartTime,
                "start time was 2026-01-01T00:00:00Z, is 2026-01-01T00:00:00.000001Z",
            ),
            (server_with(|s| s.timeline_id = Some(2)), Property::Timeline, "timeline was 1, is 2"),
            (
                server_with(|s| s.data_directory = Some("/pg/b".to_owned())),
                Property::DataDirectory,
                "data directory was /pg/a, is /pg/b",
            ),
            (
                server_with(|s| s.server_addr = Some("10.0.0.2".to_owned())),
                Property::Address,
                "server address was 10.0.0.1 port 5432, is 10.0.0.2 port 5432",
            ),
            (
                server_with(|s| s.server_port = Some(5433)),
                Property::Address,
                "server address was 10.0.0.1 port 5432, is 10.0.0.1 port 5433",
            ),
            (server_with(|s| s.version_num = 180_001), Property::Version, "version was 170004, is 180001"),
            (server_with(|s| s.role = "app".to_owned()), Property::Role, "role was dba, is app"),
        ] {
            for (planned, actual) in [(server(), changed.clone()), (changed, server())] {
                let found = differences(&planned, &actual);
                assert_eq!(
                    found.iter().map(|difference| difference.property).collect::<Vec<_>>(),
                    [property],
                    "{text}"
                );
                if planned == server() {
                    assert_eq!(describe_differences(&planned, &actual).unwrap(), text);
                }
            }
        }
    }

    #[test]
    fn differences_report_value_readable_once() {
        for (changed, text) in [
            (server_with(|s| s.system_identifier = None), "system identifier was 7, is unreadable"),
            (server_with(|s| s.timeline_id = None), "timeline was 1, is unreadable"),
            (server_with(|s| s.data_directory = None), "data directory was /pg/a, is unreadable"),
            (
                server_with(|s| (s.server_addr, s.server_port) = (None, None)),
                "server address was 10.0.0.1 port 5432, is none (Unix socket)",
            ),
        ] {
            assert_eq!(describe_differences(&server(), &changed).unwrap(), text);
            assert_eq!(differences(&changed, &server()).len(), 1, "readable now only: {text}");
        }
    }

    #[test]
    fn differences_empty_for_same_server() {
        assert_eq!(describe_differences(&server(), &server()), None);
        let blind = server_with(|s| {
            (s.system_identifier, s.timeline_id, s.data_directory) = (None, None, None);
            (s.server_addr, s.server_port) = (None, None);
        });
        assert_eq!(differences(&blind, &blind), [], "unreadable both times is no evidence");
        let mut restarted = blind.clone();
        restarted.started_at = "2026-01-02T00:00:00Z".parse().unwrap();
        assert_eq!(differences(&blind, &restarted).len(), 1, "the start time is always there");
    }
}
