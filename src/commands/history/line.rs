//! Which line of samples is meant.

use crate::{
    error::Failure,
    exit_code::ExitCode,
    history::Store,
    model::past::{Lineage, Sample},
};

/// The line named by its system identifier, with `#branch` where there are several; without a name the only one that
/// is no standby's.
pub async fn chosen(store: &Store, name: Option<&str>) -> Result<(Lineage, Sample), Failure> {
    let all = store.lineages().await?;
    let mut fitting: Vec<&Lineage> = match name {
        Some(name) => all.iter().filter(|l| l.name() == name || l.system_identifier == name).collect(),
        None => all.iter().collect(),
    };
    if fitting.len() > 1 {
        fitting.retain(|lineage| !lineage.is_standby);
    }
    match fitting[..] {
        [lineage] => {
            let newest = store.samples(Some(lineage.cluster_id)).await?.pop();
            let newest = newest.ok_or_else(|| Failure::new(ExitCode::Failed, "the history has no samples"))?;
            Ok((lineage.clone(), newest))
        }
        [] if all.is_empty() => Err(Failure::new(ExitCode::Failed, "the history has no samples yet")
            .with_hint(Some("`pgtend history record` takes one"))),
        [] => Err(Failure::new(ExitCode::Usage, "the history knows no such cluster").with_hint(Some(names(&all)))),
        _ => Err(Failure::new(ExitCode::Usage, "the history has several clusters; name one with --cluster")
            .with_hint(Some(names(&all)))),
    }
}

fn names(lineages: &[Lineage]) -> String {
    let names: Vec<String> = lineages.iter().map(Lineage::name).collect();
    format!("it has {}; `pgtend history list` says more", names.join(", "))
}
