//! The server's own certificate: version, CA:TRUE, self-signed, usage, key.

use super::*;

pub fn direct() -> Vec<Case> {
    vec![
        case("version 1 signed by the root", &["v1"], &["root"], YES, OK),
        case("version 1 signed by another root", &["v1"], &["root-other"], NO, AUTHORITY),
        case("version 1, root of the same name with another key", &["v1"], &["root-same-name"], NO, AUTHORITY),
        case("version 1 signed by a root of version 1", &["v1-by-v1"], &["root-v1"], YES, OK),
        case("version 1 signed by an intermediate", &["v1-by-int", "int"], &["root"], YES, AUTHORITY),
        case(
            "version 1 signed by a root with name constraints",
            &["v1-by-nc-permits"],
            &["root-nc-permits"],
            YES,
            no("has name constraints"),
        ),
        case(
            "version 1 signed by a root without keyCertSign",
            &["v1-by-no-cert-sign"],
            &["root-no-cert-sign"],
            NO,
            no("keyCertSign"),
        ),
        case(
            "version 1 signed by a root with an unknown critical extension",
            &["v1-by-root-critical"],
            &["root-critical"],
            NO,
            no("critical extension (1.2.3.4.5)"),
        ),
        case("version 1 signed by an expired root", &["v1-by-root-expired"], &["root-expired"], NO, no("has expired")),
        case(
            "version 1 signed by a root for clientAuth only",
            &["v1-by-eku-client"],
            &["root-eku-client"],
            NO,
            no("is not for servers"),
        ),
        case(
            "version 1 signed by a root without basic constraints",
            &["v1-by-bare"],
            &["root-bare"],
            NO,
            no("not a certificate authority"),
        ),
        case("version 1 signed by a root with RSA 1024", &["v1-by-rsa1024"], &["root-rsa1024"], NO, AUTHORITY),
        case("version 1 expired", &["v1-expired"], &["root"], NO, no("has expired")),
        case("version 1 signed with SHA-1", &["v1-sha1"], &["root"], NO, AUTHORITY),
        case("CA:TRUE signed by the root", &["ca-leaf"], &["root"], YES, OK),
        case("CA:TRUE signed by a root of version 1", &["ca-leaf-by-v1"], &["root-v1"], YES, OK),
        case("CA:TRUE signed by an intermediate", &["ca-leaf-by-int", "int"], &["root"], YES, AUTHORITY),
        case(
            "CA:TRUE with an unknown critical extension",
            &["ca-leaf-critical"],
            &["root"],
            NO,
            no("critical extension"),
        ),
        case("CA:TRUE with critical policies", &["ca-leaf-policies"], &["root"], YES, no("critical extension")),
        case("CA:TRUE for clientAuth only", &["ca-leaf-eku-client"], &["root"], NO, no("serverAuth")),
        case("CA:TRUE for anyExtendedKeyUsage only", &["ca-leaf-eku-any"], &["root"], NO, no("serverAuth")),
        case(
            "CA:TRUE signed by a root with name constraints that permit the name",
            &["ca-leaf-by-nc-permits"],
            &["root-nc-permits"],
            YES,
            no("has name constraints"),
        ),
        case(
            "CA:TRUE signed by a root with name constraints that permit other names",
            &["ca-leaf-by-nc-elsewhere"],
            &["root-nc-elsewhere"],
            NO,
            no("has name constraints"),
        ),
        case(
            "CA:TRUE signed by a root without keyCertSign",
            &["ca-leaf-by-no-cert-sign"],
            &["root-no-cert-sign"],
            NO,
            no("keyCertSign"),
        ),
        case(
            "CA:TRUE signed by a root without key usage",
            &["ca-leaf-by-no-key-usage"],
            &["root-no-key-usage"],
            YES,
            OK,
        ),
        case("CA:TRUE signed by a root with pathlen:0", &["ca-leaf-by-pathlen0"], &["root-pathlen0"], YES, OK),
    ]
}

