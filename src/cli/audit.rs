//! `pgtend audit`.

use crate::analysis::downsize::{
    Assumptions, Audit, AuditEvidence, Fits, MoveMethod, Overrides, Sourced, StorageType, compute_audit, predict_sizes,
};
use crate::analysis::index::IndexLimits;
use crate::analysis::slot;
use crate::app::Context;
use crate::app::error::{Failure, server_required};
use crate::app::exit_code::ExitCode;
use crate::checks::{Evidence, ReportName};
use crate::collect::{BloatFilter, DatabaseSelection, MAX_FULL_SCANS, Scope};
use crate::facts::history::{HistoryView, Prediction};
use crate::facts::{FactGroup, FactGroups, Provider, Snapshot};
use crate::history::{HistoryScope, system_identifier};
use crate::report::{AuditReport, Gaps};
use crate::units::{parse_bytes, parse_price, parse_seconds};

/// Audit storage before a downscale: required volume size, blockers, steps, cost
///
/// Reads every database that the role can connect to, and a few blocks of the largest TOAST relations. --exact reads the
/// largest relations completely, with pgstattuple where it is installed. With --target-size the exit code is 0 if the
/// size is sufficient, 1 if it is not, and 3 if it is unknown. The configuration can also set the assumptions, in
/// [audit] or per target. If a history exists, the predictions are stored in it.
// The doc comment is the help text; [audit] is a table of the configuration.
#[allow(rustdoc::broken_intra_doc_links)]
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Assumptions")]
pub struct AuditArgs {
    /// Test whether a volume of this size is sufficient, e.g. 200GB
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    target_size: Option<u64>,
    /// Size of the present volume, e.g. 2TB; SQL cannot read it
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    allocated: Option<u64>,
    /// Used space on the present volume, as the file system reports it
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    used_fs: Option<u64>,
    /// Period that the new volume must suffice for [default: 180d]
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    horizon: Option<u64>,
    /// Longest consumer outage to reserve WAL space for [default: 6h]
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    outage: Option<u64>,
    /// Free space to keep on the new volume, in percent, 0 to 90 [default: 20]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=90))]
    margin: Option<u8>,
    /// WAL written per hour, instead of the rate from the history or the statistics
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    wal_per_hour: Option<u64>,
    /// Growth per day, instead of the growth from the history; 0 for none
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    growth: Option<u64>,
    /// Provider: rds, aurora, cloudsql, azure, alloydb, neon, supabase or self [default: detected]
    #[arg(long, value_name = "NAME", value_parser = Provider::from_name)]
    provider: Option<Provider>,
    /// Method of moving [default: depends on the provider]
    #[arg(long, value_enum, value_name = "METHOD")]
    method: Option<MoveMethod>,
    /// Multi-AZ deployment: a second copy in another zone doubles the storage cost
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    multi_az: Option<bool>,
    /// Type of the volume
    #[arg(long, value_enum, value_name = "TYPE")]
    storage_type: Option<StorageType>,
    /// Required observation of scan counters for a drop that depends on them; 0 for none [default: 95d]
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    min_observation: Option<u64>,
    /// Minimum size of an index to drop [default: 1MB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    min_reclaim: Option<u64>,
    /// Storage price per GiB and month, in your currency
    #[arg(long, value_name = "PRICE", value_parser = parse_price)]
    price: Option<f64>,
    /// System identifier of the server that this one was copied from; `pgtend history journal` compares that server's
    /// predictions with the sizes on this one
    #[arg(long, value_name = "IDENTIFIER", value_parser = parse_system_identifier)]
    moved_from: Option<String>,
}

fn parse_system_identifier(text: &str) -> Result<String, String> {
    let is_one = !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_one {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is not a system identifier: it must be a number of at most 20 digits"))
    }
}

impl AuditArgs {
    /// Returns the exit code of a failure: 3 with `--target-size`, where 1 means that the size does not suffice.
    pub fn exit_on_failure(&self) -> ExitCode {
        if self.target_size.is_some() { ExitCode::Incomplete } else { ExitCode::Failed }
    }
}

pub async fn cmd_audit(args: AuditArgs, context: &Context) -> Result<ExitCode, Failure> {
    let without_answer = args.exit_on_failure();
    let result = Box::pin(audit_and_report(args, context)).await;
    match result {
        Err(failure) if failure.exit == ExitCode::Failed => Err(Failure { exit: without_answer, ..failure }),
        done => done,
    }
}

async fn audit_and_report(args: AuditArgs, context: &Context) -> Result<ExitCode, Failure> {
    let input = AuditInput::collect(&args, context).await?;
    let evidence = input.evidence();
    let audit = input.compute(&evidence);
    let mut gaps = Gaps::default();
    let report = AuditReport::new(&audit, &input.snapshot, &input.assumptions, &mut gaps);
    let assessment = context.assess(&evidence, ReportName::Audit)?;
    let exit = context.print_assessed_report(&input.snapshot, report, &assessment, gaps)?;
    context.store_predictions(&input.predictions(&audit, args.moved_from.as_deref(), context)).await?;
    Ok(match audit.fits {
        None => exit,
        Some(Fits::Yes) => ExitCode::Success,
        Some(Fits::OnlyNow | Fits::No) => ExitCode::Failed,
        Some(Fits::CannotTell) => ExitCode::Incomplete,
    })
}

