//! Server certificates that psql and pgtend get from a real server. psql is the oracle: pgtend accepts nothing that
//! psql refuses. The cases in which pgtend is stricter are listed here and in docs/tls.md.

mod authority;
mod cases;
mod oracle;
mod revocation;
mod templates;

use std::collections::BTreeSet;
use std::path::Path;

use pgtend::postgres::connect;
use pgtend::postgres::conninfo::Environment;

use crate::clusters::{is_short_run, sample_cases};

use self::authority::Authority;
use self::cases::{Case, Lists, cases};
use self::oracle::{CertificateServer, connect_with_psql};

/// Settings of the server's OpenSSL that permit weak keys and signatures.
const WEAK_OPENSSL_CONFIG: &str = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMinProtocol = TLSv1.2\nCipherString = DEFAULT@SECLEVEL=0\n";

/// The cases in which pgtend refuses what psql accepts.
const STRICTER_CASES: &[&str] = &[
    "two roots of the same name, no key identifier, right one first",
    "root with name constraints, common name inside, no alternative name",
    "root with name constraints on email addresses",
    "root with name constraints, wildcard below a single label",
    "root without basic constraints, with keyCertSign",
    "root with an RSA-PSS key",
    "intermediate with critical policies",
    "version 1 signed by an intermediate",
    "version 1 signed by a root with name constraints",
    "CA:TRUE signed by an intermediate",
    "CA:TRUE with critical policies",
    "CA:TRUE signed by a root with name constraints that permit the name",
    "critical policies",
    "critical inhibitAnyPolicy",
    "for Netscape's server gated cryptography only",
    "CA:FALSE with a path length",
    "key RSA-PSS",
    "key P-521",
    "list of version 1",
    "list signed with SHA-1",
    "file of lists missing",
];

const SSL_MODES: [&str; 2] = ["verify-ca", "verify-full"];

#[tokio::test]
async fn certificate_matrix() {
    let authority = Authority::new(templates::certificate_templates(), &templates::list_templates());
    let mut server = CertificateServer::start(&authority.file_text("leaf.crt"), &authority.file_text("leaf.key"));
    let mut wrong = Vec::new();
    let mut stricter = BTreeSet::new();
    let (mut accepted, mut refused) = (0, 0);
    for (number, case) in sample_cases("certificate matrix", cases().into_iter().enumerate(), 8) {
        let chain: String = case.sent_chain.iter().map(|name| authority.file_text(&format!("{name}.crt"))).collect();
        let key = authority.key_of(case.sent_chain[0]);
        server.serve_chain(&chain, &authority.file_text(&key));
        let client = Client::new(&authority, number, &case);
        for (mode, (psql_expected, pgtend_expected)) in
            SSL_MODES.into_iter().zip(case.psql.into_iter().zip(case.pgtend))
        {
            let conninfo = client.conninfo(&server, &case, mode);
            let by_psql = connect_with_psql(&conninfo, &client.home);
            let by_pgtend = client.connect_with_pgtend(&conninfo).await;
            let mut complain = |why: &str| {
                wrong.push(format!("{}, {mode}: {why}\n  psql: {by_psql:?}\n  pgtend: {by_pgtend:?}", case.name));
            };
            match (by_psql.is_ok(), by_pgtend.is_ok()) {
                (false, true) => complain("psql refuses it, pgtend accepts it"),
                (true, false) => {
                    stricter.insert(case.name);
                }
                _ => {}
            }
            if by_psql.is_ok() != psql_expected {
                complain("psql's result differs from the case");
            }
            // Another failure of psql is not a result.
            if let Err(error) = &by_psql
                && ![
                    "SSL error: certificate verify failed",
                    "SSL error: EVP lib",
                    "does not match host name",
                    "server certificate for",
                ]
                .iter()
                .any(|part| error.contains(part))
            {
                complain("psql fails for another reason");
            }
            match &by_pgtend {
                Ok(()) => {
                    accepted += 1;
                    if !pgtend_expected.is_empty() {
                        complain("pgtend does not refuse it");
                    }
                }
                Err(error) => {
                    refused += 1;
                    if !error.contains(pgtend_expected) || pgtend_expected.is_empty() {
                        complain("pgtend's error differs from the case");
                    }
                    if ["Other(", "Error(", "::", "InvalidCertificate", "UnknownIssuer", "{ "]
                        .iter()
                        .any(|part| error.contains(part))
                    {
                        complain("pgtend's error has Debug output");
                    }
                }
            }
        }
    }
    drop(server);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let listed: BTreeSet<&str> = STRICTER_CASES.iter().copied().collect();
    if is_short_run() {
        assert!(stricter.is_subset(&listed), "pgtend is stricter in {stricter:?}, the list has {listed:?}");
    } else {
        assert_eq!(stricter, listed, "the cases in which pgtend is stricter");
    }
    let least = if is_short_run() { (5, 12) } else { (60, 100) };
    assert!(accepted > least.0 && refused > least.1, "{accepted} accepted, {refused} refused");
}

