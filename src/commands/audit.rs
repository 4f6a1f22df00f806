//! `pgtend audit`.

use super::filter::parse_window;
use crate::{
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    history::Recall,
    inspect::{BloatScope, MOST_READ_WHOLE, Scope},
    judge::{
        audit::{Amount, Assumptions, Disk, Evidence, Fits, Way, audit},
        slot,
    },
    model::{IndexLimits, Provider, Snapshot, parse_bytes, past::Memory},
    report::{AuditReport, Gaps},
};

/// How small the new volume may be, what blocks the move, what it saves: the audit before a downscale
///
/// Reads every database of the cluster that the role may connect to, and a few blocks of the largest TOAST relations.
/// --exact reads the largest relations whole, with pgstattuple where it is installed. With --target-size the exit code is
/// 0 when that fits, 1 when it does not, 3 when it cannot be told.
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
    #[arg(long, value_name = "NAME", value_parser = provider)]
    provider: Option<Provider>,
    /// How to move [default: what is usual there]
    #[arg(long, value_enum, value_name = "WAY")]
    way: Option<Way>,
    /// A second copy in another zone: storage costs twice
    #[arg(long)]
    multi_az: bool,
    /// The kind of volume
    #[arg(long, value_enum, value_name = "TYPE")]
    storage_type: Option<Disk>,
    /// How long scans must have been counted before an index is called unused, as for `pgtend indexes`
    #[arg(long, value_name = "TIME", value_parser = parse_window)]
    min_observation: Option<u64>,
    /// What a GiB costs a month, in your currency
    #[arg(long, value_name = "PRICE", value_parser = price)]
    price: Option<f64>,
}

fn provider(text: &str) -> Result<Provider, String> {
    const KNOWN: [(&str, Provider); 8] = [
        ("self", Provider::Unknown),
        ("rds", Provider::Rds),
        ("aurora", Provider::Aurora),
        ("cloudsql", Provider::Cloudsql),
        ("azure", Provider::Azure),
        ("alloydb", Provider::Alloydb),
        ("neon", Provider::Neon),
        ("supabase", Provider::Supabase),
    ];
    let found = KNOWN.iter().find(|(name, _)| *name == text).map(|(_, provider)| *provider);
    found.ok_or_else(|| {
        let names: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
        format!("no provider of that name is known; one of {}", names.join(", "))
    })
}

fn price(text: &str) -> Result<f64, String> {
    let price: f64 = text.parse().map_err(|_| format!("{text:?} is not a price; write 0.115"))?;
    if price.is_finite() && (0.0..1e6).contains(&price) { Ok(price) } else { Err(format!("{text:?} is not a price")) }
}

impl Args {
    /// On a cluster of a minute's age.
    pub fn of_the_demo() -> Args {
        let (growth, wal_per_hour, outage) = (Some(0), Some(16 << 20), Some(3_600));
        Args { growth, wal_per_hour, outage, min_observation: Some(0), ..Args::default() }
    }
}

pub async fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let asks_whether_it_fits = args.target_size.is_some();
    let done = Box::pin(run_audit(args, context)).await;
    match done {
        // 1 would say that it does not fit.
        Err(failure) if asks_whether_it_fits && failure.exit == ExitCode::Failed => {
            Err(Failure { exit: ExitCode::Incomplete, ..failure })
        }
        done => done,
    }
}

async fn run_audit(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let look = Look::take(&args, context).await?;
    let audit = audit(&look.evidence());
    let mut gaps = Gaps::default();
    let report = AuditReport::of(&audit, &look.snapshot, &look.assumptions, &mut gaps);
    let exit = context.show(&look.snapshot, report, gaps)?;
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
        args.contradictions()?;
        let asked = context.scope();
        let read_whole = if asked.exact && !context.reads_a_file() { MOST_READ_WHOLE } else { 0 };
        let scope = Scope {
            bloat: BloatScope { tables: true, indexes: true, read_whole, ..BloatScope::default() },
            databases: true,
            storage: true,
            tablespaces: true,
            slots: true,
            wal: true,
            relations: true,
            judge: true,
            arrival: true,
            all_databases: true,
            ..asked
        };
        let snapshot = Box::pin(context.look(scope)).await?;
        let all = Recall { slots: true, indexes: true, wal: true, growth: true };
        let memory = Box::pin(context.memory(&snapshot, all)).await?;
        let config = context.config()?;
        let usual = config.index_limits();
        let min_observation_seconds = args.min_observation.unwrap_or(usual.min_observation_seconds);
        Ok(Look {
            assumptions: args.assumptions(&snapshot),
            slot_limits: config.slot_limits(),
            index_limits: IndexLimits { min_observation_seconds, ..usual },
            snapshot,
            memory,
        })
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
    /// Flags that cannot all be true.
    fn contradictions(&self) -> Result<(), Failure> {
        let refuse = |why: &str| Err(Failure::new(ExitCode::Usage, why.to_owned()));
        if let (Some(used), Some(allocated)) = (self.used_fs, self.allocated)
            && used > allocated
        {
            return refuse("--used-fs is larger than --allocated: more cannot be used than there is");
        }
        if self.storage_type.is_some_and(|it| it != Disk::Other) && self.provider.is_some_and(|it| it != Provider::Rds)
        {
            return refuse("--storage-type names a volume of AWS, and --provider somebody else");
        }
        if self.allocated == Some(0) {
            return refuse("--allocated 0: a volume has a size");
        }
        Ok(())
    }

    fn assumptions(&self, snapshot: &Snapshot) -> Assumptions {
        let usual = Assumptions::default();
        let provider = self.provider.unwrap_or_else(|| snapshot.provider());
        Assumptions {
            provider,
            way: self.way.unwrap_or_else(|| Way::usual_for(provider)),
            allocated_bytes: self.allocated,
            used_fs_bytes: self.used_fs,
            storage_type: self.storage_type,
            multi_az: self.multi_az,
            price: self.price,
            horizon_days: self.horizon.map_or(usual.horizon_days, |it| u32::try_from(it / 86_400).unwrap_or(u32::MAX)),
            outage_seconds: self.outage.unwrap_or(usual.outage_seconds),
            margin: self.margin.map_or(usual.margin, |it| f64::from(it) / 100.0),
            wal_bytes_per_hour: self.wal_per_hour,
            growth_bytes_per_day: self.growth,
            target_bytes: self.target_size,
        }
    }
}