/// Returns the size after a copy by the chosen method; `None` if a component is unknown.
#[cfg(feature = "demo")]
pub async fn predict_size_after_copy(
    args: &AuditArgs,
    context: &Context,
) -> Result<Option<crate::analysis::downsize::Amount>, Failure> {
    let input = AuditInput::collect(args, context).await?;
    let evidence = input.evidence();
    Ok(input.compute(&evidence).chosen().and_then(|estimate| estimate.size_after_bytes))
}

/// The input of an audit.
struct AuditInput {
    snapshot: Snapshot,
    history: HistoryView,
    assumptions: Assumptions,
    slot_limits: slot::Limits,
    index_limits: IndexLimits,
}

impl AuditInput {
    async fn collect(args: &AuditArgs, context: &Context) -> Result<AuditInput, Failure> {
        let config = context.config()?;
        let overrides = args.overrides().or(config.audit_overrides(context.target()));
        if let Some(why) = overrides.contradiction() {
            return Err(Failure::new(ExitCode::Usage, why));
        }
        if args.moved_from.is_some() && context.reads_snapshot_file() {
            return Err(server_required("--moved-from"));
        }
        let requested = context.scope();
        let read_whole = if requested.exact && !context.reads_snapshot_file() { MAX_FULL_SCANS } else { 0 };
        let space = Scope::space().with_options_of(&requested);
        let own = FactGroups::new(&[
            FactGroup::IndexFacts,
            FactGroup::TableBloat,
            FactGroup::IndexBloat,
            FactGroup::CopySize,
        ]);
        let scope = Scope {
            facts: space.facts | own | ReportName::Audit.facts(),
            bloat: BloatFilter { full_scans: read_whole, ..BloatFilter::default() },
            database_selection: DatabaseSelection::All,
            concurrent_size: true,
            ..space
        };
        let snapshot = Box::pin(context.collect_snapshot(scope)).await?;
        let history_kinds = HistoryScope { slots: true, indexes: true, wal: true, growth: true, counters: false };
        let history = Box::pin(context.load_history(&snapshot, history_kinds)).await?;
        let defaults = config.index_limits();
        let min_observation_seconds = args.min_observation.unwrap_or(defaults.min_observation_seconds);
        let min_reclaim_bytes = args.min_reclaim.unwrap_or(defaults.min_reclaim_bytes);
        Ok(AuditInput {
            assumptions: overrides.assumptions(snapshot.provider(), args.target_size),
            slot_limits: config.slot_limits(),
            index_limits: IndexLimits { min_observation_seconds, min_reclaim_bytes, ..defaults },
            snapshot,
            history,
        })
    }

    /// Returns the predictions that later samples are compared with. None on a standby: its WAL and its clean-up belong to
    /// the primary.
    fn predictions(&self, audit: &Audit<'_>, moved_from: Option<&str>, context: &Context) -> Vec<Prediction> {
        let snapshot = &self.snapshot;
        let Some(identifier) = system_identifier(snapshot).ok().filter(|_| !snapshot.server.in_recovery) else {
            return Vec::new();
        };
        let server = context.target().map(str::to_owned).or_else(|| snapshot.address.clone());
        let server = server.unwrap_or_else(|| format!("cluster {identifier}"));
        let predictions = predict_sizes(audit).into_iter().map(|predicted| Prediction {
            system_identifier: identifier.clone(),
            moved_from: moved_from.map(str::to_owned),
            address: snapshot.address.clone(),
            server: server.clone(),
            made_at: snapshot.collected_at,
            method: predicted.moved.then(|| self.assumptions.method.id().to_owned()),
            of: predicted.quantity,
            now_bytes: predicted.now_bytes,
            bytes: predicted.expected.bytes,
            low_bytes: predicted.expected.low_bytes,
            high_bytes: predicted.expected.high_bytes,
        });
        predictions.collect()
    }

    /// Returns the evidence for the checks; the audit takes the assessments of slots and indexes from it.
    fn evidence(&self) -> Evidence<'_> {
        Evidence::new(&self.snapshot, self.history.clone()).with_limits(self.slot_limits, self.index_limits)
    }

    fn compute<'a>(&'a self, evidence: &'a Evidence<'a>) -> Audit<'a> {
        compute_audit(&AuditEvidence {
            snapshot: &self.snapshot,
            history: &self.history,
            assumptions: &self.assumptions,
            slot_assessments: evidence.slot_assessments(),
            index_assessments: evidence.index_assessments(),
        })
    }
}

impl AuditArgs {
    /// Returns the values of the flags.
    fn overrides(&self) -> Overrides {
        fn from_flag<T: Copy>(flag: &str, value: &Option<T>) -> Option<Sourced<T>> {
            value.map(|value| Sourced { value, source: flag.to_owned() })
        }
        Overrides {
            allocated_bytes: from_flag("--allocated", &self.allocated),
            used_fs_bytes: from_flag("--used-fs", &self.used_fs),
            horizon_seconds: from_flag("--horizon", &self.horizon),
            outage_seconds: from_flag("--outage", &self.outage),
            margin_percent: from_flag("--margin", &self.margin),
            wal_bytes_per_hour: from_flag("--wal-per-hour", &self.wal_per_hour),
            growth_bytes_per_day: from_flag("--growth", &self.growth),
            provider: from_flag("--provider", &self.provider),
            method: from_flag("--method", &self.method),
            multi_az: from_flag("--multi-az", &self.multi_az),
            storage_type: from_flag("--storage-type", &self.storage_type),
            price: from_flag("--price", &self.price),
        }
    }
}