pub fn self_signed() -> Vec<Case> {
    vec![
        case("self-signed, in the root file", &["self"], &["self"], YES, OK),
        case("self-signed, not in the root file", &["self"], &["root"], NO, AUTHORITY),
        case("self-signed, in the root file with another key", &["self-other-key"], &["self"], NO, AUTHORITY),
        case("self-signed of version 1", &["self-v1"], &["self-v1"], YES, OK),
        case("self-signed with CA:FALSE", &["self-not-ca"], &["self-not-ca"], YES, OK),
        case("self-signed without basic constraints", &["self-bare"], &["self-bare"], YES, OK),
        case("self-signed, expired", &["self-expired"], &["self-expired"], NO, no("has expired")),
        case("self-signed, not yet valid", &["self-future"], &["self-future"], NO, no("not valid yet")),
        case(
            "self-signed with an unknown critical extension",
            &["self-critical"],
            &["self-critical"],
            NO,
            no("critical extension (1.2.3.4.5)"),
        ),
        case("self-signed with critical policies", &["self-policies"], &["self-policies"], YES, OK),
        case("self-signed for clientAuth only", &["self-eku-client"], &["self-eku-client"], NO, no("serverAuth")),
        case("self-signed for anyExtendedKeyUsage only", &["self-eku-any"], &["self-eku-any"], NO, no("serverAuth")),
        case(
            "self-signed with key usage keyCertSign only",
            &["self-ku-cert-sign"],
            &["self-ku-cert-sign"],
            NO,
            no("key usage"),
        ),
        case(
            "self-signed with key usage digitalSignature only",
            &["self-ku-signature"],
            &["self-ku-signature"],
            YES,
            OK,
        ),
        case(
            "self-signed with name constraints for other names",
            &["self-nc-elsewhere"],
            &["self-nc-elsewhere"],
            YES,
            OK,
        ),
        case("self-signed with SHA-1", &["self-sha1"], &["self-sha1"], YES, OK),
        case("self-signed with RSA 1024", &["self-rsa1024"], &["self-rsa1024"], NO, no("RSA below 2048")),
    ]
}

pub fn leaves() -> Vec<Case> {
    vec![
        case("named as its root", &["named-as-root"], &["root"], YES, OK),
        case("named as its root, version 1", &["v1-named-as-root"], &["root"], NO, no("names itself")),
        case("named as its root, CA:TRUE", &["ca-named-as-root"], &["root"], YES, OK),
        case("key usage keyEncipherment only, key P-256", &["ku-encipherment"], &["root"], YES, OK),
        case("key usage keyAgreement only", &["ku-agreement"], &["root"], YES, OK),
        case("key usage dataEncipherment only", &["ku-data"], &["root"], NO, no("key usage")),
        case("unknown critical extension", &["leaf-critical"], &["root"], NO, no("critical extension")),
        case("critical policies", &["leaf-policies"], &["root"], YES, no("critical extension")),
        case("critical inhibitAnyPolicy", &["leaf-inhibit-any"], &["root"], YES, no("critical extension")),
        case("expired", &["leaf-expired"], &["root"], NO, no("has expired")),
        case("not yet valid", &["leaf-future"], &["root"], NO, no("not valid yet")),
        case("for clientAuth only", &["leaf-eku-client"], &["root"], NO, no("serverAuth")),
        case("for serverAuth", &["leaf-eku-server"], &["root"], YES, OK),
        case("for anyExtendedKeyUsage only", &["leaf-eku-any"], &["root"], NO, no("serverAuth")),
        case("for Netscape's server gated cryptography only", &["leaf-eku-sgc"], &["root"], YES, no("serverAuth")),
        case("key usage keyCertSign only", &["leaf-ku-cert-sign"], &["root"], NO, no("key usage")),
        case("key usage keyEncipherment only", &["leaf-ku-encipherment"], &["root"], YES, OK),
        case("Netscape certificate type client", &["leaf-ns-client"], &["root"], NO, no("Netscape")),
        case("Netscape certificate type server", &["leaf-ns-server"], &["root"], YES, OK),
        case("CA:FALSE with a path length", &["leaf-pathlen"], &["root"], YES, no("path length")),
    ]
}

pub fn keys() -> Vec<Case> {
    vec![
        case("key RSA 2048", &["key-rsa2048"], &["root"], YES, OK),
        case("key RSA 1024", &["key-rsa1024"], &["root"], NO, no("RSA below 2048")),
        case("key RSA-PSS", &["key-pss"], &["root"], YES, no("kind of key")),
        case("key Ed25519", &["key-ed25519"], &["root"], YES, OK),
        case("key P-384", &["key-p384"], &["root"], YES, OK),
        case("key P-521", &["key-p521"], &["root"], YES, no("kind of key")),
        case("signed with ECDSA and SHA-1", &["signed-sha1"], &["root"], NO, no("SHA-1")),
        case("signed with RSA and SHA-1", &["signed-rsa-sha1"], &["root-rsa2048"], NO, no("SHA-1")),
        case("signed with RSA and MD5", &["signed-rsa-md5"], &["root-rsa2048"], NO, no("MD5")),
        case("signed with RSA and SHA-512", &["signed-sha512"], &["root-rsa2048"], YES, OK),
    ]
}
