use super::*;
use proptest::prelude::*;

fn with(secrets: &[&str]) -> Redactor {
    let mut redactor = Redactor::default();
    secrets.iter().for_each(|secret| redactor.register(secret));
    redactor
}

fn typed(argument: &str) -> Redactor {
    let mut redactor = Redactor::default();
    redactor.register_argument(argument);
    redactor
}

#[test]
fn text_without_secrets_is_unchanged() {
    for (redactor, text) in [
        (with(&[]), "password authentication failed for user \"app\""),
        (with(&["hunter2"]), "no such role; 100 % sure, it\\'s \"\" missing"),
        (with(&[""]), "an empty secret is ignored"),
        (with(&["a"]), "a short one is kept inside words: banana, a_b"),
    ] {
        let expected = if text.starts_with("a short") { text.replacen('a', MARK, 1) } else { text.to_owned() };
        assert_eq!(redactor.foreign(text), expected);
    }
    assert!(matches!(with(&["hunter2"]).foreign("plain"), Cow::Borrowed(_)));
}

#[test]
fn secret_is_replaced_in_every_encoding() {
    let secret = "p@s's:\"w\\ö d%41\n&=+/?";
    let redactor = with(&[secret]);
    let percent = |keep: &[u8]| -> String {
        let encode = |byte: u8| match keep.contains(&byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        };
        secret.bytes().map(encode).collect()
    };
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    for encoded in [
        secret.to_owned(),
        percent(b"pswd"),
        percent(b"pswd@:/+&=").to_ascii_lowercase(),
        secret.replace('\'', "''"),
        secret.replace('"', "\"\""),
        secret.replace('\\', "\\\\").replace('\'', "\\'"),
        format!("{secret:?}"),
        serde_json::to_string(secret).unwrap(),
        secret.escape_default().to_string(),
        secret.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect(),
        hex(secret),
        hex(secret).to_ascii_uppercase(),
    ] {
        let text = format!("got {encoded} here");
        for redacted in [redactor.foreign(&text), redactor.own(&text)] {
            assert!(redacted.contains(MARK) && redacted.ends_with("here"), "{encoded}: {redacted}");
            assert!(!redacted.contains("p@s") && !redacted.contains("70407"), "{encoded}: {redacted}");
        }
    }
}

#[test]
fn base64_is_replaced_at_every_offset() {
    // The end of "hunter2-hunter2" and of "xhunter2-hunter2", and "\0app\0hunter2-hunter2" followed by more.
    for encoded in ["aHVudGVyMi1odW50ZXIy", "eGh1bnRlcjItaHVudGVyMg==", "AGFwcABodW50ZXIyLWh1bnRlcjJtb3Jl"] {
        let redacted = with(&["hunter2-hunter2"]).foreign(encoded).into_owned();
        assert!(redacted.contains(MARK) && redacted.len() + 14 < encoded.len(), "{encoded}: {redacted}");
        assert!(!redacted.contains("W50ZXI"), "{encoded}: {redacted}");
    }
    let url_safe = with(&["~~~???~~~???"]).foreign("fn5-Pz8_fn5-Pz8_").into_owned();
    assert_eq!(url_safe, MARK);
}

#[test]
fn overlapping_secrets_leave_no_part() {
    for (secrets, text, expected) in [
        (&["hunter2", "ter2-more"][..], "x hunter2-more y", "x … y"),
        (&["hunter", "hunter2-long"], "hunter2-long hunter", "… …"),
        (&["abab"], "ababab", "…"),
        (&["aaaa", "bbbb"], "aaaabbbb", "…"),
        (&["hunter2"], "hunter2hunter2 hunter2", "… …"),
    ] {
        assert_eq!(with(secrets).foreign(text), expected);
    }
}

#[test]
fn short_secret_is_replaced_as_a_word_only() {
    let redactor = with(&["a", "app", "test", "password"]);
    assert_eq!(redactor.foreign("a table of app, apps, (app) and latest"), "… table of …, apps, (…) and la…");
    assert_eq!(redactor.own("a table of app; test, latest, passwords"), "a table of app; …, latest, …s");
}

