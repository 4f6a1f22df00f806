//! Selection of a cluster branch.

use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::facts::history::{ClusterBranch, Sample};
use crate::history::Store;

/// Returns the branch with this system identifier, with `#branch` if there are several, and its newest sample. Without a
/// name: the only branch that is not a standby's.
pub async fn select_cluster_branch(store: &Store, name: Option<&str>) -> Result<(ClusterBranch, Sample), Failure> {
    let branches = store.cluster_branches().await?;
    let mut matching: Vec<&ClusterBranch> = match name {
        Some(name) => branches.iter().filter(|l| l.name() == name || l.system_identifier == name).collect(),
        None => branches.iter().collect(),
    };
    if matching.len() > 1 {
        matching.retain(|branch| !branch.is_standby);
    }
    match matching[..] {
        [branch] => {
            let newest = store.samples(Some(branch.cluster_id)).await?.pop();
            let newest = newest.ok_or_else(|| Failure::new(ExitCode::Failed, "the history has no samples"))?;
            Ok((branch.clone(), newest))
        }
        [] if branches.is_empty() => Err(Failure::new(ExitCode::Failed, "the history has no samples yet")
            .with_hint(Some("`pgtend history record` records the first sample"))),
        [] => Err(Failure::new(ExitCode::Usage, "the history has no samples of this cluster")
            .with_hint(Some(describe_branches(&branches)))),
        _ => Err(Failure::new(ExitCode::Usage, "the history has several clusters: specify one with --cluster NAME")
            .with_hint(Some(describe_branches(&branches)))),
    }
}

fn describe_branches(branches: &[ClusterBranch]) -> String {
    let names: Vec<String> = branches.iter().map(ClusterBranch::name).collect();
    format!("clusters: {}; `pgtend history list` shows them", names.join(", "))
}
