//! For which tool, and where.

use crate::{
    error::Failure,
    exit_code::ExitCode,
    frameworks::{Folder, Framework, Place, find},
};
use std::path::Path;

/// The one place that flags and the working directory leave.
pub(super) fn choose(framework: Option<Framework>, output: Option<&Path>, project: &Path) -> Result<Place, Failure> {
    let usage = |message: String, hint: String| Failure::new(ExitCode::Usage, message).with_hint(Some(hint));
    let mut found = find(project);
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
                    format!("the working directory is one of {}", names(&found)),
                    "say which, by --framework".to_owned(),
                ));
            }
            (None, None) => return Err(no_framework()),
        };
        let told_by = found.first().map(|place| place.told_by.clone()).unwrap_or_default();
        return Ok(Place { framework, folder: output.to_path_buf(), told_by });
    }
    match (found.len(), framework) {
        (1, _) => Ok(found.remove(0)).map(|place| shortened(place, project)),
        (0, None) => Err(no_framework()),
        (0, Some(framework)) => Err(usage(
            format!("the working directory does not tell where the migrations of {} lie", framework.name()),
            "say where, by --output DIR".to_owned(),
        )),
        (_, _) if found.iter().all(|place| place.framework == found[0].framework) => {
            let folders: Vec<String> =
                found.iter().map(|place| shortened(place.clone(), project).folder.display().to_string()).collect();
            Err(usage(
                format!("there are several folders of migrations: {}", folders.join(", ")),
                "say which, by --output DIR".to_owned(),
            ))
        }
        _ => Err(usage(
            format!("the working directory is one of {}", names(&found)),
            "say which, by --framework".to_owned(),
        )),
    }
}

fn no_framework() -> Failure {
    let all: Vec<&str> = Framework::ALL.iter().map(|framework| framework.name()).collect();
    Failure::new(ExitCode::Usage, "the working directory tells no migration tool")
        .with_hint(Some(format!("say which, by --framework: {}", all.join(", "))))
}

fn names(found: &[Place]) -> String {
    let each: Vec<String> =
        found.iter().map(|place| format!("{} ({})", place.framework.name(), place.told_by)).collect();
    each.join(", ")
}

/// As seen from where the user stands.
fn shortened(mut place: Place, project: &Path) -> Place {
    if let Ok(short) = place.folder.strip_prefix(project) {
        place.folder = short.to_path_buf();
    }
    place
}

/// What lies there already.
pub(super) fn read(place: &Place) -> Result<Folder, Failure> {
    Folder::read(&place.folder).map_err(|error| {
        let message = format!("cannot read {}: {}", place.folder.display(), error.kind());
        Failure::new(ExitCode::Failed, message)
    })
}
