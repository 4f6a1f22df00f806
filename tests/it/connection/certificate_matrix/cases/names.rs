//! Host names and addresses.

use super::*;

pub fn name_cases() -> Vec<Case> {
    let name = |name, certificate, full: bool| {
        let verdict = if full { ACCEPTED } else { ["", "not for host name"] };
        new_case(name, certificate, &["root"], [true, full], verdict)
    };
    let address = |case: Case| Case { host: "127.0.0.1", ..case };
    vec![
        Case { host: "other.test", ..name("another host", &["leaf"], false) },
        name("wildcard for the first label", &["wildcard"], true),
        Case { host: "a.db.test", ..name("wildcard for two labels", &["wildcard"], false) },
        name("wildcard for the last label", &["wildcard-tail"], false),
        name("wildcard for a part of a label", &["wildcard-part"], false),
        name("wildcard below the host", &["wildcard-deeper"], false),
        name("name in capitals", &["uppercase"], true),
        address(name("address", &["ip"], true)),
        address(name("address as DNS name", &["ip-as-dns"], true)),
        address(name("address as common name", &["ip-as-cn"], true)),
        address(name("wildcard and an address", &["wildcard"], false)),
        name("common name only", &["cn"], true),
        name("common name with a wildcard", &["cn-wildcard"], true),
        name("common name beside another DNS name", &["cn-beside-san"], false),
        name("common name beside an address", &["cn-beside-ip"], true),
        name("DNS name beside another common name", &["san-beside-cn"], true),
        ONLY_CA_SELF,
    ]
}

const ONLY_CA_SELF: Case = Case {
    name: "self-signed, another host",
    sent_chain: &["self"],
    roots: &["self"],
    lists: Lists::None,
    host: "other.test",
    psql: ONLY_CA,
    pgtend: ["", "not for host name"],
};
