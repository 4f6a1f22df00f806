//! The contents of the certificates and revocation lists of the matrix.

use super::authority::{ListTemplate, Template, Validity};

const ROOT: &str =
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash";
const LEAF: &str = "subjectAltName=DNS:db.test\nauthorityKeyIdentifier=keyid";
/// For issuers without a key identifier.
const LEAF_BARE: &str = "subjectAltName=DNS:db.test";
const CA_LEAF: &str = "basicConstraints=CA:TRUE\nsubjectAltName=DNS:db.test\nauthorityKeyIdentifier=keyid";
/// The output of `openssl req -x509`, as in the manual (18.9.5 Creating Certificates).
const SELF_SIGNED: &str = "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\nsubjectAltName=DNS:db.test";
const UNKNOWN: &str = "1.2.3.4.5=critical,ASN1:NULL";

macro_rules! with {
    ($base:expr, $more:expr) => {
        Box::leak(format!("{}\n{}", $base, $more).into_boxed_str())
    };
}

fn new_template(name: &'static str, issuer: &'static str, extensions: &'static str) -> Template {
    let leaf = Template {
        name,
        common_name: "db.test",
        key: "leaf",
        issuer,
        extensions,
        validity: Validity::Now,
        digest: "sha256",
    };
    let is_authority = name.starts_with("root") || name.starts_with("int");
    if is_authority { Template { common_name: name, key: name, ..leaf } } else { leaf }
}

/// Returns the certificates, issuers before the certificates that they sign.
pub fn certificate_templates() -> Vec<Template> {
    let mut templates = root_templates();
    templates.extend(intermediate_templates());
    templates.extend(leaf_templates());
    templates.extend(name_and_key_templates());
    templates.extend(self_signed_templates());
    templates
}

fn root_templates() -> Vec<Template> {
    let root = new_template("root", "", ROOT);
    vec![
        root,
        new_template("root-other", "", ROOT),
        Template { name: "root-same-name", key: "root-same-name", ..root },
        Template { name: "root-reissued", ..root },
        Template { name: "root-cross", issuer: "root-other", ..root },
        new_template("root-v1", "", ""),
        new_template("root-nc-permits", "", with!(ROOT, "nameConstraints=critical,permitted;DNS:test")),
        new_template("root-nc-elsewhere", "", with!(ROOT, "nameConstraints=critical,permitted;DNS:example.com")),
        new_template("root-nc-dot", "", with!(ROOT, "nameConstraints=critical,permitted;DNS:.test")),
        new_template("root-nc-address", "", with!(ROOT, "nameConstraints=critical,permitted;IP:10.0.0.0/255.0.0.0")),
        new_template("root-nc-excludes", "", with!(ROOT, "nameConstraints=critical,excluded;DNS:test")),
        new_template("root-nc-email", "", with!(ROOT, "nameConstraints=critical,permitted;email:example.com")),
        new_template(
            "root-no-cert-sign",
            "",
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\nsubjectKeyIdentifier=hash",
        ),
        new_template(
            "root-no-crl-sign",
            "",
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash",
        ),
        new_template("root-no-key-usage", "", "basicConstraints=CA:TRUE\nsubjectKeyIdentifier=hash"),
        new_template("root-pathlen0", "", "basicConstraints=critical,CA:TRUE,pathlen:0\nsubjectKeyIdentifier=hash"),
        new_template("root-critical", "", with!(ROOT, UNKNOWN)),
        new_template(
            "root-policies",
            "",
            with!(
                ROOT,
                "certificatePolicies=critical,1.2.3.4\ninhibitAnyPolicy=critical,0\npolicyConstraints=critical,requireExplicitPolicy:0"
            ),
        ),
        Template { validity: Validity::Past, ..new_template("root-expired", "", ROOT) },
        Template { validity: Validity::Future, ..new_template("root-future", "", ROOT) },
        Template { name: "root-renewed", common_name: "root-expired", key: "root-expired", ..root },
        new_template("root-eku-client", "", with!(ROOT, "extendedKeyUsage=clientAuth")),
        new_template("root-eku-server", "", with!(ROOT, "extendedKeyUsage=serverAuth")),
        new_template("root-not-ca", "", "basicConstraints=CA:FALSE\nsubjectKeyIdentifier=hash"),
        new_template("root-no-constraints", "", "keyUsage=keyCertSign,cRLSign\nsubjectKeyIdentifier=hash"),
        new_template("root-bare", "", "subjectKeyIdentifier=hash"),
        Template { key: "rsa1024-root", ..new_template("root-rsa1024", "", ROOT) },
        Template { digest: "sha1", ..new_template("root-sha1", "", ROOT) },
        Template { key: "rsa2048-root", ..new_template("root-rsa2048", "", ROOT) },
        Template { key: "pss-root", ..new_template("root-pss", "", ROOT) },
    ]
}