#[test]
fn name_of_the_connection_stays_in_own_text() {
    let mut redactor = with(&["postgres"]);
    redactor.register_name("postgres");
    let text = "cannot connect as user \"postgres\"";
    assert_eq!(redactor.own(text), text);
    assert_eq!(redactor.foreign("your password is postgres"), "your password is …");
}

#[test]
fn short_lived_secrets_are_bounded() {
    let mut redactor = Redactor::default();
    for number in 0..SHORT_LIVED + 1 {
        redactor.register_short_lived(&format!("token-{number:03}"));
    }
    assert_eq!(redactor.short_lived.len(), SHORT_LIVED);
    assert_eq!(redactor.foreign("token-064 token-001 token-000"), "… … token-000");
}

#[test]
fn arguments_without_password_are_unchanged() {
    for argument in [
        "tables",
        "postgresql://h/db",
        "postgresql://u@h/db",
        "postgresql://u:@h/db",
        "host=h user=u",
        "password",
        "password=",
        "postgresql://h:5432/db?user=a",
        "--limit=3",
        "passwords=3",
    ] {
        let text = format!("unexpected argument '{argument}' found");
        assert!(matches!(typed(argument).own(&text), Cow::Borrowed(_)), "{argument}");
    }
}

#[test]
fn typed_password_is_recognised_by_its_context() {
    for (argument, shown) in [
        ("postgresql://u:geheim@h/db", "postgresql://u:…@h/db"),
        ("--color=postgres://u:geheim@h/db", "--color=postgres://u:…@h/db"),
        ("-ppostgres://u:geheim@h", "-ppostgres://u:…@h"),
        ("postgresql://u:ge/hei:m@x@h/db?sslmode=require", "postgresql://u:…@h/db?sslmode=require"),
        ("postgresql://u:ge?heim@h/db", "postgresql://u:…@h/db"),
        ("postgres//u:geheim@h/db", "postgres//u:…@h/db"),
        ("postgresql:/u:geheim@h/db", "postgresql:…@h/db"),
        ("u:geheim@h/db", "u:…@h/db"),
        ("u:x@h/db", "u:…@h/db"),
        ("postgresql://h/db?user=u&password=geheim", "postgresql://h/db?user=u&password=…"),
        ("host=h password=geheim user=u", "host=h password=… user=u"),
        ("host=h PassWord = 'ge heim\\' x' user=u", "host=h PassWord = … user=u"),
        ("password='geheim", "password=…"),
        ("PGPASSWORD=geheim", "PGPASSWORD=…"),
        ("sslpassword=geheim password=geheim", "sslpassword=… password=…"),
    ] {
        let redactor = typed(argument);
        assert_eq!(redactor.own(&format!("no \"{argument}\", u")), format!("no \"{shown}\", u"));
        assert_eq!(redactor.foreign(&format!("no {argument:?}")), format!("no {shown:?}"));
    }
}

#[test]
fn control_characters_are_found_as_terminals_show_them() {
    let redactor = with(&["back\\slash\u{1}end"]);
    assert_eq!(redactor.foreign("no back\\slash\\u{1}end here"), "no … here");
}

proptest! {
    #[test]
    fn no_secret_survives(secrets in prop::collection::vec("\\PC{4,12}", 1..4), before: String, after: String) {
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let redactor = with(&secrets);
        for secret in &secrets {
            for text in [format!("{before}{secret}{after}"), format!("{before}{secret:?}{after}")] {
                let redacted = redactor.foreign(&text);
                prop_assert!(redacted.contains(MARK), "{}", redacted);
                prop_assert!(secret.contains(MARK) || !redacted.contains(secret), "{}", redacted);
            }
        }
    }

    #[test]
    fn nothing_typed_makes_it_fail(text: String, password in "[^@?]{3,20}") {
        typed(&text).own(&text);
        let url = format!("postgresql://ada:{password}@h/db");
        let visible: String = url.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
        for message in [format!("cannot read {url}"), format!("no {url:?}"), format!("no {visible}")] {
            let redacted = typed(&url).own(&message).into_owned();
            prop_assert!(redacted.contains("ada:…@h/db"), "{}", redacted);
        }
    }
}
