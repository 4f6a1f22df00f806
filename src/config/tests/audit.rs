//! What audits take for given.

use super::*;
use crate::judge::audit::Way;

#[test]
fn what_audits_take_for_given_is_read_and_the_target_comes_first() {
    let text = "[audit]\nhorizon = '90d'\nmargin = 25\nprice = 0.2\nway = 'dump'\nwal_per_hour = '2GB'\n\
                [target.prod]\nconninfo = 'host=h'\ndisk_size = '2TB'\nprovider = 'rds'\nprice = '0.115'\nmulti_az = true";
    let config = Machine::new().with(OWN, text).read(None).unwrap();
    let of_prod = config.given_for_audits(Some("prod"));
    assert_eq!(of_prod.price.as_ref().map(|it| (it.value, it.by.as_str())), Some((0.115, "price of target \"prod\"")));
    let assumed = of_prod.assumptions(crate::model::Provider::Unknown, None);
    assert_eq!((assumed.allocated_bytes, assumed.horizon_days, assumed.margin), (Some(2 << 40), 90, 0.25));
    assert_eq!((assumed.way, assumed.multi_az, assumed.wal_bytes_per_hour), (Way::Dump, true, Some(2 << 30)));
    let of_all = config.given_for_audits(None).assumptions(crate::model::Provider::Unknown, None);
    assert_eq!((of_all.price, of_all.allocated_bytes, of_all.multi_az), (Some(0.2), None, false));
}

#[test]
fn what_no_audit_can_take_for_given_is_refused_with_its_line() {
    for (path, text, message) in [
        (OWN, "[audit]\nhorizon = 'soon'", "line 2: \"soon\" is not a duration"),
        (OWN, "[audit]\nmargin = 99", "line 2: [audit] margin: \"99\" is no share"),
        (OWN, "[audit]\nprovider = 'acme'", "line 2: [audit] provider: no provider of that name"),
        (OWN, "[audit]\nway = 'teleport'", "line 2: [audit] way: \"teleport\" is none of blue-green"),
        (OWN, "[audit]\nprice = -1", "line 2: [audit] price: \"-1\" is not a price"),
        (OWN, "[audit]\nprice = ['x']", "line 2: \"price\" is neither a number nor a text but a list"),
        (OWN, "[audit]\nalocated = '2TB'", "line 2: unknown key \"alocated\" in [audit]"),
        (OWN, "[target.a]\nconninfo=''\nstorage_type='floppy'", "line 3: storage_type of target \"a\": \"floppy\""),
        (FOUND, "[audit]\nmargin = 5", "a margin below 20 may not stand in"),
        (FOUND, "[audit]\noutage = '1h'", "outage below 6 hours may not stand in"),
        (FOUND, "[audit]\ngrowth = '0'", "\"growth\" may not stand in"),
        (FOUND, "[target.a]\nconninfo=''\nprovider='self'", "\"provider\" may not stand in"),
    ] {
        let (said, _) = refusal(path, text);
        assert!(said.contains(message), "{text}: {said}");
    }
    let harmless = "[audit]\nmargin = 40\nhorizon = '1000d'\nprice = 0.1\nmulti_az = true";
    assert!(Machine::new().with(FOUND, harmless).read(None).is_ok());
}
