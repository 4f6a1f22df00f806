//! The server and psql read what pgtend quotes as intended: all keywords, and random texts.

use std::process::Command;

use pgtend::quote::{is_unprintable, quote_identifier, quote_literal};

use crate::clusters::{connect_superuser, on_a_major_and_the_newest_shared, print_stderr, query_texts};

fn random_text(random: &mut fastrand::Rng, most: usize) -> String {
    let mut text = String::new();
    let wanted = random.usize(1..=most);
    while text.len() < wanted {
        let letter = match random.u8(..4) {
            0 => char::from(random.u8(1..128)),
            1 => ['\'', '"', '\\', '$', ';', '-', '/', '*', '\n', ' ', 'a', 'E', '%'][random.usize(..13)],
            _ => random.char('\u{1}'..),
        };
        if text.len() + letter.len_utf8() > most {
            break;
        }
        text.push(letter);
    }
    text
}

#[tokio::test]
async fn quoting_reads_back_on_the_server() {
    on_a_major_and_the_newest_shared(13, "quoting", async |major, cluster| {
        let words = "select word, quote_ident(word), catcode::text from pg_get_keywords()";
        let words = query_texts(cluster, "postgres", words).await;
        assert!(words.len() > 400);
        let client = connect_superuser(cluster, "postgres").await;
        for row in words {
            let [word, theirs, kind] = [0, 1, 2].map(|position| row[position].clone().expect("a text"));
            let ours = quote_identifier(&word);
            if kind == "C" {
                // A type name: allowed as a table or column without quotes, but not as a function.
                let table = format!("create temp table {ours} ({ours} int); drop table {ours}");
                client.batch_execute(&table).await.unwrap_or_else(|error| panic!("{word} on {major}: {error:?}"));
            } else {
                // Quoting more than this server needs is harmless; quoting less changes the meaning.
                assert!(ours == theirs || ours == format!("\"{word}\""), "{word} on {major}: {ours}, {theirs}");
            }
        }
        let mut random = fastrand::Rng::with_seed(u64::from(major));
        for _ in 0..100 {
            let (name, text) = (random_text(&mut random, 63), random_text(&mut random, 200));
            let (identifier, literal) = (quote_identifier(&name), quote_literal(&text));
            let rows = client.query(&format!("select {literal} as {identifier}"), &[]).await;
            let rows = rows.unwrap_or_else(|error| panic!("{error:?}: {literal} as {identifier}"));
            assert_eq!((rows[0].columns()[0].name(), rows[0].get::<_, &str>(0)), (&*name, &*text));
            if !name.contains(is_unprintable) {
                let server = client.query_one("select quote_ident($1)", &[&name]).await.expect("quoted");
                assert_eq!(server.get::<_, String>(0), identifier, "{name:?} on {major}");
            }
        }
    })
    .await;
}

/// Interpolation of variables, backslashes and either setting of standard_conforming_strings change nothing: psql is
/// the oracle.
#[tokio::test]
async fn quoting_is_literal_in_psql() {
    if Command::new("psql").arg("--version").output().is_err() {
        return print_stderr("quoting in psql: NOT RUN, there is no psql");
    }
    on_a_major_and_the_newest_shared(13, "quoting in psql", async |major, cluster| {
        let mut random = fastrand::Rng::with_seed(u64::from(major));
        let fixed = ["a:b :'x' :\"x\" :x", "\\q \\! \\", "it's \"x\"", "two\nlines\r\t\u{1b}\u{202e}", "E'\\", "ünï🐘"];
        let texts: Vec<String> = fixed.map(str::to_owned).into_iter().chain((0..20).map(|_| random_text(&mut random, 60))).collect();
        // From 19 on, `off` is refused, and escape_string_warning does not exist.
        let (settings, options) =
            if major < 19 { (&["on", "off"][..], "-c escape_string_warning=off") } else { (&["on"][..], "") };
        for setting in settings {
            let mut script = format!("\\set x injected\nset standard_conforming_strings = {setting};\n");
            for text in &texts {
                let (name, literal) = (quote_identifier(text), quote_literal(text));
                script.push_str(&format!(
                    "select encode(convert_to({literal}, 'UTF8'), 'hex'), \
                     (select encode(convert_to(j.key, 'UTF8'), 'hex') from json_each(row_to_json(r)) j) from (select 1 as {name}) r;\n"
                ));
            }
            let output = assert_cmd::Command::new("psql")
                .args(["-XAtq", "-F", " ", "-v", "ON_ERROR_STOP=1", "-d", &cluster.conninfo()])
                .env("PGOPTIONS", options)
                .write_stdin(script)
                .output()
                .expect("psql runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let answers = String::from_utf8(output.stdout).expect("text");
            let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
            let expected: Vec<String> = texts.iter().map(|text| format!("{0} {0}", hex(text))).collect();
            assert_eq!(answers.lines().collect::<Vec<_>>(), expected, "on {major}, {setting}");
        }
    })
    .await;
}
