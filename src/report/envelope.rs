//! Data around every report: time, server, and what could not be read.

use super::{Gaps, finding::FindingLine};
use crate::facts::history::{ClusterBranch, Sample};
use crate::facts::{Finding, Provider, SCHEMA_VERSION, Server, Snapshot, Unavailable};
use crate::quote::PrintedConnection;
use crate::render::{Document, Tone};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// One report. It serialises to its JSON, and has a document for people.
pub trait Report: Serialize {
    /// The command of the report.
    const COMMAND: &'static str;
    /// Whether its document lists the unavailable facts itself.
    const REPORTS_GAPS: bool = false;

    /// Whether it is limited to one screen, without hints for features that are not set up.
    const IS_BRIEF: bool = false;

    /// Returns the report for people.
    fn document(&self) -> Document;
}

#[derive(Debug, Serialize, JsonSchema)]
struct ServerLine {
    version_num: u32,
    system_identifier: Option<String>,
    in_recovery: bool,
    provider: Provider,
    database: String,
}

/// A report with its time, its server and its unavailable facts.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(bound = "R: Report + JsonSchema")]
pub struct Envelope<R> {
    #[schemars(extend("const" = SCHEMA_VERSION))]
    schema_version: u32,
    #[schemars(extend("const" = R::COMMAND))]
    command: &'static str,
    collected_at: Timestamp,
    /// The server; null when the report is not on a single server.
    server: Option<ServerLine>,
    unavailable: Gaps,
    /// Findings of the checks that concern the report; `None` when the report lists findings itself, or has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Vec<FindingLine>>,
    #[serde(flatten)]
    report: R,
    #[serde(skip)]
    about: String,
    /// Why the server is newer than this build knows.
    #[serde(skip)]
    newer_server: Option<String>,
    #[serde(skip)]
    connection: PrintedConnection,
}

impl<R: Report> Envelope<R> {
    /// Combines a report with its snapshot. `gaps` are those noted while it was made.
    pub fn new(snapshot: &Snapshot, report: R, mut gaps: Gaps) -> Envelope<R> {
        let server = &snapshot.server;
        let control = gaps.get_or_note(&snapshot.control, &["server.system_identifier"]);
        if let Err(why) = snapshot.provider.as_result() {
            gaps.note(why, &["server.provider"], Vec::new());
        }
        for skipped in &snapshot.skipped {
            let reason = format!("database {} was skipped: {}", skipped.database, skipped.reason);
            let why = Unavailable::new("database contents", reason).with_hint(skipped.hint.clone());
            let why = if snapshot.is_skipped_gap(skipped) { why } else { why.not_set_up() };
            gaps.note(&why, &[], vec![skipped.database.clone()]);
        }
        let provider = snapshot.provider();
        let mut about = format!(
            "PostgreSQL {} {}, database {} as {}",
            server.version_text(),
            if server.in_recovery { "standby" } else { "primary" },
            server.database,
            server.role
        );
        if provider != Provider::Unknown {
            about.push_str(&format!(", {}", provider.name()));
        }
        about.push_str(&format!(", {}", snapshot.collected_at.strftime("%Y-%m-%d %H:%M:%SZ")));
        Envelope {
            schema_version: SCHEMA_VERSION,
            command: R::COMMAND,
            collected_at: snapshot.collected_at,
            server: Some(ServerLine {
                version_num: server.version_num,
                system_identifier: control.map(|control| control.system_identifier.clone()),
                in_recovery: server.in_recovery,
                provider,
                database: server.database.clone(),
            }),
            unavailable: gaps,
            findings: None,
            report,
            about,
            newer_server: server.newer_than_known(),
            connection: PrintedConnection::default(),
        }
        .reached_by(snapshot.connection.clone())
    }

    /// Adds the connection to the commands that it prints.
    #[must_use]
    pub fn reached_by(mut self, connection: PrintedConnection) -> Envelope<R> {
        self.unavailable.reached_by(&connection);
        self.connection = connection;
        self
    }

