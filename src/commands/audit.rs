//! `pgtend audit`.

use super::filter::{needs_a_server, parse_window};
use crate::{
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    history::{Recall, system_identifier},
    inspect::{BloatScope, MOST_READ_WHOLE, Reach, Scope},
    judge::{
        audit::{Amount, Assumptions, Audit, Disk, Evidence, Fits, Given, Said, Way, audit, predicted},
        slot,
    },
    model::{
        IndexLimits, Provider, Snapshot, parse_bytes, parse_price,
        past::{Memory, Prediction},
    },
    report::{AuditReport, Gaps},
};

/// How small the new volume may be, what blocks the move, what it saves: the audit before a downscale
///
/// Reads every database of the cluster that the role may connect to, and a few blocks of the largest TOAST relations.
/// --exact reads the largest relations whole, with pgstattuple where it is installed. With --target-size the exit code is
/// 0 when that fits, 1 when it does not, 3 when it cannot be told. What is assumed may also stand in the configuration:
/// in [audit], or of a target. Where there is a history, what is predicted is kept there.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Assumptions")]
pub struct Args {
    /// Whether a volume of that size is large enough, as in 200GB
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    target_size: Option<u64>,
    /// The size of the present volume, as in 2TB: SQL cannot see it
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    allocated: Option<u64>,
    /// What the file system says is used of it
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    used_fs: Option<u64>,
    /// For how long the new volume should do [default: 180d]
    #[arg(long, value_name = "TIME", value_parser = parse_window)]
    horizon: Option<u64>,
    /// How long a reader of WAL may be away without anybody doing something [default: 6h]
    #[arg(long, value_name = "TIME", value_parser = parse_window)]
    outage: Option<u64>,
    /// How many percent of the new volume stay free [default: 20]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=90))]
    margin: Option<u8>,
    /// WAL of an hour, where you know better than the history and the statistics
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    wal_per_hour: Option<u64>,
    /// Growth of a day, where you know better; 0 for none
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    growth: Option<u64>,
    /// Who runs the server: rds, aurora, cloudsql, azure, alloydb, neon, supabase or self [default: what its marks tell]
    #[arg(long, value_name = "NAME", value_parser = Provider::named)]
    provider: Option<Provider>,
    /// How to move [default: what is usual there]
    #[arg(long, value_enum, value_name = "WAY")]
    way: Option<Way>,
    /// A second copy in another zone: storage costs twice
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    multi_az: Option<bool>,
    /// The kind of volume
    #[arg(long, value_enum, value_name = "TYPE")]
    storage_type: Option<Disk>,
    /// How long scans must have been counted before an index is called unused, as for `pgtend indexes`
    #[arg(long, value_name = "TIME", value_parser = parse_window)]
    min_observation: Option<u64>,
    /// An index smaller than that is not worth dropping, as for `pgtend indexes`
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    min_reclaim: Option<u64>,
    /// What a GiB costs a month, in your currency
    #[arg(long, value_name = "PRICE", value_parser = parse_price)]
    price: Option<f64>,
    /// The system identifier of the server that this one was copied from: what an audit of that one predicted is then
    /// measured here, see `pgtend history journal`
    #[arg(long, value_name = "IDENTIFIER", value_parser = identifier)]
    moved_from: Option<String>,
}

fn identifier(text: &str) -> Result<String, String> {
    let is_one = !text.is_empty() && text.len() <= 20 && text.bytes().all(|it| it.is_ascii_digit());
    if is_one { Ok(text.to_owned()) } else { Err(format!("{text:?} is no system identifier, which is a number")) }
}

impl Args {
    /// Where 1 would say that it does not fit, no answer is another number.
    pub fn exit_without_answer(&self) -> ExitCode {
        if self.target_size.is_some() { ExitCode::Incomplete } else { ExitCode::Failed }
    }

    /// On a cluster of a minute's age.
    pub fn of_the_demo() -> Args {
        let (growth, wal_per_hour, outage) = (Some(0), Some(16 << 20), Some(3_600));
        let min_reclaim = Some(super::indexes::SMALLEST_OF_THE_DEMO);
        Args { growth, wal_per_hour, outage, min_observation: Some(0), min_reclaim, ..Args::default() }
    }
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let without_answer = args.exit_without_answer();
    let done = Box::pin(run_audit(args, context)).await;
    match done {
        Err(failure) if failure.exit == ExitCode::Failed => Err(Failure { exit: without_answer, ..failure }),
        done => done,
    }
}

