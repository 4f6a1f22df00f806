//! Runs every command, statement and configuration of the pages on real servers.

mod architecture;
mod links;
mod mentions;
mod output_comparison;
mod page;
mod page_environment;
mod shell;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use page::{BlockKind, Page};
use page_environment::PageEnvironment;
use shell::{PageResults, Shell, report_results};

use crate::clusters::{majors, on_every_installation, print_stderr};

/// The major that produced the pages' output.
const SHOWN_MAJOR: u32 = 17;

fn repository_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a page on the major that produced its output, and on another one that differs by page: together the pages cover
/// all majors.
async fn run_page(path: &'static str) {
    let page = Page::read(&repository_root().join(path));
    let other_majors: Vec<u32> = majors().keys().copied().filter(|major| *major != SHOWN_MAJOR).collect();
    let position = PAGES.iter().position(|page| *page == path).expect("a page of the list");
    let other = other_majors.get(position % other_majors.len().max(1)).copied();
    on_every_installation(path, async |major, installation| {
        if major != SHOWN_MAJOR && Some(major) != other {
            return;
        }
        let name = page.environment.as_deref().unwrap_or("no server");
        let Some(world) = PageEnvironment::create(name, installation).await else {
            return print_stderr(&format!(
                "{path}: NOT RUN on {major}: this machine cannot provide the world {name:?}"
            ));
        };
        let results =
            tokio::task::block_in_place(|| Shell::with_environment(&world).run_page(&page, major == SHOWN_MAJOR));
        report_results(&page.path, major, &results);
    })
    .await;
}

macro_rules! pages {
    ($($name:ident $path:literal)*) => {
        const PAGES: &[&str] = &[$($path),*];
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                run_page($path).await;
            }
        )*
    };
}

pages! {
    readme "README.md"
    fleet "docs/fleet.md"
    configuration "docs/configuration.md"
    disk_full "docs/tasks/disk-full.md"
    slots "docs/tasks/slots.md"
    nightly "docs/tasks/nightly.md"
    nagios "docs/tasks/nagios.md"
    prometheus "docs/tasks/prometheus.md"
    shrink "docs/tasks/shrink.md"
    indexes_django "docs/tasks/indexes-django.md"
    indexes "docs/tasks/indexes.md"
    least_privilege "docs/tasks/least-privilege.md"
    history "docs/tasks/history.md"
    standbys "docs/tasks/standbys.md"
    pooler "docs/tasks/pooler.md"
    tokens "docs/tasks/tokens.md"
    verdicts "docs/tasks/verdicts.md"
    unknown "docs/tasks/unknown.md"
}

/// Returns all pages that may have commands. Pages about decisions and measurements describe what was done.
fn runnable_documents() -> BTreeSet<PathBuf> {
    let mut documents = BTreeSet::new();
    for folder in [
        repository_root().to_owned(),
        repository_root().join("docs"),
        repository_root().join("docs/tasks"),
        repository_root().join("docs/decisions"),
        repository_root().join("docs/reference"),
    ] {
        let files = std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("a file").path());
        documents.extend(files.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    documents
}

#[test]
fn docs_every_page_with_commands_is_run() {
    for path in runnable_documents() {
        let name = path.strip_prefix(repository_root()).expect("a page of the project").to_string_lossy().into_owned();
        let is_run = PAGES.contains(&name.as_str());
        assert!(is_run || !name.starts_with("docs/tasks/") || name.ends_with("README.md"), "{name} is not in the list");
        if is_run || name == "docs/cli.md" {
            continue;
        }
        for block in Page::read(&path).blocks {
            let has_reason = block.not_run.is_some();
            assert!(
                has_reason || matches!(block.kind, BlockKind::Other(_)),
                "{name}:{}: it is neither run nor marked as not run",
                block.line
            );
        }
    }
}

fn parse_page(text: &str) -> Page {
    Page::parse(Path::new("a page"), text)
}

/// Runs a page's text on a server.
async fn run_page_text(text: &str) -> PageResults {
    let page = parse_page(text);
    let (_, installation) = majors().iter().find(|(_, installation)| installation.is_ok()).expect("a major");
    let installation = installation.as_ref().expect("found");
    let world = PageEnvironment::create(page.environment.as_deref().unwrap_or("no server"), installation)
        .await
        .expect("a world");
    tokio::task::block_in_place(|| Shell::with_environment(&world).run_page(&page, true))
}

#[tokio::test(flavor = "multi_thread")]
async fn docs_wrong_page_fails() {
    for (wrong, reason) in [
        ("```sh\npgtend overveiw\n```", "unrecognized subcommand"),
        ("```sh\npgtend explain stale-slot --no-such-flag\n```", "exit 2, not 0"),
        ("<!-- exit: 1 -->\n```sh\npgtend explain stale-slot\n```", "exit 0, not 1"),
        ("```sh\npgtend explain stale-slot\nfalse\n```", "exit 1, not 0"),
        ("```console\n$ pgtend explain stale-slot\n# something else\n…\n```", "output differs"),
        ("```console\n$ pgtend explain | wc -l\nmany\n```", "output differs"),
        ("```toml\n[target.prod]\nconinfo = \"host=db1\"\n```", "coninfo"),
        ("```yaml\na: b\n```", "is not run"),
        ("```\npgtend\n```", "is not run"),
    ] {
        let results = run_page_text(wrong).await;
        assert_eq!(results.failures.len(), 1, "{wrong}: {results:?}");
        assert!(results.failures[0].contains(reason), "{wrong}: {results:?}");
    }
    let sql = "<!-- world: shop -->\n\n```sql\nselect 1;\n```\n\n```sql\nselect no_such_column from orders;\n```";
    let on_a_server = run_page_text(sql).await;
    assert_eq!(on_a_server.failures.len(), 1, "{on_a_server:?}");
    assert!(on_a_server.failures[0].contains("no_such_column"), "{on_a_server:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn docs_right_page_is_counted() {
    let results = run_page_text(
        "<!-- world: shop -->\n\n```sh\ncd /   # a session goes on\nexport x=$PWD\n```\n\n```console\n$ echo $x$PWD\n//\n\
         $ pgtend databases -h db1 \\\n>   --format csv | head -1\ndatabase,…\n```\n\n<!-- not run: no systemd here -->\n\
         ```sh\nsystemctl start it\nsystemctl stop it\n```\n\n```sql\nselect count(*) from orders;\n```\n\n```toml\n\
         [target.prod]\nconninfo = \"host=db1 dbname=shop\"\n```\n\n```console\n$ pgtend databases --target prod\n…\nshop …\n…\n```\n",
    )
    .await;
    assert_eq!(results.failures, [""; 0]);
    assert_eq!((results.run_count, results.compared_count, results.not_run.len()), (7, 3, 2), "{results:?}");
}

#[test]
#[should_panic(expected = "does not belong to a block")]
fn docs_stray_directive_is_refused() {
    parse_page("<!-- exit: 1 -->\nProse.\n");
}
