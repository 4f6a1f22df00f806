//! `pgtend indexes migrate --maintenance`: a script for one server.

use super::{ListArgs, MigrateArgs, consent, look};
use crate::{
    context::Context,
    error::Failure,
    exit_code::ExitCode,
    frameworks::{self, NewFile, maintenance_script},
    inspect::BloatScope,
    interrupt,
    model::{Index, Table, Verdict},
    plan::{
        Plan as _,
        index_cleanup::{Maintenance, Wish, chores},
    },
    report::{Envelope, Gaps, MaintenanceReport, View, chore_words, maintenance_header},
};
use std::path::Path;

pub(super) async fn run(
    list: &ListArgs,
    args: &MigrateArgs,
    project: &Path,
    context: &Context,
) -> Result<ExitCode, Failure> {
    let view = View { schema: list.filter.schema.clone(), table: list.filter.table.clone(), ..View::default() };
    let bloat = BloatScope { indexes: true, ..list.bloat.scope(&view, false)? };
    let session = context.session().await?;
    let look = look(list, bloat, &session, context).await?;
    let contents = look.contents()?;
    let is_named = |table: &Table, index: &Index| {
        let qualified = format!("{}.{}", table.schema, index.index);
        args.names.iter().any(|name| *name == index.index || *name == qualified)
    };
    if let Some(name) = unknown(args, contents) {
        return Err(Failure::new(ExitCode::Usage, format!("there is no index {name:?}")));
    }
    let wish = |table: &Table, index: &Index| match args.names.is_empty() {
        true if view.matches(&table.schema, &table.table) => Wish::Any,
        false if is_named(table, index) => Wish::ByName,
        _ => Wish::Not,
    };
    let mut chores = chores(contents, look.judged.verdicts(), wish);
    for chore in &mut chores {
        let verdict = look.judged.verdicts().iter().find(|verdict| verdict.oid == chore.oid);
        chore.why = chore_words(chore, verdict);
    }
    let now = context.now();
    let folder = args.output.as_deref().unwrap_or(Path::new("."));
    let file = NewFile {
        path: format!("{}_index_maintenance.sql", now.strftime("%Y%m%d%H%M%S")).into(),
        text: maintenance_script(&maintenance_header(&look.snapshot, &contents.database, now), &chores),
    };
    let place = folder.join(&file.path);
    let report = MaintenanceReport::of(place.display().to_string(), &chores);
    context.ui.to_stdout().report(&Envelope::new(&look.snapshot, report, Gaps::default()))?;
    let left = look.judged.verdicts().iter().filter(|one| {
        one.verdict == Verdict::Review && one.findings.contains(&crate::model::IndexFinding::InvalidIndex)
    });
    let left = left.filter(|one| !chores.iter().any(|chore| chore.oid == one.oid)).count();
    if left > 0 && args.names.is_empty() {
        context.ui.note(&format!("{left} invalid for review: taken only where they are named"));
    }
    if chores.is_empty() || args.dry_run {
        return Ok(ExitCode::Done);
    }
    let what = format!("Write {}", place.display());
    let consent = consent::ask(&what, &look.snapshot, &session, args.yes, context).await?;
    let confirmed = Maintenance { chores }.confirm(consent).map_err(|why| Failure::new(ExitCode::Refused, why))?;
    let _whole = interrupt::whole();
    let written = frameworks::write(&confirmed, folder, &[file])
        .map_err(|error| Failure::new(ExitCode::Failed, error.to_string()))?;
    context.ui.note(&format!("{} written in {}", consent::files(written.len()), project.join(folder).display()));
    Ok(ExitCode::Done)
}

fn unknown<'a>(args: &'a MigrateArgs, contents: &crate::model::Contents) -> Option<&'a String> {
    let indexes = contents.indexes.known()?;
    let tables = contents.tables.known()?;
    args.names.iter().find(|name| {
        !indexes.iter().any(|index| {
            let schema = tables.iter().find(|table| table.oid == index.table_oid).map(|table| table.schema.as_str());
            **name == index.index || schema.is_some_and(|schema| **name == format!("{schema}.{}", index.index))
        })
    })
}
