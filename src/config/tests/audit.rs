//! What audits take for given.

use super::*;
use crate::analysis::downsize::MoveMethod;

#[test]
fn audit_target_overrides_audit_table() {
    let text = "[audit]\nhorizon = '90d'\nmargin = 25\nprice = 0.2\nmethod = 'dump'\nwal_per_hour = '2GB'\n\
                [target.prod]\nconninfo = 'host=h'\ndisk_size = '2TB'\nprovider = 'rds'\nprice = '0.115'\nmulti_az = true";
    let config = Machine::new().with_file(USER_FILE, text).read(None).unwrap();
    let of_prod = config.audit_overrides(Some("prod"));
    assert_eq!(
        of_prod.price.as_ref().map(|sourced| (sourced.value, sourced.source.as_str())),
        Some((0.115, "price of target \"prod\""))
    );
    let assumed = of_prod.assumptions(crate::facts::Provider::Unknown, None);
    assert_eq!((assumed.allocated_bytes, assumed.horizon_days, assumed.margin), (Some(2 << 40), 90, 0.25));
    assert_eq!((assumed.method, assumed.multi_az, assumed.wal_bytes_per_hour), (MoveMethod::Dump, true, Some(2 << 30)));
    let of_all = config.audit_overrides(None).assumptions(crate::facts::Provider::Unknown, None);
    assert_eq!((of_all.price, of_all.allocated_bytes, of_all.multi_az), (Some(0.2), None, false));
}

#[test]
fn audit_rejects_bad_values_with_line() {
    for (path, text, message) in [
        (USER_FILE, "[audit]\nhorizon = 'soon'", "line 2: \"soon\" is not a duration"),
        (
            USER_FILE,
            "[audit]\nmargin = 99",
            "line 2: [audit] margin: \"99\" is not a percentage: write an integer from 0 to 90",
        ),
        (USER_FILE, "[audit]\nprovider = 'acme'", "line 2: [audit] provider: unknown provider; expected one of"),
        (USER_FILE, "[audit]\nmethod = 'teleport'", "line 2: [audit] method: \"teleport\" is not one of blue-green"),
        (USER_FILE, "[audit]\nhorizon = '180'", "line 2: \"180\" has no unit: write 180d for days"),
        (USER_FILE, "[audit]\nway = 'dump'", "line 2: \"way\" in [audit] is now called \"method\""),
        (USER_FILE, "[audit]\nprice = -1", "line 2: [audit] price: \"-1\" is not a price"),
        (USER_FILE, "[audit]\nprice = ['x']", "line 2: \"price\" must be a number or a string, not a list"),
        (USER_FILE, "[audit]\nalocated = '2TB'", "line 2: unknown key \"alocated\" in [audit]"),
        (
            USER_FILE,
            "[target.a]\nconninfo=''\nstorage_type='floppy'",
            "line 3: storage_type of target \"a\": \"floppy\"",
        ),
        (WORKING_DIRECTORY_FILE, "[audit]\nmargin = 5", "a margin below 20 is not allowed in"),
        (WORKING_DIRECTORY_FILE, "[audit]\noutage = '1h'", "outage below 6 hours is not allowed in"),
        (WORKING_DIRECTORY_FILE, "[audit]\ngrowth = '0'", "\"growth\" is not allowed in"),
        (WORKING_DIRECTORY_FILE, "[target.a]\nconninfo=''\nprovider='self'", "\"provider\" is not allowed in"),
    ] {
        let (said, _) = config_error_of(path, text);
        assert!(said.contains(message), "{text}: {said}");
    }
    let harmless = "[audit]\nmargin = 40\nhorizon = '1000d'\nprice = 0.1\nmulti_az = true";
    assert!(Machine::new().with_file(WORKING_DIRECTORY_FILE, harmless).read(None).is_ok());
}
