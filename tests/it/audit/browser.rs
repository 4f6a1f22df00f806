//! The HTML report in a real browser: no network requests, no console errors, names stay text, it can be printed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::clusters::{newest_installation, print_stderr, sample_cases};
use crate::reports::fixture_servers::{DATABASE, fixture_servers, role_conninfo};
use crate::reports::program::run_pgtend;

/// Results of loading a page.
struct LoadedPage {
    dom: String,
    console_messages: Vec<String>,
    requests: Vec<String>,
}

fn find_chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name))).find(|path| path.is_file())
}

/// Runs the browser once; returns its stdout and stderr.
fn run_browser(chromium: &Path, folder: &Path, page: &Path, arguments: &[String]) -> (String, String) {
    let mut command = Command::new(chromium);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-sync",
        "--disable-background-networking",
        "--disable-component-update",
        "--enable-logging=stderr",
        "--disable-features=OptimizationHints,MediaRouter",
    ]);
    command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    command.args(arguments).arg(format!("file://{}", page.display()));
    let output = command.output().expect("chromium runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn open_page(chromium: &Path, folder: &Path, page: &Path) -> LoadedPage {
    let net = folder.join("net.json");
    let arguments = ["--dump-dom".to_owned(), format!("--log-net-log={}", net.display())];
    let (dom, stderr) = run_browser(chromium, folder, page, &arguments);
    let complaints = stderr.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
    // Chromium makes requests of its own. Requests of the page have an initiator that is not a trusted one.
    let log = fs::read_to_string(&net).unwrap_or_default();
    let requests = log
        .lines()
        .filter(|line| {
            line.contains("\"url\":\"http")
                && line.contains("\"initiator\":\"")
                && !line.contains("\"initiator\":\"not an origin\"")
        })
        .map(str::to_owned);
    LoadedPage { dom, console_messages: complaints, requests: requests.collect() }
}

/// Prints the page as a PDF and as a picture.
fn print_page(chromium: &Path, folder: &Path, page: &Path) -> (Vec<u8>, Vec<u8>) {
    let (pdf, picture) = (folder.join("page.pdf"), folder.join("page.png"));
    run_browser(chromium, folder, page, &[format!("--print-to-pdf={}", pdf.display())]);
    let arguments = ["--window-size=1200,1600".to_owned(), format!("--screenshot={}", picture.display())];
    run_browser(chromium, folder, page, &arguments);
    (fs::read(pdf).unwrap_or_default(), fs::read(picture).unwrap_or_default())
}

#[tokio::test]
async fn audit_html_loads_without_requests_or_errors() {
    let Some(chromium) = find_chromium() else {
        return print_stderr("HTML in a browser: NOT RUN, there is no chromium");
    };
    let folder = tempfile::tempdir().expect("a folder");
    // The test detects errors and requests of a bad page.
    let bad = folder.path().join("bad.html");
    fs::write(&bad, "<script>console.error('seen')</script><img src='http://127.0.0.1:9/x.png'>").expect("a file");
    let seen = open_page(&chromium, folder.path(), &bad);
    assert!(
        seen.console_messages.iter().any(|message| message.contains("seen")) && !seen.requests.is_empty(),
        "console errors and requests of a bad page are not detected"
    );

    let major = newest_installation().major;
    let place = role_conninfo(&fixture_servers(major).primary, "postgres", DATABASE);
    let given: &[&str] = &["--growth", "1MB", "--wal-per-hour", "64MB", "--price", "0.115", "--allocated", "2TB"];
    let reports: [(&str, &[&str]); 5] =
        [("audit", given), ("overview", &[]), ("indexes", &[]), ("tables", &[]), ("check", &["--history", "none"])];
    for (name, more) in sample_cases("HTML in a browser", reports, 3) {
        let page = folder.path().join(format!("{name}.html"));
        let output = page.to_str().expect("a path");
        let answer = run_pgtend(&[&[name, "-w", "-d", &place, "--format", "html", "--output", output], more].concat());
        assert!(answer.stdout.is_empty() && page.is_file(), "{name}: {answer:?}");
        if name == "audit" {
            // The audit has charts; all reports share one style sheet.
            let (pdf, screenshot) = print_page(&chromium, folder.path(), &page);
            assert!(pdf.starts_with(b"%PDF") && pdf.len() > 5_000, "{} bytes of PDF", pdf.len());
            assert!(screenshot.len() > 5_000, "{} bytes of picture", screenshot.len());
        }
        let page = open_page(&chromium, folder.path(), &page);
        assert!(page.console_messages.is_empty(), "{name}: {:?}", page.console_messages);
        assert!(page.requests.is_empty(), "{name}: {:?}", page.requests);
        assert!(!page.dom.contains("<script"), "{name}");
        if matches!(name, "audit" | "overview" | "tables") {
            assert!(
                page.dom.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
                "{name}: the table's name is not there"
            );
        }
    }
    print_stderr(&format!("HTML in a browser: ran with {} on {major}", chromium.display()));
}