fn intermediate_templates() -> Vec<Template> {
    let int = new_template("int", "root", with!(ROOT, "authorityKeyIdentifier=keyid"));
    vec![
        int,
        Template { name: "int-by-other", issuer: "root-other", ..int },
        new_template("int-critical", "root", with!(ROOT, UNKNOWN)),
        Template { validity: Validity::Past, ..new_template("int-expired", "root", ROOT) },
        Template { validity: Validity::Future, ..new_template("int-future", "root", ROOT) },
        new_template(
            "int-no-cert-sign",
            "root",
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\nsubjectKeyIdentifier=hash",
        ),
        new_template("int-not-ca", "root", "basicConstraints=CA:FALSE\nsubjectKeyIdentifier=hash"),
        new_template("int-no-constraints", "root", "keyUsage=keyCertSign\nsubjectKeyIdentifier=hash"),
        new_template("int-v1", "root", ""),
        new_template("int-eku-client", "root", with!(ROOT, "extendedKeyUsage=clientAuth")),
        new_template("int-policies", "root", with!(ROOT, "certificatePolicies=critical,1.2.3.4")),
        new_template("int-nc-permits", "root", with!(ROOT, "nameConstraints=critical,permitted;DNS:test")),
        new_template("int-below-pathlen0", "root-pathlen0", ROOT),
    ]
}

