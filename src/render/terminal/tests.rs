use super::*;
use crate::render::{Cell, Column, Table, Value};
use proptest::prelude::*;

fn render(table: impl Into<Table>, width: Option<usize>) -> String {
    let mut document = Document::default();
    document.table(table);
    render_terminal(&document, Style { color: false, width })
}

fn names_and_sizes(rows: &[(&str, u64)]) -> Table {
    let table = Table::with_rows(rows)
        .column(Column::text("table", "table", 0), |(name, _)| Cell::name(*name))
        .column(Column::numbers("total_bytes", "total", 0), |(_, size)| Cell::bytes(*size))
        .column(Column::numbers("heap_bytes", "heap", 2), |(_, size)| Cell::bytes(*size))
        .column(Column::text("note", "note", 1), |_| Cell::text("as it was"));
    table.into()
}

const LONG_NAME: &str = "a_very_long_table_name_that_has_a_date_at_its_end_2026_11";

#[test]
fn terminal_narrow_gives_long_name_its_own_line() {
    insta::assert_snapshot!(render(names_and_sizes(&[(LONG_NAME, 1 << 30), ("b", 8_192)]), Some(36)), @r"
    table  total  heap  note
    a_very_long_table_name_that_has_a_da
    te_at_its_end_2026_11
            1 GB  1 GB  as it was
    b       8 kB  8 kB  as it was
    ");
}

#[test]
fn terminal_leaves_out_columns_before_names() {
    insta::assert_snapshot!(render(names_and_sizes(&[(LONG_NAME, 1 << 30), ("b", 8_192)]), Some(72)), @r"
    table                                                      total
    a_very_long_table_name_that_has_a_date_at_its_end_2026_11   1 GB
    b                                                           8 kB
    not shown at this width: heap, note
    ");
}

#[test]
fn terminal_unlimited_is_plain_and_full() {
    let text = render(names_and_sizes(&[("x\u{1b}[31m", 0)]), None);
    assert!(text.contains("x\\u{1b}[31m") && !text.contains('\u{1b}'), "{text}");
    assert!(text.contains("heap"), "an empty column is shown: {text}");
}

#[test]
fn terminal_wraps_long_text() {
    let rows = [("WAL of slots a, b and c, if their owners confirm", 8_192), ("pg_wal", 1 << 30)];
    let table = Table::with_rows(rows)
        .column(Column::text("term", "term", 0), |(term, _)| Cell::text(*term))
        .column(Column::numbers("bytes", "size", 0), |(_, bytes)| Cell::bytes(*bytes));
    insta::assert_snapshot!(render(table, Some(36)), @r"
    term                         size
    WAL of slots a, b and c, if  8 kB
      their owners confirm
    pg_wal                       1 GB
    ");
}

#[test]
fn terminal_leaves_out_empty_columns_and_shared_schema() {
    let rows = |schemas: [&'static str; 2]| {
        Table::with_rows(schemas.into_iter().zip(["orders", "users"]))
            .column(Column::text("index", "index", 0), |(schema, table)| Cell::index(*schema, format!("{table}_pkey")))
            .column(Column::text("table", "table", 1), |(schema, table)| Cell::relation(*schema, *table))
            .column(Column::numbers("dead", "dead", 2), |_| Cell::count(0))
            .column(Column::numbers("toast", "toast", 0).unless_empty(), |_| Cell::bytes(0))
            .column(Column::numbers("scans", "scans", 0), |_| Cell::count(0))
            .column(Column::text("owner", "owner", 3), |_| Cell::new(Value::Unknown))
            .column(Column::text("definition", "definition", 9).for_files(), |_| Cell::text("CREATE INDEX"))
    };
    insta::assert_snapshot!(render(rows(["shop", "shop"]), Some(80)), @r"
    Schema: shop
    index        table   scans  owner
    orders_pkey  orders      0  ?
    users_pkey   users       0  ?
    0 or empty in all rows: dead, toast
    ");
    insta::assert_snapshot!(render(rows(["shop", "crm"]), Some(80)), @r"
    index             table        scans  owner
    shop.orders_pkey  shop.orders      0  ?
    crm.users_pkey    crm.users        0  ?
    0 or empty in all rows: dead, toast
    ");
    insta::assert_snapshot!(render(rows(["shop", "shop"]), None), @r"
    index        table        dead  toast  scans  owner
    orders_pkey  shop.orders     0    0 B      0  ?
    users_pkey   shop.users      0    0 B      0  ?
    ");
}

/// Names as ORMs make them: equal at both ends, 40 to 63 characters.
fn long_names() -> Vec<String> {
    let name = |number: usize| {
        let middle = "subscription_invoice_line_item_taxes";
        format!("customer_{}_{number:02}_created_at_idx", &middle[..middle.len() - number % 24])
    };
    let names: Vec<String> = (0..50).map(name).collect();
    assert!(names.iter().all(|name| (40..=63).contains(&name.len())));
    names
}

fn index_list(names: &[String]) -> Table {
    let table = Table::with_rows(names)
        .column(Column::text("index", "index", 0), |name| Cell::index("shop", *name))
        .column(Column::numbers("size", "size", 0), |_| Cell::bytes(412 << 10))
        .column(Column::numbers("bloat", "bloat", 4), |_| Cell::bytes(16 << 10))
        .column(Column::numbers("scans", "scans", 0), |_| Cell::count(1_234))
        .column(Column::text("verdict", "verdict", 0), |_| Cell::text("review"))
        .column(Column::text("why", "why", 0), |_| Cell::text("never scanned, short window"))
        .column(Column::text("table", "table", 1), |name| Cell::relation("shop", name.trim_end_matches("_idx")))
        .column(Column::numbers("writes", "writes", 2), |_| Cell::count(120_000))
        .column(Column::text("kind", "kind", 2), |_| Cell::text("partial"));
    table.into()
}

#[test]
fn terminal_never_shortens_labels() {
    let names = long_names();
    for width in [80, 100, 120, 160, 200] {
        let text = render(index_list(&names), Some(width));
        for name in &names {
            let labelled = text.lines().filter(|line| line.split_whitespace().next() == Some(name.as_str()));
            assert_eq!(labelled.count(), 1, "{name} at {width}:\n{text}");
        }
        assert_eq!(text.matches("1,234").count(), names.len(), "{text}");
        assert_eq!(text.matches("never scanned, short window").count(), names.len(), "at {width}:\n{text}");
        assert!(text.lines().all(|line| line.width() <= width), "{text}");
        assert!(!text.contains('…'), "{text}");
    }
}

#[test]
fn terminal_optional_columns_leave_names_in_their_rows() {
    // 63 characters and all required columns fit into 120 columns.
    let names: Vec<String> = (0..50).map(|number| format!("{:x<60}_{number:02}", "index_")).collect();
    for width in [120, 130, 150, 200] {
        let text = render(index_list(&names), Some(width));
        let rows = text.lines().filter(|line| line.starts_with("index_") && line.contains("1,234"));
        assert_eq!(rows.count(), names.len(), "at {width}:\n{text}");
    }
    // One outlier does not hide the columns of all others.
    let mut names: Vec<String> = (0..50).map(|number| format!("orders_{number:02}_idx")).collect();
    names[7] = format!("{:x<63}", "outlier_");
    let text = render(index_list(&names), Some(100));
    assert!(text.contains("writes") && text.lines().any(|line| line == names[7]), "{text}");
}

#[test]
fn terminal_shortened_names_stay_unique() {
    let databases: Vec<String> = (0..20)
        .map(|number| format!("tenant_in_a_very_long_region_name_{number:02}_of_the_production_cluster"))
        .collect();
    let table = Table::with_rows(&databases)
        .column(Column::text("table", "table", 0), |_| Cell::name("orders_of_the_current_year"))
        .column(Column::text("database", "database", 0), |database| Cell::name(*database))
        .column(Column::numbers("total", "total", 0), |_| Cell::bytes(8_192));
    let text = render(table, Some(60));
    let mut shown: Vec<&str> =
        text.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with("tenant"))).collect();
    shown.sort_unstable();
    shown.dedup();
    assert_eq!(shown.len(), databases.len(), "{text}");
}

#[test]
fn terminal_shortens_excerpts() {
    let table = Table::with_rows(["select ".to_owned() + &"column_name, ".repeat(20) + "1 from orders"])
        .column(Column::text("query", "query", 0), |query| Cell::new(Value::Excerpt(query.clone())))
        .column(Column::numbers("calls", "calls", 1), |_| Cell::count(3));
    let text = render(table, Some(60));
    assert!(text.lines().count() == 2 && text.contains('…') && text.contains("calls"), "{text}");
}

proptest! {
    #[test]
    fn terminal_lines_fit_width(name in "[a-zü🐘_]{1,70}", width in 36_usize..100) {
        let text = render(names_and_sizes(&[(&name, 1 << 20)]), Some(width));
        for line in text.lines() {
            prop_assert!(line.width() <= width, "{} > {width}: {line}", line.width());
        }
    }
}
