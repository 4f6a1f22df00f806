//! What pgtend quotes, the server reads as it was meant: all its keywords, and texts of any letters.

use pgtend::model::{quote_identifier, quote_literal};

use crate::clusters::{connect, on_every_major, query_texts};

fn any_text(dice: &mut fastrand::Rng, most: usize) -> String {
    let mut text = String::new();
    let wanted = dice.usize(1..=most);
    while text.len() < wanted {
        let letter = match dice.u8(..4) {
            0 => char::from(dice.u8(1..128)),
            1 => ['\'', '"', '\\', '$', ';', '-', '/', '*', '\n', ' ', 'a', 'E', '%'][dice.usize(..13)],
            _ => dice.char('\u{1}'..),
        };
        if text.len() + letter.len_utf8() > most {
            break;
        }
        text.push(letter);
    }
    text
}

#[tokio::test]
async fn what_is_quoted_is_what_the_server_reads() {
    on_every_major("quoting", async |major, cluster| {
        let words = "select word, quote_ident(word), catcode::text from pg_get_keywords()";
        let words = query_texts(cluster, "postgres", words).await;
        assert!(words.len() > 400);
        let client = connect(cluster, "postgres").await;
        for row in words {
            let [word, theirs, kind] = [0, 1, 2].map(|at| row[at].clone().expect("a text"));
            let ours = quote_identifier(&word);
            if kind == "C" {
                // It may be a name as it stands, though not a function's.
                let table = format!("create temp table {ours} ({ours} int); drop table {ours}");
                client.batch_execute(&table).await.unwrap_or_else(|error| panic!("{word} on {major}: {error:?}"));
            } else {
                // More than the server of today needs harms nobody; less is read as something else.
                assert!(ours == theirs || ours == format!("\"{word}\""), "{word} on {major}: {ours}, {theirs}");
            }
        }
        let mut dice = fastrand::Rng::with_seed(u64::from(major));
        for _ in 0..100 {
            let (name, text) = (any_text(&mut dice, 63), any_text(&mut dice, 200));
            let (identifier, literal) = (quote_identifier(&name), quote_literal(&text));
            let rows = client.query(&format!("select {literal} as {identifier}"), &[]).await;
            let rows = rows.unwrap_or_else(|error| panic!("{error:?}: {literal} as {identifier}"));
            assert_eq!((rows[0].columns()[0].name(), rows[0].get::<_, &str>(0)), (&*name, &*text));
            let server = client.query_one("select quote_ident($1)", &[&name]).await.expect("quoted");
            assert_eq!(server.get::<_, String>(0), identifier, "{name:?} on {major}");
        }
    })
    .await;
}