    /// Returns a report on the history store: on one cluster branch with its newest sample, or on all of them.
    pub fn from_history(
        now: Timestamp,
        newest: Option<(&ClusterBranch, &Sample)>,
        report: R,
        gaps: Gaps,
    ) -> Envelope<R> {
        let server = newest.map(|(branch, sample)| ServerLine {
            version_num: sample.version_num,
            system_identifier: Some(branch.system_identifier.clone()),
            in_recovery: sample.in_recovery,
            provider: serde_json::from_value(sample.provider.as_str().into()).unwrap_or(Provider::Unknown),
            database: sample.database.clone(),
        });
        let about = newest.map_or_else(
            || "History of pgtend".to_owned(),
            |(branch, sample)| {
                format!(
                    "PostgreSQL {} {}, cluster {}, last sample {}",
                    Server::number_text(sample.version_num),
                    if sample.in_recovery { "standby" } else { "primary" },
                    branch.name(),
                    sample.collected_at.strftime("%Y-%m-%d %H:%M:%SZ")
                )
            },
        );
        let collected_at = newest.map_or(now, |(_, sample)| sample.collected_at);
        let (schema_version, command) = (SCHEMA_VERSION, R::COMMAND);
        let connection = PrintedConnection::default();
        let findings = None;
        Envelope {
            schema_version,
            command,
            collected_at,
            server,
            unavailable: gaps,
            findings,
            report,
            about,
            newer_server: None,
            connection,
        }
    }

    /// Returns a report on a server that could not be read; `about` names it.
    pub fn without_server(now: Timestamp, about: String, report: R) -> Envelope<R> {
        let (schema_version, command) = (SCHEMA_VERSION, R::COMMAND);
        Envelope {
            schema_version,
            command,
            collected_at: now,
            server: None,
            unavailable: Gaps::default(),
            findings: None,
            report,
            about,
            newer_server: None,
            connection: PrintedConnection::default(),
        }
    }

    /// Adds findings to the JSON. The report itself decides which of them its document has.
    #[must_use]
    pub fn with_findings(mut self, findings: &[Finding]) -> Envelope<R> {
        self.findings = Some(findings.iter().map(FindingLine::new).collect());
        self
    }

    /// Returns the report.
    pub fn report(&self) -> &R {
        &self.report
    }

    /// Returns the report for changes, such as the results of notifications.
    pub fn report_mut(&mut self) -> &mut R {
        &mut self.report
    }

    /// Returns whether a fact of the report could not be read. A fact that the server's version does not have does not
    /// count.
    pub fn is_incomplete(&self) -> bool {
        self.unavailable.hidden().next().is_some()
    }

    /// Returns the document: the server, the report, and what could not be read.
    pub fn document(&self) -> Document {
        let mut document = self.plain_document(false);
        document.reached_by(&self.connection);
        document
    }

    /// Returns the document with the fields that this version of the server does not have.
    pub fn verbose_document(&self) -> Document {
        let mut document = self.plain_document(true);
        document.reached_by(&self.connection);
        document
    }

    fn plain_document(&self, is_verbose: bool) -> Document {
        let title = format!("pgtend {}", R::COMMAND);
        let mut document = Document { title, ..Document::default() };
        document.toned_line(self.about.clone(), Tone::Faint);
        if let Some(newer) = &self.newer_server {
            document.toned_line(newer.clone(), Tone::Warning);
        }
        document.blocks.extend(self.report.document().blocks);
        if R::REPORTS_GAPS {
            return document;
        }
        let mut newer: Vec<&str> = Vec::new();
        for gap in self.unavailable.not_in_this_version().filter(|_| is_verbose) {
            newer.extend(gap.fields.iter().filter_map(|field| field.rsplit('.').next()));
        }
        if let (Some(server), false) = (&self.server, newer.is_empty()) {
            let text = format!("PostgreSQL {} does not have: {}.", server.version_num / 10_000, newer.join(", "));
            document.toned_line(text, Tone::Faint);
        }
        for gap in self.unavailable.not_set_up().filter(|_| !R::IS_BRIEF) {
            let hint = gap.hint.as_ref().map(|hint| format!(" → {hint}")).unwrap_or_default();
            document.toned_line(format!("{}: {}{hint}", gap.fact, gap.reason), Tone::Faint);
        }
        if self.is_incomplete() {
            let (grants, other_gaps): (Vec<_>, Vec<_>) = self.unavailable.hidden().partition(|gap| gap.needs_grant());
            let mut by_grant: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for gap in grants {
                // Several databases may lack the same fact.
                let facts = by_grant.entry(gap.hint.as_deref().unwrap_or_default()).or_default();
                if !facts.contains(&gap.fact.as_str()) {
                    facts.push(&gap.fact);
                }
            }
            for (grant, facts) in by_grant {
                document.toned_line(format!("? not visible: {} → {grant}", facts.join(", ")), Tone::Faint);
            }
            for gap in other_gaps {
                let hint = gap.hint.as_ref().map(|hint| format!(" → {hint}")).unwrap_or_default();
                document.toned_line(format!("? {}: {}{hint}", gap.fact, gap.reason), Tone::Faint);
            }
        }
        document
    }
}
