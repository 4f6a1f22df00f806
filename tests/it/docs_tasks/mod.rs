//! Every command line, statement and configuration of the pages is run, on real servers.

mod links;
mod loosely;
mod mentions;
mod page;
mod rooms;
mod shell;
mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use page::{Kind, Page};
use shell::{Shell, Tally, report};
use world::World;

use crate::clusters::{majors, on_every_installation, say};

/// The major that the pages' output was taken from.
const SHOWN: u32 = 17;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a page on the major that its output is of, and on one other, another one for each page: together they are all.
async fn hold(path: &'static str) {
    let page = Page::read(&root().join(path));
    let others: Vec<u32> = majors().keys().copied().filter(|major| *major != SHOWN).collect();
    let at = PAGES.iter().position(|page| *page == path).expect("a page of the list");
    let other = others.get(at % others.len().max(1)).copied();
    on_every_installation(path, async |major, installation| {
        if major != SHOWN && Some(major) != other {
            return;
        }
        let name = page.world.as_deref().unwrap_or("no server");
        let Some(world) = World::make(name, installation).await else {
            return say(&format!("{path}: NOT RUN on {major}: this machine lacks what the world {name:?} takes"));
        };
        let tally = tokio::task::block_in_place(|| Shell::open(&world).run(&page, major == SHOWN));
        report(&page.path, major, &tally);
    })
    .await;
}

macro_rules! pages {
    ($($name:ident $path:literal)*) => {
        const PAGES: &[&str] = &[$($path),*];
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                hold($path).await;
            }
        )*
    };
}

pages! {
    readme "README.md"
    fleet "docs/fleet.md"
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

/// All pages that may show commands: those of decisions and of measurements tell what was done, not what to do.
fn documents() -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for folder in [root().to_owned(), root().join("docs"), root().join("docs/tasks"), root().join("docs/decisions")] {
        let files = std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("a file").path());
        all.extend(files.filter(|path| path.extension().is_some_and(|it| it == "md")));
    }
    all
}

#[test]
fn every_page_with_commands_is_run() {
    for path in documents() {
        let name = path.strip_prefix(root()).expect("a page of the project").to_string_lossy().into_owned();
        let is_run = PAGES.contains(&name.as_str());
        assert!(is_run || !name.starts_with("docs/tasks/") || name.ends_with("README.md"), "{name} is not in the list");
        if is_run || name == "docs/cli.md" {
            continue;
        }
        for block in Page::read(&path).blocks {
            let told = block.not_run.is_some();
            assert!(
                told || matches!(block.kind, Kind::Other(_)),
                "{name}:{}: nobody runs it, nor says why",
                block.line
            );
        }
    }
}

fn written(text: &str) -> Page {
    Page::parse(Path::new("a page"), text)
}

/// Runs what is written, on a server.
async fn tally(text: &str) -> Tally {
    let page = written(text);
    let (_, installation) = majors().iter().find(|(_, it)| it.is_ok()).expect("a major");
    let installation = installation.as_ref().expect("found");
    let world = World::make(page.world.as_deref().unwrap_or("no server"), installation).await.expect("a world");
    tokio::task::block_in_place(|| Shell::open(&world).run(&page, true))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_wrong_fails() {
    for (wrong, why) in [
        ("```sh\npgtend overveiw\n```", "unrecognized subcommand"),
        ("```sh\npgtend explain stale-slot --no-such-flag\n```", "exit 2, not 0"),
        ("<!-- exit: 1 -->\n```sh\npgtend explain stale-slot\n```", "exit 0, not 1"),
        ("```sh\npgtend explain stale-slot\nfalse\n```", "exit 1, not 0"),
        ("```console\n$ pgtend explain stale-slot\n# something else\n…\n```", "another output"),
        ("```console\n$ pgtend explain | wc -l\nmany\n```", "another output"),
        ("```toml\n[target.prod]\nconinfo = \"host=db1\"\n```", "coninfo"),
        ("```yaml\na: b\n```", "nothing runs"),
        ("```\npgtend\n```", "nothing runs"),
    ] {
        let tally = tally(wrong).await;
        assert_eq!(tally.failures.len(), 1, "{wrong}: {tally:?}");
        assert!(tally.failures[0].contains(why), "{wrong}: {tally:?}");
    }
    let sql = "<!-- world: shop -->\n\n```sql\nselect 1;\n```\n\n```sql\nselect no_such_column from orders;\n```";
    let on_a_server = tally(sql).await;
    assert_eq!(on_a_server.failures.len(), 1, "{on_a_server:?}");
    assert!(on_a_server.failures[0].contains("no_such_column"), "{on_a_server:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_right_is_counted() {
    let tally = tally(
        "<!-- world: shop -->\n\n```sh\ncd /   # a session goes on\nexport x=$PWD\n```\n\n```console\n$ echo $x$PWD\n//\n\
         $ pgtend databases -h db1 \\\n>   --format csv | head -1\ndatabase,…\n```\n\n<!-- not run: no systemd here -->\n\
         ```sh\nsystemctl start it\nsystemctl stop it\n```\n\n```sql\nselect count(*) from orders;\n```\n\n```toml\n\
         [target.prod]\nconninfo = \"host=db1 dbname=shop\"\n```\n\n```console\n$ pgtend databases --target prod\n…\nshop …\n…\n```\n",
    )
    .await;
    assert_eq!(tally.failures, [""; 0]);
    assert_eq!((tally.ran, tally.compared, tally.not_run.len()), (7, 3, 2), "{tally:?}");
}

#[test]
#[should_panic(expected = "is of no block")]
fn a_directive_that_belongs_to_nothing_is_refused() {
    written("<!-- exit: 1 -->\nProse.\n");
}
