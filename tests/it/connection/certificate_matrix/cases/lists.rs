//! Revocation lists.

use super::*;

pub fn lists() -> Vec<Case> {
    let with = |lists, case: Case| Case { lists, ..case };
    use Lists::{Both, Default, File, Folder, InRootFile, Missing};
    vec![
        case("revoked, no list", &["leaf-revoked"], &["root"], YES, OK),
        with(File(&["root"]), case("revoked", &["leaf-revoked"], &["root"], NO, no("is revoked"))),
        with(File(&["root"]), case("not revoked", &["leaf"], &["root"], YES, OK)),
        with(
            File(&["root-other"]),
            case("list of another issuer", &["leaf"], &["root"], NO, no("there is no revocation list of CN=root")),
        ),
        with(File(&["root-expired"]), case("list expired", &["leaf"], &["root"], NO, no("CN=root has expired, in"))),
        with(File(&["root-expired", "root-nothing"]), case("list expired and renewed", &["leaf"], &["root"], YES, OK)),
        with(
            File(&["root-future"]),
            case("list not yet valid", &["leaf"], &["root"], NO, no("CN=root is not valid yet, in")),
        ),
        with(
            File(&["root-same-name"]),
            case(
                "list of the same name with another key",
                &["leaf"],
                &["root"],
                NO,
                no("signature of a revocation list"),
            ),
        ),
        with(
            File(&["root-other", "root"]),
            case("revoked, by the second list of the file", &["leaf-revoked"], &["root"], NO, no("is revoked")),
        ),
        with(
            File(&["root-revokes-itself"]),
            case("root revoked", &["leaf"], &["root"], NO, no("of CN=root is revoked")),
        ),
        with(
            File(&["root-no-crl-sign"]),
            case("list of a root without cRLSign", &["leaf-by-no-crl-sign"], &["root-no-crl-sign"], NO, no("cRLSign")),
        ),
        with(File(&["root-version-1"]), case("list of version 1", &["leaf"], &["root"], YES, no("version 1"))),
        with(
            File(&["root-partial"]),
            case("list for a part of the certificates", &["leaf"], &["root"], NO, no("2.5.29.28")),
        ),
        with(
            File(&["root-sha1"]),
            case("list signed with SHA-1", &["leaf"], &["root"], YES, no("signature of a revocation list")),
        ),
        with(
            File(&["root"]),
            case(
                "intermediate without a list",
                &["leaf-by-int", "int"],
                &["root"],
                NO,
                no("there is no revocation list of CN=int"),
            ),
        ),
        with(File(&["root", "int"]), case("intermediate with a list", &["leaf-by-int", "int"], &["root"], YES, OK)),
        with(
            File(&["root", "int"]),
            case("revoked by an intermediate", &["leaf-revoked-by-int", "int"], &["root"], NO, no("is revoked")),
        ),
        with(
            File(&["root-revokes-int", "int"]),
            case("intermediate revoked", &["leaf-by-int", "int"], &["root"], NO, no("of CN=int is revoked")),
        ),
        with(Folder(&["root"]), case("revoked, list in a folder", &["leaf-revoked"], &["root"], NO, no("is revoked"))),
        with(
            Folder(&["root", "int"]),
            case("not revoked, lists in a folder", &["leaf-by-int", "int"], &["root"], YES, OK),
        ),
        with(Folder(&[]), case("folder without lists", &["leaf"], &["root"], NO, no("there is no revocation list of"))),
        with(
            Both("root-other", "root"),
            case("revoked, lists in a file and in a folder", &["leaf-revoked"], &["root"], NO, no("is revoked")),
        ),
        with(Missing, case("file of lists missing", &["leaf"], &["root"], YES, no("does not exist"))),
        with(
            Default(&["root"]),
            case("revoked, list in the default file", &["leaf-revoked"], &["root"], NO, no("is revoked")),
        ),
        with(Default(&["root"]), case("not revoked, list in the default file", &["leaf"], &["root"], YES, OK)),
        with(
            InRootFile("root-other", "root"),
            case("revoked, list in the root file", &["leaf-revoked"], &["root"], NO, no("is revoked")),
        ),
        with(File(&["root"]), case("version 1, revoked", &["v1-revoked"], &["root"], NO, no("is revoked"))),
        with(File(&["root"]), case("version 1, not revoked", &["v1"], &["root"], YES, OK)),
        with(
            File(&["root-v1"]),
            case("version 1 and a root of version 1, not revoked", &["v1-by-v1"], &["root-v1"], YES, OK),
        ),
        with(File(&["root"]), case("CA:TRUE, not revoked", &["ca-leaf"], &["root"], YES, OK)),
        with(
            File(&["root"]),
            case(
                "self-signed without a list of its own",
                &["self"],
                &["self"],
                NO,
                no("there is no revocation list of"),
            ),
        ),
        with(File(&["self"]), case("self-signed with a list of its own", &["self"], &["self"], YES, OK)),
        with(
            File(&["self-revoked"]),
            case("self-signed and revoked by itself", &["self"], &["self"], NO, no("is revoked")),
        ),
    ]
}