fn leaf_templates() -> Vec<Template> {
    let mut templates: Vec<Template> = [
        ("leaf", "root"),
        ("leaf-by-nc-permits", "root-nc-permits"),
        ("leaf-by-nc-elsewhere", "root-nc-elsewhere"),
        ("leaf-by-nc-excludes", "root-nc-excludes"),
        ("leaf-by-nc-email", "root-nc-email"),
        ("leaf-by-no-cert-sign", "root-no-cert-sign"),
        ("leaf-by-no-crl-sign", "root-no-crl-sign"),
        ("leaf-by-pathlen0", "root-pathlen0"),
        ("leaf-by-root-critical", "root-critical"),
        ("leaf-by-root-policies", "root-policies"),
        ("leaf-by-root-expired", "root-expired"),
        ("leaf-by-root-future", "root-future"),
        ("leaf-by-eku-client", "root-eku-client"),
        ("leaf-by-eku-server", "root-eku-server"),
        ("leaf-by-not-ca", "root-not-ca"),
        ("leaf-by-no-constraints", "root-no-constraints"),
        ("leaf-by-bare", "root-bare"),
        ("leaf-by-rsa1024", "root-rsa1024"),
        ("leaf-by-root-sha1", "root-sha1"),
        ("leaf-by-rsa2048", "root-rsa2048"),
        ("leaf-by-pss", "root-pss"),
        ("leaf-by-int", "int"),
        ("leaf-by-int-critical", "int-critical"),
        ("leaf-by-int-expired", "int-expired"),
        ("leaf-by-int-future", "int-future"),
        ("leaf-by-int-no-cert-sign", "int-no-cert-sign"),
        ("leaf-by-int-not-ca", "int-not-ca"),
        ("leaf-by-int-no-constraints", "int-no-constraints"),
        ("leaf-by-int-eku-client", "int-eku-client"),
        ("leaf-by-int-policies", "int-policies"),
        ("leaf-by-int-nc-permits", "int-nc-permits"),
        ("leaf-by-int-below-pathlen0", "int-below-pathlen0"),
        ("leaf-revoked", "root"),
        ("leaf-revoked-by-int", "int"),
    ]
    .into_iter()
    .map(|(name, issuer)| new_template(name, issuer, LEAF))
    .collect();
    templates.extend([
        new_template("leaf-by-root-v1", "root-v1", LEAF_BARE),
        new_template("leaf-by-int-v1", "int-v1", LEAF_BARE),
        new_template("v1", "root", ""),
        new_template("v1-revoked", "root", ""),
        new_template("v1-by-v1", "root-v1", ""),
        new_template("v1-by-int", "int", ""),
        new_template("v1-by-nc-permits", "root-nc-permits", ""),
        new_template("v1-by-no-cert-sign", "root-no-cert-sign", ""),
        new_template("v1-by-root-critical", "root-critical", ""),
        new_template("v1-by-root-expired", "root-expired", ""),
        new_template("v1-by-eku-client", "root-eku-client", ""),
        new_template("v1-by-bare", "root-bare", ""),
        new_template("v1-by-rsa1024", "root-rsa1024", ""),
        Template { validity: Validity::Past, ..new_template("v1-expired", "root", "") },
        Template { digest: "sha1", ..new_template("v1-sha1", "root", "") },
        new_template("ca-leaf", "root", CA_LEAF),
        new_template("ca-leaf-by-v1", "root-v1", "basicConstraints=CA:TRUE\nsubjectAltName=DNS:db.test"),
        new_template("ca-leaf-by-int", "int", CA_LEAF),
        new_template("ca-leaf-critical", "root", with!(CA_LEAF, UNKNOWN)),
        new_template("ca-leaf-policies", "root", with!(CA_LEAF, "certificatePolicies=critical,1.2.3.4")),
        new_template("ca-leaf-eku-client", "root", with!(CA_LEAF, "extendedKeyUsage=clientAuth")),
        new_template("ca-leaf-eku-any", "root", with!(CA_LEAF, "extendedKeyUsage=anyExtendedKeyUsage")),
        new_template("ca-leaf-by-nc-permits", "root-nc-permits", CA_LEAF),
        new_template("ca-leaf-by-nc-elsewhere", "root-nc-elsewhere", CA_LEAF),
        new_template("ca-leaf-by-no-cert-sign", "root-no-cert-sign", CA_LEAF),
        new_template("ca-leaf-by-no-key-usage", "root-no-key-usage", CA_LEAF),
        new_template("ca-leaf-by-pathlen0", "root-pathlen0", CA_LEAF),
        new_template("leaf-critical", "root", with!(LEAF, UNKNOWN)),
        new_template("leaf-policies", "root", with!(LEAF, "certificatePolicies=critical,1.2.3.4")),
        new_template("leaf-inhibit-any", "root", with!(LEAF, "inhibitAnyPolicy=critical,0")),
        Template { validity: Validity::Past, ..new_template("leaf-expired", "root", LEAF) },
        Template { validity: Validity::Future, ..new_template("leaf-future", "root", LEAF) },
        new_template("leaf-eku-client", "root", with!(LEAF, "extendedKeyUsage=clientAuth")),
        new_template("leaf-eku-server", "root", with!(LEAF, "extendedKeyUsage=serverAuth")),
        new_template("leaf-eku-any", "root", with!(LEAF, "extendedKeyUsage=anyExtendedKeyUsage")),
        new_template("leaf-eku-sgc", "root", with!(LEAF, "extendedKeyUsage=nsSGC")),
        new_template("leaf-ku-cert-sign", "root", with!(LEAF, "keyUsage=critical,keyCertSign")),
        Template {
            key: "rsa2048",
            ..new_template("leaf-ku-encipherment", "root", with!(LEAF, "keyUsage=critical,keyEncipherment"))
        },
        new_template("leaf-ns-client", "root", with!(LEAF, "nsCertType=client")),
        new_template("leaf-ns-server", "root", with!(LEAF, "nsCertType=server")),
        new_template("leaf-pathlen", "root", with!(LEAF, "basicConstraints=CA:FALSE,pathlen:0")),
        new_template("leaf-akid-serial", "root", "subjectAltName=DNS:db.test\nauthorityKeyIdentifier=issuer:always"),
        new_template("leaf-no-san-by-nc-elsewhere", "root-nc-elsewhere", "basicConstraints=CA:FALSE"),
        new_template("leaf-no-san-by-nc-permits", "root-nc-permits", "basicConstraints=CA:FALSE"),
    ]);
    templates
}