async fn run_audit(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let look = Look::take(&args, context).await?;
    let audit = audit(&look.evidence());
    let mut gaps = Gaps::default();
    let report = AuditReport::of(&audit, &look.snapshot, &look.assumptions, &mut gaps);
    let exit = context.show(&look.snapshot, report, gaps)?;
    context.keep_predictions(&look.predictions(&audit, args.moved_from.as_deref(), context)).await?;
    Ok(match audit.fits {
        None => exit,
        Some(Fits::Yes) => ExitCode::Done,
        Some(Fits::OnlyNow | Fits::No) => ExitCode::Failed,
        Some(Fits::CannotTell) => ExitCode::Incomplete,
    })
}

/// What arrives by the chosen way; `None` where a part is not known.
pub async fn arrives(args: &Args, context: &Context) -> Result<Option<Amount>, Failure> {
    let look = Look::take(args, context).await?;
    Ok(audit(&look.evidence()).chosen().and_then(|it| it.arrives))
}

/// Everything an audit is made of.
struct Look {
    snapshot: Snapshot,
    memory: Memory,
    assumptions: Assumptions,
    slot_limits: slot::Limits,
    index_limits: IndexLimits,
}

impl Look {
    async fn take(args: &Args, context: &Context) -> Result<Look, Failure> {
        let config = context.config()?;
        let given = args.given().or(config.given_for_audits(context.target()));
        if let Some(why) = given.contradiction() {
            return Err(Failure::new(ExitCode::Usage, why));
        }
        if args.moved_from.is_some() && context.reads_a_file() {
            return Err(needs_a_server("--moved-from"));
        }
        let asked = context.scope();
        let read_whole = if asked.exact && !context.reads_a_file() { MOST_READ_WHOLE } else { 0 };
        let scope = Scope {
            bloat: BloatScope { tables: true, indexes: true, read_whole, ..BloatScope::default() },
            judge: true,
            arrival: true,
            reach: Reach::All,
            beside: true,
            ..Scope::space().as_asked(&asked)
        };
        let snapshot = Box::pin(context.look(scope)).await?;
        let all = Recall { slots: true, indexes: true, wal: true, growth: true };
        let memory = Box::pin(context.memory(&snapshot, all)).await?;
        let usual = config.index_limits();
        let min_observation_seconds = args.min_observation.unwrap_or(usual.min_observation_seconds);
        let min_reclaim_bytes = args.min_reclaim.unwrap_or(usual.min_reclaim_bytes);
        Ok(Look {
            assumptions: given.assumptions(snapshot.provider(), args.target_size),
            slot_limits: config.slot_limits(),
            index_limits: IndexLimits { min_observation_seconds, min_reclaim_bytes, ..usual },
            snapshot,
            memory,
        })
    }

    /// What later looks can be held against. A standby's WAL and clean-up are its primary's.
    fn predictions(&self, audit: &Audit<'_>, moved_from: Option<&str>, context: &Context) -> Vec<Prediction> {
        let snapshot = &self.snapshot;
        let Some(identifier) = system_identifier(snapshot).ok().filter(|_| !snapshot.server.in_recovery) else {
            return Vec::new();
        };
        let server = context.target().map(str::to_owned).or_else(|| snapshot.address.clone());
        let server = server.unwrap_or_else(|| format!("cluster {identifier}"));
        let kept = predicted(audit).into_iter().map(|it| Prediction {
            system_identifier: identifier.clone(),
            moved_from: moved_from.map(str::to_owned),
            address: snapshot.address.clone(),
            server: server.clone(),
            made_at: snapshot.collected_at,
            way: it.moved.then(|| self.assumptions.way.id().to_owned()),
            of: it.of,
            now_bytes: it.now_bytes,
            bytes: it.then.bytes,
            low_bytes: it.then.low_bytes,
            high_bytes: it.then.high_bytes,
        });
        kept.collect()
    }

    fn evidence(&self) -> Evidence<'_> {
        Evidence {
            snapshot: &self.snapshot,
            memory: &self.memory,
            assumptions: &self.assumptions,
            slot_limits: &self.slot_limits,
            index_limits: &self.index_limits,
        }
    }
}

impl Args {
    /// What the flags say.
    fn given(&self) -> Given {
        fn by<T: Copy>(flag: &str, value: &Option<T>) -> Option<Said<T>> {
            value.map(|value| Said { value, by: flag.to_owned() })
        }
        Given {
            allocated_bytes: by("--allocated", &self.allocated),
            used_fs_bytes: by("--used-fs", &self.used_fs),
            horizon_seconds: by("--horizon", &self.horizon),
            outage_seconds: by("--outage", &self.outage),
            margin_percent: by("--margin", &self.margin),
            wal_bytes_per_hour: by("--wal-per-hour", &self.wal_per_hour),
            growth_bytes_per_day: by("--growth", &self.growth),
            provider: by("--provider", &self.provider),
            way: by("--way", &self.way),
            multi_az: by("--multi-az", &self.multi_az),
            storage_type: by("--storage-type", &self.storage_type),
            price: by("--price", &self.price),
        }
    }
}
