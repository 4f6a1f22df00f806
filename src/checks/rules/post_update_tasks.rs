//! What an update left to do, according to the release notes (docs/reference/post-update.md).

use crate::checks::evidence::collect_database_facts;
use crate::checks::thresholds::{DAY, limits};
use crate::checks::{CheckOutcome, Evaluation, Evidence, NotApplicable, RuleFinding};
use crate::facts::{ClassUse, DatabaseSnapshot, Index, Level, PostUpdate, Table};
use crate::message::{Fragment, Message, message};
use crate::quote::{code_span, qualified};
use jiff::{
    civil::{Date, date},
    tz::TimeZone,
};
use std::collections::HashMap;

limits! {
    /// Time since the release whose notes ask for the work; older releases are notes
    recent: Seconds = 365 * DAY;
}

/// Maximum number of indexes that a finding names.
const MAX_NAMES: usize = 3;

/// What a task concerns.
#[derive(Clone, Copy)]
enum Object {
    /// Indexes of this access method with an operator class for which the function returns true.
    Indexes(&'static str, fn(&ClassUse) -> bool),
    /// The same, unless the database uses libc and a single-byte encoding.
    IndexesUnlessSingleByteLibc(&'static str, fn(&ClassUse) -> bool),
    /// The same, unless the database uses libc.
    IndexesUnlessLibc(&'static str, fn(&ClassUse) -> bool),
    /// Tables with an index of this access method, to be analyzed.
    TablesWithIndex(&'static str),
    /// The views `pg_stats_ext` and `pg_stats_ext_exprs` as older clusters have them.
    ExtendedStatisticsViews,
    /// Incremental backups: WAL summaries are written (`summarize_wal`).
    IncrementalBackups,
    /// Indexes that a build with CONCURRENTLY made; the catalog does not record it.
    ConcurrentBuilds,
}

/// A task of the release notes.
struct Task {
    /// Name in the subject of a finding and in docs/reference/post-update.md.
    name: &'static str,
    /// Day of the releases.
    day: Date,
    /// The first release of each major with the change. It concerns later majors, too: pg_upgrade keeps the objects.
    releases: &'static [(u32, u32)],
    /// Whether it concerns only the majors in the list.
    only_listed: bool,
    object: Object,
    /// What is to be done with the objects and why, after "DATABASE: ".
    what: &'static str,
}

const AUGUST_2026: &[(u32, u32)] = &[(14, 24), (15, 19), (16, 15), (17, 11), (18, 6)];
const NOVEMBER_2023: &[(u32, u32)] = &[(13, 13), (14, 10), (15, 5), (16, 1)];

/// The tasks, the oldest first. docs/reference/post-update.md has the source of each line.
const TASKS: &[Task] = &[
    Task {
        name: "ltree-gist-signatures",
        day: date(2022, 5, 12),
        releases: &[(13, 7), (14, 3)],
        only_listed: false,
        object: Object::Indexes("gist", |class| class.extension.as_deref() == Some("ltree")),
        what: "rebuild GiST indexes on ltree columns: their default signature length changed",
    },
    Task {
        name: "concurrent-builds-of-14",
        day: date(2022, 6, 16),
        releases: &[(14, 4)],
        only_listed: true,
        object: Object::ConcurrentBuilds,
        what: "indexes built or rebuilt with CONCURRENTLY by 14.0 to 14.3 may lack rows",
    },
    Task {
        name: "gist-page-splits",
        day: date(2023, 11, 9),
        releases: NOVEMBER_2023,
        only_listed: false,
        object: Object::Indexes("gist", |_| true),
        what: "rebuild GiST indexes: a build that split pages recursively could lose entries",
    },
    Task {
        name: "interval-keys",
        day: date(2023, 11, 9),
        releases: NOVEMBER_2023,
        only_listed: false,
        object: Object::Indexes("btree", |class| class.input_type == "interval"),
        what: "rebuild B-tree indexes on interval columns: index-only scans can return other values than the table has",
    },
    Task {
        name: "brin-multi-times",
        day: date(2023, 11, 9),
        releases: &[(14, 10), (15, 5), (16, 1)],
        only_listed: false,
        object: Object::Indexes("brin", |class| {
            let times = ["date_minmax_multi_ops", "timestamp_minmax_multi_ops", "timestamptz_minmax_multi_ops"];
            times.contains(&class.name.as_str())
        }),
        what: "rebuild BRIN minmax_multi indexes on dates and times: they are less selective than they should be",
    },
    Task {
        name: "extended-statistics-views",
        day: date(2024, 5, 9),
        releases: &[(14, 12), (15, 7), (16, 3)],
        only_listed: true,
        object: Object::ExtendedStatisticsViews,
        what: "pg_stats_ext and pg_stats_ext_exprs show values of other owners' tables (CVE-2024-4317)",
    },
    Task {
        name: "brin-bloom",
        day: date(2025, 5, 8),
        releases: &[(15, 13), (16, 9), (17, 5)],
        only_listed: false,
        object: Object::Indexes("brin", |class| class.name.ends_with("_bloom_ops")),
        what: "rebuild BRIN bloom indexes",
    },
    Task {
        name: "brin-multi-numeric",
        day: date(2025, 8, 14),
        releases: &[(17, 6)],
        only_listed: false,
        object: Object::Indexes("brin", |class| class.name == "numeric_minmax_multi_ops"),
        what: "rebuild BRIN numeric_minmax_multi_ops indexes",
    },
    Task {
        name: "text-search-of-18",
        day: date(2025, 9, 25),
        releases: &[(18, 0)],
        only_listed: false,
        object: Object::IndexesUnlessLibc("*", |class| {
            class.name == "tsvector_ops" || class.extension.as_deref() == Some("pg_trgm")
        }),
        what: "after pg_upgrade from 17 or older, rebuild indexes of full text search and pg_trgm: they use the collation \
               provider of the cluster instead of libc",
    },
    Task {
        name: "ltree-case",
        day: date(2026, 2, 12),
        releases: &[(18, 2)],
        only_listed: false,
        object: Object::IndexesUnlessSingleByteLibc("*", |class| class.extension.as_deref() == Some("ltree")),
        what: "rebuild indexes on ltree columns: they fold case in another way, and searches can miss rows",
    },
    Task {
        name: "btree-gist-floats",
        day: date(2026, 8, 13),
        releases: AUGUST_2026,
        only_listed: false,
        object: Object::Indexes("gist", |class| {
            class.extension.as_deref() == Some("btree_gist")
                && ["float4", "float8"].contains(&class.input_type.as_str())
        }),
        what: "rebuild btree_gist indexes on float columns that may contain NaN",
    },
    Task {
        name: "btree-gist-bits",
        day: date(2026, 8, 13),
        releases: AUGUST_2026,
        only_listed: false,
        object: Object::Indexes("gist", |class| {
            class.extension.as_deref() == Some("btree_gist") && ["bit", "varbit"].contains(&class.input_type.as_str())
        }),
        what: "rebuild btree_gist indexes on bit and varbit columns: they are less selective than they should be",
    },
    Task {
        name: "ltree-labels",
        day: date(2026, 8, 13),
        releases: AUGUST_2026,
        only_listed: false,
        object: Object::Indexes("btree", |class| class.extension.as_deref() == Some("ltree")),
        what: "rebuild B-tree indexes on ltree columns that have values of more than 14,653 labels",
    },
    Task {
        name: "gin-row-counts",
        day: date(2026, 8, 13),
        releases: &[(18, 6)],
        only_listed: false,
        object: Object::TablesWithIndex("gin"),
        what: "pg_class.reltuples is not a plausible number, as a parallel build of a GIN index could leave it: autovacuum \
               ignores the table",
    },
    Task {
        name: "incremental-backups",
        day: date(2026, 11, 12),
        releases: &[(18, 7)],
        only_listed: false,
        object: Object::IncrementalBackups,
        what: "WAL is summarized (summarize_wal): existing incremental backups may be corrupt",
    },
];

/// What to do once the objects are known.
struct Work {
    /// Names for the message; empty if the message names the object itself.
    names: Vec<String>,
    advice: Message,
}

fn evaluate(evidence: &Evidence<'_>, limits: &Limits) -> Evaluation {
    let server = &evidence.snapshot.server;
    let mut outcome = CheckOutcome::default();
    let databases = collect_database_facts(evidence.snapshot, |contents| &contents.post_update, &mut outcome);
    collect_database_facts(evidence.snapshot, |contents| &contents.tables, &mut outcome);
    collect_database_facts(evidence.snapshot, |contents| &contents.indexes, &mut outcome);
    for task in TASKS.iter().filter(|task| task.was_released_for(server.version_num)) {
        let age = evidence
            .seconds_since(task.day.to_zoned(TimeZone::UTC).map_or(jiff::Timestamp::MIN, |day| day.timestamp()));
        let is_recent = age <= limits.recent.0;
        // Of a later major only what pg_upgrade may have brought lately.
        if !is_recent && !task.releases.iter().any(|(of, _)| *of == server.major()) {
            continue;
        }
        let mut report = |place: &str, work: Work| {
            let message = task.describe(place, &work.names, server.version_num);
            if is_recent {
                outcome.add_finding(RuleFinding {
                    level: Level::Warning,
                    subject: format!("{place}/{}", task.name),
                    measured: None,
                    threshold: None,
                    message,
                    advice: work.advice,
                });
            } else {
                let mut note = message;
                note.append(message![": "]);
                note.append(work.advice);
                outcome.not_applicable.push(NotApplicable::NotSupported(note));
            }
        };
        match task.object {
            Object::IncrementalBackups => {
                let setting = evidence.setting("summarize_wal");
                if setting.as_ref().is_ok_and(|setting| setting.setting == "on") {
                    let advice = message!["take a full backup after the update, then silence this finding"];
                    report("server", Work { names: Vec::new(), advice });
                } else if let Err(why) = &setting {
                    outcome.add_unavailable(why);
                }
            }
            Object::ConcurrentBuilds => {
                let advice = message![
                    "the catalog does not record which: check them with ",
                    code_span("pg_amcheck --heapallindexed DATABASE"),
                    ", or rebuild them once"
                ];
                report("server", Work { names: Vec::new(), advice });
            }
            object => {
                for (db, marks) in &databases {
                    if let Some(work) = database_work(object, db, marks, server.major()) {
                        report(&db.database, work);
                    }
                }
            }
        }
    }
    Ok(outcome)
}

impl Task {
    /// Returns whether the server has the change: its release, or a later major.
    fn was_released_for(&self, version_num: u32) -> bool {
        let (major, minor) = (version_num / 10_000, version_num % 10_000);
        match self.releases.iter().find(|(of, _)| *of == major) {
            Some((_, first)) => minor >= *first,
            None => !self.only_listed && self.releases.iter().all(|(of, _)| *of < major),
        }
    }

    /// Returns what the task concerns, and until which release.
    fn describe(&self, place: &str, names: &[String], version_num: u32) -> Message {
        let major = version_num / 10_000;
        let release =
            self.releases.iter().rev().find(|(of, _)| *of <= major).map(|(of, minor)| format!("{of}.{minor}"));
        let mut message = message![
            place,
            ": release notes of PostgreSQL ",
            release.unwrap_or_default(),
            format!(" ({}): {}", self.day, self.what)
        ];
        if !names.is_empty() {
            message.append(message![" (", names.iter().take(MAX_NAMES).cloned().collect::<Vec<_>>().join(", ")]);
            if let more @ 1.. = names.len().saturating_sub(MAX_NAMES) {
                message.append(message![" and ", Fragment::Count(more as u64), " more"]);
            }
            message.append(message![")"]);
        }
        message
    }
}

/// Returns the objects of the database that the task concerns; `None` without any.
fn database_work(object: Object, db: &DatabaseSnapshot, marks: &PostUpdate, major: u32) -> Option<Work> {
    let (method, concerns) = match object {
        Object::IndexesUnlessSingleByteLibc(..) if marks.uses_libc && marks.is_single_byte => return None,
        Object::IndexesUnlessLibc(..) if marks.uses_libc => return None,
        Object::Indexes(method, concerns)
        | Object::IndexesUnlessSingleByteLibc(method, concerns)
        | Object::IndexesUnlessLibc(method, concerns) => (method, concerns),
        Object::TablesWithIndex(method) => return tables_to_analyze(db, method),
        Object::ExtendedStatisticsViews => {
            return (marks.restricts_stats_ext == Some(false)).then(|| Work {
                names: Vec::new(),
                advice: message![
                    "run fix-CVE-2024-4317.sql of this release in each database, template0 and template1 included ",
                    format!("(release notes of {major}, CVE-2024-4317)")
                ],
            });
        }
        Object::IncrementalBackups | Object::ConcurrentBuilds => return None,
    };
    let tables: HashMap<u32, &Table> =
        db.tables.known().into_iter().flatten().map(|table| (table.oid, table)).collect();
    let indexes: HashMap<u32, &Index> =
        db.indexes.known().into_iter().flatten().map(|index| (index.oid, index)).collect();
    let found: Vec<(&Index, &Table)> = marks
        .indexes
        .iter()
        .filter(|classed| classed.classes.iter().any(concerns))
        .filter_map(|classed| indexes.get(&classed.oid).copied())
        .filter(|index| !index.is_partitioned && (method == "*" || index.method == method))
        .filter_map(|index| Some((index, *tables.get(&index.table_oid)?)))
        .collect();
    let (first, table) = found.first()?;
    let names = found.iter().map(|(index, table)| qualified(&table.schema, &index.index)).collect();
    let name = qualified(&table.schema, &first.index);
    // REINDEX CONCURRENTLY refuses exclusion constraints (PostgreSQL manual, REINDEX).
    let (command, warning) = if first.is_exclusion {
        (format!("REINDEX INDEX {name}"), ", which blocks writes, because it enforces an exclusion constraint")
    } else {
        (format!("REINDEX INDEX CONCURRENTLY {name}"), "")
    };
    let advice = message![
        "if it was built before that release, ",
        code_span(&command),
        warning,
        if found.len() > 1 { "; the others in the same way" } else { "" },
        "; then silence this finding"
    ];
    Some(Work { names, advice })
}

/// Returns the tables with an index of the method whose number of rows is not a number, or larger than any heap.
fn tables_to_analyze(db: &DatabaseSnapshot, method: &str) -> Option<Work> {
    let with_index: Vec<u32> = db
        .indexes
        .known()
        .into_iter()
        .flatten()
        .filter(|index| index.method == method)
        .map(|index| index.table_oid)
        .collect();
    let tables = db.tables.known().into_iter().flatten();
    let names: Vec<String> = tables
        .filter(|table| with_index.contains(&table.oid) && !is_plausible_row_count(table))
        .map(|table| qualified(&table.schema, &table.table))
        .collect();
    let advice = message![code_span(&format!("ANALYZE {}", names.first()?)), " corrects it"];
    Some(Work { names, advice })
}

/// Returns whether the heap has room for so many rows: at most 291 per page of 8 kB (MaxHeapTuplesPerPage).
fn is_plausible_row_count(table: &Table) -> bool {
    table.reltuples.is_finite() && table.reltuples <= (table.heap.bytes / 28 + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::{TASKS, is_plausible_row_count};
    use crate::checks::testing::{evaluate_check, found_subjects, index};
    use crate::checks::{CheckOutcome, CheckOutcomeKind};
    use crate::facts::Level;
    use serde_json::{Value, json};

    /// Evaluates a server of this version with one index of this method and class, a month after August 2026.
    fn evaluate(version: u32, method: &str, class: &Value, change: impl FnOnce(&mut Value)) -> CheckOutcome {
        evaluate_check("post-update-tasks", |value| {
            value["server"]["version_num"] = json!(version);
            value["collected_at"] = json!("2026-12-01T00:00:00Z");
            let database = &mut value["database_snapshots"][0];
            let mut special = index(20_002, "special", &[2], 1 << 20);
            special["method"] = json!(method);
            database["indexes"]["known"].as_array_mut().unwrap().push(special);
            database["post_update"]["known"]["indexes"] = json!([{"oid": 20_002, "classes": [class]}]);
            change(value);
        })
    }

    fn class(name: &str, input_type: &str, extension: Option<&str>) -> Value {
        json!({"name": name, "input_type": input_type, "extension": extension})
    }

    #[test]
    fn post_update_ignores_other_objects_and_releases() {
        let floats = class("gist_float8_ops", "float8", Some("btree_gist"));
        for version in [180_004, 170_010, 130_023] {
            let outcome = evaluate(version, "gist", &floats, |_| ());
            assert!(found_subjects(&outcome).is_empty(), "{version}: {outcome:?}");
        }
        let texts = class("gist_text_ops", "text", Some("btree_gist"));
        assert_eq!(evaluate(180_006, "gist", &texts, |_| ()).kind(), CheckOutcomeKind::Passed);
        let own = class("gist_float8_ops", "float8", None);
        assert_eq!(evaluate(180_006, "gist", &own, |_| ()).kind(), CheckOutcomeKind::Passed, "not of the extension");
        let ltree = class("ltree_ops", "ltree", Some("ltree"));
        let libc = |value: &mut Value| {
            value["database_snapshots"][0]["post_update"]["known"]["is_single_byte"] = json!(true);
        };
        let subjects = |outcome: &CheckOutcome| -> Vec<String> {
            found_subjects(outcome).into_iter().map(|(_, subject)| subject.to_owned()).collect()
        };
        assert_eq!(subjects(&evaluate(180_006, "btree", &ltree, libc)), ["shop/ltree-labels"]);
        assert_eq!(subjects(&evaluate(180_006, "btree", &ltree, |_| ())), ["shop/ltree-case", "shop/ltree-labels"]);
    }

    #[test]
    fn post_update_names_index_and_command() {
        let floats = class("gist_float8_ops", "float8", Some("btree_gist"));
        // 19 was upgraded from a release without the change.
        for version in [180_006, 150_020, 190_000] {
            let outcome = evaluate(version, "gist", &floats, |_| ());
            assert_eq!(found_subjects(&outcome), [(Level::Warning, "shop/btree-gist-floats")], "{version}");
            let text = format!("{:?}", outcome.findings[0]);
            assert!(text.contains("REINDEX INDEX CONCURRENTLY public.special"), "{text}");
        }
        let excluding = evaluate(180_006, "gist", &floats, |value| {
            let indexes = value["database_snapshots"][0]["indexes"]["known"].as_array_mut().unwrap();
            indexes.last_mut().unwrap()["is_exclusion"] = json!(true);
        });
        let text = format!("{:?}", excluding.findings[0].advice);
        assert!(text.contains("`REINDEX INDEX public.special`") && text.contains("blocks writes"), "{text}");
    }

    #[test]
    fn post_update_old_tasks_are_notes() {
        let interval = class("interval_ops", "interval", None);
        let outcome = evaluate(160_014, "btree", &interval, |_| ());
        assert_eq!(outcome.kind(), CheckOutcomeKind::NotApplicable, "{outcome:?}");
        assert!(format!("{outcome:?}").contains("REINDEX INDEX CONCURRENTLY public.special"), "{outcome:?}");
        assert_eq!(evaluate(180_006, "btree", &interval, |_| ()).kind(), CheckOutcomeKind::Passed, "a later major");
        let views = evaluate_check("post-update-tasks", |value| {
            value["server"]["version_num"] = json!(160_014);
            value["database_snapshots"][0]["post_update"]["known"]["restricts_stats_ext"] = json!(false);
        });
        assert!(format!("{views:?}").contains("fix-CVE-2024-4317.sql"), "{views:?}");
    }

    #[test]
    fn post_update_detects_impossible_row_counts() {
        let table = |reltuples: f64| {
            let mut table: crate::facts::Table =
                serde_json::from_value(crate::checks::testing::database_snapshot()["tables"]["known"][0].clone())
                    .unwrap();
            table.reltuples = reltuples;
            table
        };
        for rows in [f64::NAN, f64::INFINITY, 1e12] {
            assert!(!is_plausible_row_count(&table(rows)), "{rows}");
        }
        for rows in [-1.0, 0.0, 7e6] {
            assert!(is_plausible_row_count(&table(rows)), "{rows}");
        }
    }

    #[test]
    fn post_update_page_lists_every_task() {
        let page =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/post-update.md")).unwrap();
        for task in TASKS {
            assert!(page.contains(&format!("| `{}` | {}", task.name, task.day)), "{}", task.name);
            for (major, minor) in task.releases {
                assert!(page.contains(&format!("{major}.{minor}")), "{}: {major}.{minor}", task.name);
            }
        }
    }
}