fn name_and_key_templates() -> Vec<Template> {
    let named = |name, common_name, extensions| Template { common_name, ..new_template(name, "root", extensions) };
    let keyed = |name, key| Template { key, ..new_template(name, "root", LEAF) };
    vec![
        named("named-as-root", "root", LEAF),
        named("v1-named-as-root", "root", ""),
        named("ca-named-as-root", "root", CA_LEAF),
        named("ku-encipherment", "db.test", with!(LEAF, "keyUsage=critical,keyEncipherment")),
        named("ku-agreement", "db.test", with!(LEAF, "keyUsage=critical,keyAgreement")),
        named("ku-data", "db.test", with!(LEAF, "keyUsage=critical,dataEncipherment")),
        Template { issuer: "root-nc-permits", ..named("wildcard-by-nc-permits", "x", "subjectAltName=DNS:*.test") },
        Template {
            issuer: "root-nc-permits",
            ..named("two-by-nc-permits", "x", "subjectAltName=DNS:db.test,DNS:db.example.com")
        },
        Template { issuer: "root-nc-dot", ..named("leaf-by-nc-dot", "x", LEAF) },
        Template { issuer: "root-nc-address", ..named("leaf-by-nc-address", "x", LEAF) },
        Template {
            issuer: "root-nc-address",
            ..named("ip-by-nc-address", "x", "subjectAltName=DNS:db.test,IP:127.0.0.1")
        },
        named("wildcard", "x", "subjectAltName=DNS:*.test"),
        named("wildcard-tail", "x", "subjectAltName=DNS:db.*"),
        named("wildcard-part", "x", "subjectAltName=DNS:d*.test"),
        named("wildcard-deeper", "x", "subjectAltName=DNS:*.db.test"),
        named("ip", "x", "subjectAltName=IP:127.0.0.1"),
        named("ip-as-dns", "x", "subjectAltName=DNS:127.0.0.1"),
        named("ip-as-cn", "127.0.0.1", "basicConstraints=CA:FALSE"),
        named("cn", "db.test", "basicConstraints=CA:FALSE"),
        named("cn-wildcard", "*.test", "basicConstraints=CA:FALSE"),
        named("cn-beside-san", "db.test", "subjectAltName=DNS:other.test"),
        named("cn-beside-ip", "db.test", "subjectAltName=IP:127.0.0.1"),
        named("san-beside-cn", "other.test", "subjectAltName=DNS:db.test"),
        named("uppercase", "x", "subjectAltName=DNS:DB.TEST"),
        keyed("key-rsa2048", "rsa2048"),
        keyed("key-rsa1024", "rsa1024"),
        keyed("key-pss", "pss"),
        keyed("key-ed25519", "ed25519"),
        keyed("key-p384", "p384"),
        keyed("key-p521", "p521"),
        Template { digest: "sha1", ..new_template("signed-sha1", "root", LEAF) },
        Template { digest: "sha1", ..new_template("signed-rsa-sha1", "root-rsa2048", LEAF) },
        Template { digest: "md5", ..new_template("signed-rsa-md5", "root-rsa2048", LEAF) },
        Template { digest: "sha512", ..new_template("signed-sha512", "root-rsa2048", LEAF) },
    ]
}

fn self_signed_templates() -> Vec<Template> {
    let own = |name, extensions| Template { key: name, ..new_template(name, "", extensions) };
    vec![
        own("self", SELF_SIGNED),
        own("self-v1", ""),
        own("self-not-ca", "basicConstraints=CA:FALSE\nsubjectAltName=DNS:db.test"),
        own("self-bare", "subjectAltName=DNS:db.test"),
        Template { validity: Validity::Past, ..own("self-expired", SELF_SIGNED) },
        Template { validity: Validity::Future, ..own("self-future", SELF_SIGNED) },
        own("self-critical", with!(SELF_SIGNED, UNKNOWN)),
        own("self-policies", with!(SELF_SIGNED, "certificatePolicies=critical,1.2.3.4")),
        own("self-eku-client", with!(SELF_SIGNED, "extendedKeyUsage=clientAuth")),
        own("self-eku-any", with!(SELF_SIGNED, "extendedKeyUsage=anyExtendedKeyUsage")),
        own("self-ku-cert-sign", with!(SELF_SIGNED, "keyUsage=critical,keyCertSign")),
        own("self-ku-signature", with!(SELF_SIGNED, "keyUsage=critical,digitalSignature")),
        own("self-nc-elsewhere", with!(SELF_SIGNED, "nameConstraints=critical,permitted;DNS:example.com")),
        Template { digest: "sha1", ..own("self-sha1", SELF_SIGNED) },
        Template { key: "rsa1024-self", ..own("self-rsa1024", SELF_SIGNED) },
        Template { name: "self-other-key", key: "self-other-key", ..own("self", SELF_SIGNED) },
    ]
}

/// The revocation lists.
pub fn list_templates() -> Vec<ListTemplate> {
    let list = |name, issuer, revoked| ListTemplate {
        name,
        issuer,
        revoked,
        validity: Validity::Now,
        digest: "sha256",
        section: "numbered",
        extensions: "",
    };
    let root = list("root", "root", &["leaf-revoked", "v1-revoked"] as &'static [&'static str]);
    vec![
        root,
        list("root-nothing", "root", &[]),
        list("root-revokes-int", "root", &["int"]),
        list("root-revokes-itself", "root", &["root"]),
        ListTemplate { name: "root-expired", validity: Validity::Past, ..root },
        ListTemplate { name: "root-future", validity: Validity::Future, ..root },
        ListTemplate { name: "root-version-1", section: "authority", ..root },
        ListTemplate { name: "root-partial", extensions: "partial", ..root },
        ListTemplate { name: "root-sha1", digest: "sha1", ..root },
        list("root-other", "root-other", &[]),
        list("root-same-name", "root-same-name", &[]),
        list("int", "int", &["leaf-revoked-by-int"]),
        list("self", "self", &[]),
        list("self-revoked", "self", &["self"]),
        list("root-no-crl-sign", "root-no-crl-sign", &[]),
        list("root-v1", "root-v1", &[]),
    ]
}