#[test]
fn certificate_docs_list_stricter_cases() {
    let page = include_str!("../../../../docs/tls.md");
    let (_, section) = page.split_once("## Stricter than psql").expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let listed: Vec<&str> = rows.filter(|cell| *cell != "case" && !cell.starts_with("---")).collect();
    assert_eq!(listed, STRICTER_CASES, "docs/tls.md lists the cases of STRICTER, in that order");
}

/// The files of the client of one case.
struct Client {
    home: std::path::PathBuf,
    parameters: String,
}

impl Client {
    fn new(authority: &Authority, number: usize, case: &Case) -> Self {
        let home = authority.file_path(&format!("home{number}"));
        std::fs::create_dir_all(home.join(".postgresql")).expect("a folder");
        let mut roots: Vec<String> = case.roots.iter().map(|name| format!("{name}.crt")).collect();
        let named = |names: &[&str]| names.iter().map(|name| format!("{name}.crl")).collect::<Vec<_>>();
        let file = |path: &Path| format!(" sslcrl='{}'", path.display());
        let folder = |path: &Path| format!(" sslcrldir='{}'", path.display());
        let bundle = |names: &[&str]| authority.write_bundle(&format!("case{number}.crl"), &named(names));
        let hashed = |names: &[&str]| authority.write_hashed_folder(&format!("case{number}.d"), names);
        let lists = match case.lists {
            Lists::None => String::new(),
            Lists::File(names) => file(&bundle(names)),
            Lists::Folder(names) => folder(&hashed(names)),
            Lists::Both(first, second) => file(&bundle(&[first])) + &folder(&hashed(&[second])),
            Lists::Missing => file(Path::new("/nowhere.crl")),
            Lists::Default(names) => {
                std::fs::copy(bundle(names), home.join(".postgresql/root.crl")).expect("a copy");
                String::new()
            }
            Lists::InRootFile(named, inside) => {
                roots.push(format!("{inside}.crl"));
                file(&bundle(&[named]))
            }
        };
        let roots = authority.write_bundle(&format!("case{number}.roots"), &roots);
        Self { home, parameters: format!("sslrootcert='{}'{lists}", roots.display()) }
    }

    fn conninfo(&self, server: &CertificateServer, case: &Case, mode: &str) -> String {
        format!(
            "host={} hostaddr=127.0.0.1 port={} dbname=postgres user=postgres sslmode={mode} {}",
            case.host, server.server.port, self.parameters
        )
    }

    async fn connect_with_pgtend(&self, conninfo: &str) -> Result<(), String> {
        let environment = Environment { home: Some(self.home.clone()), ..Environment::default() };
        let conninfo = super::resolve_conninfo(conninfo, environment).conninfo;
        let connected = connect(&conninfo).await.map_err(|error| error.to_string())?;
        connected.client.simple_query("select 1").await.map_err(|error| error.to_string())?;
        Ok(())
    }
}
