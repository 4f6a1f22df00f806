//! From what is used now to what is recommended, drawn.

use super::describe;
use crate::analysis::downsize::{Amount, Audit, ComponentGroup, ComponentKind};
use crate::render::{Chart, Picture, Step, StepKind};

/// Only where the whole sum is known: bars that miss a term would lie.
pub fn waterfall_chart(audit: &Audit<'_>) -> Option<Chart> {
    let chosen = audit.chosen()?;
    let (used, size_after, minimum, recommended) =
        (audit.used?, chosen.size_after_bytes?, chosen.minimum?, chosen.recommended?);
    let step = |name: &str, kind, bytes| Step { name: name.to_owned(), kind, bytes };
    let mut steps = vec![step("used now", StepKind::Total, used.bytes)];
    if chosen.is_physical {
        for component in audit.group_components(ComponentGroup::Reclaimable).into_iter().filter(|it| it.counted) {
            let bytes = component.amount.map_or(0, |amount: Amount| amount.bytes);
            steps.push(step(&describe::component_title(&component.kind), StepKind::Less, bytes));
        }
    } else {
        steps.push(step("clean-up and rebuilding", StepKind::Less, used.bytes.saturating_sub(size_after.bytes)));
    }
    steps.push(step("size_after_bytes", StepKind::Total, size_after.bytes));
    let mut level = size_after.bytes;
    for component in audit
        .group_components(ComponentGroup::Headroom)
        .into_iter()
        .filter(|it| !matches!(it.kind, ComponentKind::Margin { .. }))
    {
        let bytes = component.amount.map_or(0, |amount| amount.bytes);
        level += bytes;
        steps.push(step(&describe::component_title(&component.kind), StepKind::More, bytes));
    }
    steps.push(step("margin, floor and step of the provider", StepKind::More, recommended.bytes.saturating_sub(level)));
    steps.push(step("recommended", StepKind::Total, recommended.bytes));
    steps.push(step("the least that would do today", StepKind::Total, minimum.bytes));
    steps.retain(|it| it.bytes > 0 || it.kind == StepKind::Total);
    let about = "From what is used now to the recommended volume, term by term.".to_owned();
    Some(Chart { title: "The sum".to_owned(), about, picture: Picture::Waterfall(steps) })
}
