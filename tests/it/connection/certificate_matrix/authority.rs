//! Certificates and revocation lists, made by `openssl ca` in a temporary folder.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

const OPENSSL_CONFIG: &str = "
[ca]
default_ca = authority
[authority]
database = $ENV::DATABASE
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = policy
[numbered]
database = $ENV::DATABASE
crlnumber = $ENV::DATABASE.number
default_md = sha256
[partial]
issuingDistributionPoint = critical,onlyuser:TRUE
[policy]
commonName = supplied
";

/// When a certificate or a list is valid.
#[derive(Clone, Copy)]
pub enum Validity {
    Now,
    Past,
    Future,
}

impl Validity {
    fn bounds(self) -> [&'static str; 2] {
        match self {
            Self::Now => ["20200101000000Z", "20491231000000Z"],
            Self::Past => ["20200101000000Z", "20210101000000Z"],
            Self::Future => ["20480101000000Z", "20491231000000Z"],
        }
    }
}

/// A certificate. An empty `issuer` stands for a self-signed one.
#[derive(Clone, Copy)]
pub struct Template {
    pub name: &'static str,
    pub common_name: &'static str,
    /// The name of a key. `rsa1024`, `rsa2048`, `pss`, `ed25519`, `p384` and `p521` determine its kind; others are
    /// P-256.
    pub key: &'static str,
    pub issuer: &'static str,
    /// Lines of openssl's x509v3_config; without any the certificate is of version 1.
    pub extensions: &'static str,
    pub validity: Validity,
    pub digest: &'static str,
}

/// A revocation list.
#[derive(Clone, Copy)]
pub struct ListTemplate {
    pub name: &'static str,
    pub issuer: &'static str,
    pub revoked: &'static [&'static str],
    pub validity: Validity,
    pub digest: &'static str,
    /// The section of the configuration: `numbered` makes version 2, `authority` version 1.
    pub section: &'static str,
    pub extensions: &'static str,
}

/// The folder with all certificates, keys and lists: `NAME.crt`, `KEY.key`, `NAME.crl`.
pub struct Authority {
    folder: TempDir,
    templates: Vec<Template>,
}

impl Authority {
    pub fn new(templates: Vec<Template>, lists: &[ListTemplate]) -> Self {
        let authority = Self { folder: tempfile::tempdir().expect("a folder"), templates };
        std::fs::write(authority.file_path("ca.cnf"), OPENSSL_CONFIG).expect("a file");
        for template in &authority.templates {
            authority.issue(template);
        }
        for list in lists {
            authority.create_list(list);
        }
        authority
    }

    pub fn file_path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file_text(&self, name: &str) -> String {
        std::fs::read_to_string(self.file_path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Writes a file of several parts: names with their endings.
    pub fn write_bundle(&self, name: &str, parts: &[String]) -> PathBuf {
        let text: String = parts.iter().map(|part| self.file_text(part)).collect();
        std::fs::write(self.file_path(name), text).expect("a file");
        self.file_path(name)
    }

    /// Creates a folder of lists with the names that `openssl rehash` assigns.
    pub fn write_hashed_folder(&self, name: &str, lists: &[&str]) -> PathBuf {
        std::fs::create_dir(self.file_path(name)).expect("a folder");
        for list in lists {
            std::fs::copy(self.file_path(&format!("{list}.crl")), self.file_path(&format!("{name}/{list}.pem")))
                .expect("a copy");
        }
        self.run_openssl(&["rehash", name], "");
        self.file_path(name)
    }

    fn find_template(&self, name: &str) -> &Template {
        self.templates.iter().find(|template| template.name == name).unwrap_or_else(|| panic!("no certificate {name}"))
    }

    /// The key of a certificate.
    pub fn key_of(&self, name: &str) -> String {
        format!("{}.key", self.find_template(name).key)
    }

    fn issue(&self, template: &Template) {
        let name = template.name;
        self.make_key(template.key);
        let key = format!("{}.key", template.key);
        let subject = format!("/CN={}", template.common_name);
        let request = format!("{name}.csr");
        self.run_openssl(&["req", "-new", "-key", &key, "-subj", &subject, "-out", &request], "");
        let certificate = format!("{name}.crt");
        let [start, end] = template.validity.bounds();
        let mut arguments = vec!["ca", "-config", "ca.cnf", "-batch", "-notext", "-in", &request, "-out", &certificate];
        arguments.extend(["-startdate", start, "-enddate", end]);
        if !template.key.starts_with("ed25519") {
            arguments.extend(["-md", template.digest]);
        }
        let (issuer, issuer_key);
        if template.issuer.is_empty() {
            arguments.extend(["-selfsign", "-keyfile", &key]);
        } else {
            issuer = format!("{}.crt", template.issuer);
            issuer_key = self.key_of(template.issuer);
            arguments.extend(["-cert", &issuer, "-keyfile", &issuer_key]);
        }
        let extensions = format!("{name}.ext");
        if !template.extensions.is_empty() {
            std::fs::write(self.file_path(&extensions), template.extensions).expect("a file");
            arguments.extend(["-extfile", &extensions]);
        }
        self.run_openssl(&arguments, name);
    }

    fn make_key(&self, name: &str) {
        let file = format!("{name}.key");
        if self.file_path(&file).exists() {
            return;
        }
        let kind = name.split('-').next().unwrap_or_default();
        let (algorithm, option) = match kind {
            "rsa1024" => ("RSA", "rsa_keygen_bits:1024"),
            "rsa2048" => ("RSA", "rsa_keygen_bits:2048"),
            "pss" => ("RSA-PSS", "rsa_keygen_bits:2048"),
            "ed25519" => ("ED25519", ""),
            "p384" => ("EC", "ec_paramgen_curve:P-384"),
            "p521" => ("EC", "ec_paramgen_curve:P-521"),
            _ => ("EC", "ec_paramgen_curve:P-256"),
        };
        let mut arguments = vec!["genpkey", "-algorithm", algorithm, "-out", &file];
        if !option.is_empty() {
            arguments.extend(["-pkeyopt", option]);
        }
        self.run_openssl(&arguments, "");
    }

    fn create_list(&self, list: &ListTemplate) {
        let issuer = format!("{}.crt", list.issuer);
        let key = self.key_of(list.issuer);
        let common = ["ca", "-config", "ca.cnf", "-name", list.section, "-cert", &issuer, "-keyfile", &key];
        for revoked in list.revoked {
            self.run_openssl(&[common.as_slice(), &["-revoke", &format!("{revoked}.crt")]].concat(), list.name);
        }
        let [start, end] = list.validity.bounds();
        let file = format!("{}.crl", list.name);
        let mut arguments = [common.as_slice(), &["-gencrl", "-md", list.digest, "-out", &file]].concat();
        arguments.extend(["-crl_lastupdate", start, "-crl_nextupdate", end]);
        if !list.extensions.is_empty() {
            arguments.extend(["-crlexts", list.extensions]);
        }
        self.run_openssl(&arguments, list.name);
    }

    /// Runs `openssl` in the folder, with a database of issued certificates of that name.
    fn run_openssl(&self, arguments: &[&str], database: &str) {
        let database = format!("{database}.index");
        for (name, text) in [(database.clone(), ""), (format!("{database}.number"), "01\n")] {
            if !self.file_path(&name).exists() {
                std::fs::write(self.file_path(&name), text).expect("a file");
            }
        }
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(self.folder.path())
            .env("DATABASE", database)
            .output()
            .expect("the openssl command");
        assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
