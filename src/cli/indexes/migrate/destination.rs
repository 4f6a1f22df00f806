//! The framework and the folder of migrations.

use crate::actions::index_migration::tools::{Framework, MigrationFolder, MigrationLocation, find_migration_locations};
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use std::path::Path;

/// Returns the only location that matches the options and the working directory.
pub(super) fn choose_location(
    framework: Option<Framework>,
    output: Option<&Path>,
    project: &Path,
) -> Result<MigrationLocation, Failure> {
    let usage = |message: String, hint: String| Failure::new(ExitCode::Usage, message).with_hint(Some(hint));
    let mut found = find_migration_locations(project);
    if let Some(framework) = framework {
        found.retain(|place| place.framework == framework);
    }
    if let Some(output) = output {
        let kinds: Vec<Framework> = found.iter().map(|place| place.framework).collect();
        let framework = match (framework, kinds.split_first()) {
            (Some(framework), _) => framework,
            (None, Some((first, others))) if others.iter().all(|other| other == first) => *first,
            (None, Some(_)) => {
                return Err(usage(
                    format!("the working directory has several migration tools: {}", describe_locations(&found)),
                    "select one with --framework".to_owned(),
                ));
            }
            (None, None) => return Err(framework_not_found()),
        };
        let source = found.first().map(|place| place.source.clone()).unwrap_or_default();
        return Ok(MigrationLocation { framework, folder: output.to_path_buf(), source });
    }
    match (found.len(), framework) {
        (1, _) => Ok(found.remove(0)).map(|place| with_relative_folder(place, project)),
        (0, None) => Err(framework_not_found()),
        (0, Some(framework)) => Err(usage(
            format!("no folder with migrations of {} found in the working directory", framework.name()),
            "name the folder with --output DIR".to_owned(),
        )),
        (_, _) if found.iter().all(|place| place.framework == found[0].framework) => {
            let folders: Vec<String> = found
                .iter()
                .map(|place| with_relative_folder(place.clone(), project).folder.display().to_string())
                .collect();
            Err(usage(
                format!("there are several folders of migrations: {}", folders.join(", ")),
                "select one with --output DIR".to_owned(),
            ))
        }
        _ => Err(usage(
            format!("the working directory has several migration tools: {}", describe_locations(&found)),
            "select one with --framework".to_owned(),
        )),
    }
}

fn framework_not_found() -> Failure {
    let names: Vec<&str> = Framework::ALL.iter().map(|framework| framework.name()).collect();
    Failure::new(ExitCode::Usage, "no migration tool found in the working directory")
        .with_hint(Some(format!("select one with --framework: {}", names.join(", "))))
}

fn describe_locations(locations: &[MigrationLocation]) -> String {
    let descriptions: Vec<String> =
        locations.iter().map(|place| format!("{} ({})", place.framework.name(), place.source)).collect();
    descriptions.join(", ")
}

/// Returns the location relative to the working directory.
fn with_relative_folder(mut location: MigrationLocation, project: &Path) -> MigrationLocation {
    if let Ok(short) = location.folder.strip_prefix(project) {
        location.folder = short.to_path_buf();
    }
    location
}

/// Reads the existing files of the folder.
pub(super) fn read_migration_folder(location: &MigrationLocation) -> Result<MigrationFolder, Failure> {
    MigrationFolder::read(&location.folder).map_err(|error| {
        let message = format!("cannot read {}: {}", location.folder.display(), error.kind());
        Failure::new(ExitCode::Failed, message)
    })
}
