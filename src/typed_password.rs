//! Passwords on the command line, so that no message repeats one: who puts a connection string where none belongs reads an
//! error that names it.

use crate::{
    pg::conninfo::{PasswordIn, passwords_in},
    render::visible,
};
use std::{borrow::Cow, ffi::OsString};

/// The text without the passwords that these arguments hold, in whatever way it shows them.
pub fn concealed(text: &str, arguments: impl Iterator<Item = OsString>) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for argument in arguments {
        for password in passwords_in(&argument.to_string_lossy()) {
            for (shown, without) in as_messages_show_it(&password) {
                if text.contains(&shown) {
                    text = text.replace(&shown, &without).into();
                }
            }
        }
    }
    text
}

/// The password as messages show it, with what stands before and after it, and the same without it.
fn as_messages_show_it(PasswordIn { before, password, after }: &PasswordIn<'_>) -> [(String, String); 3] {
    let as_typed = (format!("{before}{password}{after}"), format!("{before}…{after}"));
    let quoted = |text: &str| {
        let quoted = format!("{text:?}");
        quoted[1..quoted.len() - 1].to_owned()
    };
    let escaped = (quoted(&as_typed.0), quoted(&as_typed.1));
    let made_visible = (visible(&as_typed.0).into_owned(), visible(&as_typed.1).into_owned());
    [as_typed, escaped, made_visible]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &str, argument: &str) -> String {
        concealed(text, std::iter::once(argument.into())).into_owned()
    }

    #[test]
    fn what_holds_no_password_is_told_as_it_is() {
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
            assert!(matches!(concealed(&text, std::iter::once(argument.into())), Cow::Borrowed(_)), "{argument}");
        }
    }

    #[test]
    fn passwords_are_told_from_what_stands_beside_them() {
        for (argument, shown) in [
            ("postgresql://u:geheim@h/db", "postgresql://u:…@h/db"),
            ("--color=postgres://u:geheim@h/db", "--color=postgres://u:…@h/db"),
            ("-ppostgres://u:geheim@h", "-ppostgres://u:…@h"),
            ("postgresql://u:ge/hei:m@x@h/db?sslmode=require", "postgresql://u:…@h/db?sslmode=require"),
            ("postgresql://u:ge?heim@h/db", "postgresql://u:…@h/db"),
            ("postgres//u:geheim@h/db", "postgres//u:…@h/db"),
            ("postgresql:/u:geheim@h/db", "postgresql:…@h/db"),
            ("u:geheim@h/db", "u:…@h/db"),
            ("postgresql://h/db?user=u&password=geheim", "postgresql://h/db?user=u&password=…"),
            ("host=h password=geheim user=u", "host=h password=… user=u"),
            ("host=h PassWord = 'ge heim\\' x' user=u", "host=h PassWord = … user=u"),
            ("password='geheim", "password=…"),
            ("PGPASSWORD=geheim", "PGPASSWORD=…"),
            ("sslpassword=geheim password=geheim", "sslpassword=… password=…"),
        ] {
            assert_eq!(
                told(&format!("there is no \"{argument}\", u"), argument),
                format!("there is no \"{shown}\", u")
            );
            assert_eq!(told(&format!("no {argument:?}"), argument), format!("no {shown:?}"));
        }
    }

    proptest! {
        #[test]
        fn nothing_typed_makes_it_fail_and_no_password_of_a_url_is_repeated(text: String, password in "[^@?]{3,20}") {
            told(&text, &text);
            let url = format!("postgresql://ada:{password}@h/db");
            for message in [format!("cannot read {url}"), format!("no {url:?}"), visible(&format!("no {url}")).into_owned()] {
                let told = told(&message, &url);
                prop_assert!(told.contains("ada:…@h/db"), "{}", told);
            }
        }
    }
}
