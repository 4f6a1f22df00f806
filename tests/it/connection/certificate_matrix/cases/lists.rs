//! Revocation lists.

use super::*;

pub fn list_cases() -> Vec<Case> {
    let with = |lists, case: Case| Case { lists, ..case };
    use Lists::{Both, Default, File, Folder, InRootFile, Missing};
    vec![
        new_case("revoked, no list", &["leaf-revoked"], &["root"], BOTH_ACCEPT, ACCEPTED),
        with(
            File(&["root"]),
            new_case("revoked", &["leaf-revoked"], &["root"], BOTH_REFUSE, refused_with("is revoked")),
        ),
        with(File(&["root"]), new_case("not revoked", &["leaf"], &["root"], BOTH_ACCEPT, ACCEPTED)),
        with(
            File(&["root-other"]),
            new_case(
                "list of another issuer",
                &["leaf"],
                &["root"],
                BOTH_REFUSE,
                refused_with("there is no revocation list of CN=root"),
            ),
        ),
        with(
            File(&["root-expired"]),
            new_case("list expired", &["leaf"], &["root"], BOTH_REFUSE, refused_with("CN=root has expired, in")),
        ),
        with(
            File(&["root-expired", "root-nothing"]),
            new_case("list expired and renewed", &["leaf"], &["root"], BOTH_ACCEPT, ACCEPTED),
        ),
        with(
            File(&["root-future"]),
            new_case(
                "list not yet valid",
                &["leaf"],
                &["root"],
                BOTH_REFUSE,
                refused_with("CN=root is not valid yet, in"),
            ),
        ),
        with(
            File(&["root-same-name"]),
            new_case(
                "list of the same name with another key",
                &["leaf"],
                &["root"],
                BOTH_REFUSE,
                refused_with("signature of a revocation list"),
            ),
        ),
        with(
            File(&["root-other", "root"]),
            new_case(
                "revoked, by the second list of the file",
                &["leaf-revoked"],
                &["root"],
                BOTH_REFUSE,
                refused_with("is revoked"),
            ),
        ),
        with(
            File(&["root-revokes-itself"]),
            new_case("root revoked", &["leaf"], &["root"], BOTH_REFUSE, refused_with("of CN=root is revoked")),
        ),
        with(
            File(&["root-no-crl-sign"]),
            new_case(
                "list of a root without cRLSign",
                &["leaf-by-no-crl-sign"],
                &["root-no-crl-sign"],
                BOTH_REFUSE,
                refused_with("cRLSign"),
            ),
        ),
        with(
            File(&["root-version-1"]),
            new_case("list of version 1", &["leaf"], &["root"], BOTH_ACCEPT, refused_with("version 1")),
        ),
        with(
            File(&["root-partial"]),
            new_case(
                "list for a part of the certificates",
                &["leaf"],
                &["root"],
                BOTH_REFUSE,
                refused_with("2.5.29.28"),
            ),
        ),
        with(
            File(&["root-sha1"]),
            new_case(
                "list signed with SHA-1",
                &["leaf"],
                &["root"],
                BOTH_ACCEPT,
                refused_with("signature of a revocation list"),
            ),
        ),
        with(
            File(&["root"]),
            new_case(
                "intermediate without a list",
                &["leaf-by-int", "int"],
                &["root"],
                BOTH_REFUSE,
                refused_with("there is no revocation list of CN=int"),
            ),
        ),
        with(
            File(&["root", "int"]),
            new_case("intermediate with a list", &["leaf-by-int", "int"], &["root"], BOTH_ACCEPT, ACCEPTED),
        ),
        with(
            File(&["root", "int"]),
            new_case(
                "revoked by an intermediate",
                &["leaf-revoked-by-int", "int"],
                &["root"],
                BOTH_REFUSE,
                refused_with("is revoked"),
            ),
        ),
        with(
            File(&["root-revokes-int", "int"]),
            new_case(
                "intermediate revoked",
                &["leaf-by-int", "int"],
                &["root"],
                BOTH_REFUSE,
                refused_with("of CN=int is revoked"),
            ),
        ),
        with(
            Folder(&["root"]),
            new_case(
                "revoked, list in a folder",
                &["leaf-revoked"],
                &["root"],
                BOTH_REFUSE,
                refused_with("is revoked"),
            ),
        ),
        with(
            Folder(&["root", "int"]),
            new_case("not revoked, lists in a folder", &["leaf-by-int", "int"], &["root"], BOTH_ACCEPT, ACCEPTED),
        ),
        with(
            Folder(&[]),
            new_case(
                "folder without lists",
                &["leaf"],
                &["root"],
                BOTH_REFUSE,
                refused_with("there is no revocation list of"),
            ),
        ),
        with(
            Both("root-other", "root"),
            new_case(
                "revoked, lists in a file and in a folder",
                &["leaf-revoked"],
                &["root"],
                BOTH_REFUSE,
                refused_with("is revoked"),
            ),
        ),
        with(
            Missing,
            new_case("file of lists missing", &["leaf"], &["root"], BOTH_ACCEPT, refused_with("does not exist")),
        ),
        with(
            Default(&["root"]),
            new_case(
                "revoked, list in the default file",
                &["leaf-revoked"],
                &["root"],
                BOTH_REFUSE,
                refused_with("is revoked"),
            ),
        ),
        with(
            Default(&["root"]),
            new_case("not revoked, list in the default file", &["leaf"], &["root"], BOTH_ACCEPT, ACCEPTED),
        ),
        with(
            InRootFile("root-other", "root"),
            new_case(
                "revoked, list in the root file",
                &["leaf-revoked"],
                &["root"],
                BOTH_REFUSE,
                refused_with("is revoked"),
            ),
        ),
        with(
            File(&["root"]),
            new_case("version 1, revoked", &["v1-revoked"], &["root"], BOTH_REFUSE, refused_with("is revoked")),
        ),
        with(File(&["root"]), new_case("version 1, not revoked", &["v1"], &["root"], BOTH_ACCEPT, ACCEPTED)),
        with(
            File(&["root-v1"]),
            new_case(
                "version 1 and a root of version 1, not revoked",
                &["v1-by-v1"],
                &["root-v1"],
                BOTH_ACCEPT,
                ACCEPTED,
            ),
        ),
        with(File(&["root"]), new_case("CA:TRUE, not revoked", &["ca-leaf"], &["root"], BOTH_ACCEPT, ACCEPTED)),
        with(
            File(&["root"]),
            new_case(
                "self-signed without a list of its own",
                &["self"],
                &["self"],
                BOTH_REFUSE,
                refused_with("there is no revocation list of"),
            ),
        ),
        with(
            File(&["self"]),
            new_case("self-signed with a list of its own", &["self"], &["self"], BOTH_ACCEPT, ACCEPTED),
        ),
        with(
            File(&["self-revoked"]),
            new_case(
                "self-signed and revoked by itself",
                &["self"],
                &["self"],
                BOTH_REFUSE,
                refused_with("is revoked"),
            ),
        ),
    ]
}
