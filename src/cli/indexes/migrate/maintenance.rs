//! `pgtend indexes migrate --maintenance`: a script for one server.

use super::{IndexesListArgs, IndexesMigrateArgs, collect_input, consent};
use crate::actions::Plan as _;
use crate::actions::index_migration::plan::{Maintenance, MaintenanceRequest, plan_maintenance};
use crate::actions::index_migration::tools;
use crate::actions::index_migration::tools::{NewFile, maintenance_script};
use crate::analysis::index::Verdict;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::app::{Context, interrupt};
use crate::collect::Scope;
use crate::facts::{FactGroup, FactGroups, Index, Table};
use crate::render::format_counted;
use crate::report::{Envelope, Gaps, MaintenanceReport, View, describe_maintenance_task, maintenance_header};
use std::path::Path;

pub(super) async fn cmd_indexes_maintenance(
    list: &IndexesListArgs,
    args: &IndexesMigrateArgs,
    context: &Context,
) -> Result<ExitCode, Failure> {
    let view = View { schema: list.filter.schema.clone(), table: list.filter.table.clone(), ..View::default() };
    let bloat = list.bloat.filter(&view, false)?;
    let session = context.session().await?;
    let facts = FactGroups::new(&[FactGroup::IndexBloat]);
    let input = collect_input(list, Scope { facts, bloat, ..context.scope() }, &session, context).await?;
    let database_snapshot = input.database_snapshot()?;
    let is_named = |table: &Table, index: &Index| {
        let qualified = format!("{}.{}", table.schema, index.index);
        args.names.iter().any(|name| *name == index.index || *name == qualified)
    };
    if let Some(name) = find_unknown_name(args, database_snapshot) {
        return Err(Failure::new(ExitCode::Usage, format!("index {name:?} does not exist")));
    }
    let requested = |table: &Table, index: &Index| match args.names.is_empty() {
        true if view.matches(&table.schema, &table.table) => MaintenanceRequest::Any,
        false if is_named(table, index) => MaintenanceRequest::ByName,
        _ => MaintenanceRequest::Excluded,
    };
    let version_num = input.snapshot.server.version_num;
    let mut tasks =
        plan_maintenance(database_snapshot, input.assessment.verdicts(), version_num, &input.limits, requested);
    for task in &mut tasks {
        let verdict = input.assessment.verdicts().iter().find(|verdict| verdict.oid == task.oid);
        task.why = describe_maintenance_task(task, verdict);
    }
    let now = context.now();
    let folder = args.output.as_deref().unwrap_or(Path::new("."));
    let file = NewFile {
        path: format!("{}_index_maintenance.sql", now.strftime("%Y%m%d%H%M%S")).into(),
        text: maintenance_script(&maintenance_header(&input.snapshot, &database_snapshot.database, now), &tasks),
    };
    let path = folder.join(&file.path);
    let report = MaintenanceReport::new(path.display().to_string(), &tasks);
    context.ui.with_stdout().print_report(&Envelope::new(&input.snapshot, report, Gaps::default()))?;
    let unselected_invalid = input.assessment.verdicts().iter().filter(|index_verdict| {
        index_verdict.verdict == Verdict::Review
            && index_verdict.findings.contains(&crate::analysis::index::IndexFinding::InvalidIndex)
    });
    let unselected_invalid =
        unselected_invalid.filter(|index_verdict| !tasks.iter().any(|task| task.oid == index_verdict.oid)).count();
    if unselected_invalid > 0 && args.names.is_empty() {
        let indexes = format_counted(unselected_invalid as u64, "invalid index");
        context.ui.note(&format!("not included: {indexes} to review; include them by name"));
    }
    if tasks.is_empty() || args.dry_run {
        return Ok(ExitCode::Success);
    }
    let what = format!("Write {}", path.display());
    let consent = consent::ask_consent(&what, &input.snapshot, &session, args.yes, context).await?;
    let confirmed = Maintenance { tasks }.confirm(consent).map_err(|why| Failure::new(ExitCode::Refused, why))?;
    let _whole = interrupt::guard_uninterruptible();
    let written = tools::write_migration_files(&confirmed, folder, &[file])
        .map_err(|error| Failure::new(ExitCode::Failed, error.to_string()))?;
    for path in written {
        context.ui.note(&format!("{} written", path.display()));
    }
    Ok(ExitCode::Success)
}

fn find_unknown_name<'a>(
    args: &'a IndexesMigrateArgs,
    database_snapshot: &crate::facts::DatabaseSnapshot,
) -> Option<&'a String> {
    let indexes = database_snapshot.indexes.known()?;
    let tables = database_snapshot.tables.known()?;
    args.names.iter().find(|name| {
        !indexes.iter().any(|index| {
            let schema = tables.iter().find(|table| table.oid == index.table_oid).map(|table| table.schema.as_str());
            **name == index.index || schema.is_some_and(|schema| **name == format!("{schema}.{}", index.index))
        })
    })
}
