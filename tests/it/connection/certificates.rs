//! Authorities and certificates, made by the openssl command.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::LazyLock;

use super::server::watched_directory;

/// A directory of certificates.
pub struct Certificates {
    directory: PathBuf,
    _watchdog: Child,
}

/// `ca`, `other_ca`: authorities. `server`: for db.test and *.wild.test, by `ca`. `address`: for
/// 127.0.0.1. `named`: version 1 with a common name only, by `ca`. `selfsigned`: the recipe of the
/// manual, 18.9.3. `client`: for certuser, by `ca`. `stranger`: for certuser, by `other_ca`.
pub static CERTIFICATES: LazyLock<Certificates> = LazyLock::new(|| {
    let (directory, watchdog) = watched_directory();
    let made = Certificates { directory, _watchdog: watchdog };
    for name in ["ca", "other_ca"] {
        made.run_openssl(&format!("req -new -x509 -days 30 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=root-{name} -out {name}.crt -keyout {name}.key"));
    }
    made.run_openssl("req -new -x509 -days 30 -nodes -out selfsigned.crt -keyout selfsigned.key -subj /CN=dbhost.test");
    made.sign_certificate("server", "/CN=ignored.test", "ca", Some("subjectAltName=DNS:db.test,DNS:*.wild.test"), "30");
    made.sign_certificate("address", "/CN=ignored.test", "ca", Some("subjectAltName=IP:127.0.0.1"), "30");
    made.sign_certificate("named", "/CN=named.test", "ca", None, "30");
    made.sign_certificate("client", "/CN=certuser", "ca", Some("extendedKeyUsage=clientAuth"), "30");
    made.sign_certificate("stranger", "/CN=certuser", "other_ca", Some("extendedKeyUsage=clientAuth"), "30");
    made
});

impl Certificates {
    pub fn file_path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn file_text(&self, name: &str) -> String {
        std::fs::read_to_string(self.file_path(name)).expect("a certificate")
    }

    fn sign_certificate(&self, name: &str, subject: &str, authority: &str, extension: Option<&str>, days: &str) {
        self.run_openssl(&format!(
            "req -new -nodes -newkey rsa:2048 -subj {subject} -out {name}.csr -keyout {name}.key"
        ));
        let extension = extension.map_or(String::new(), |text| {
            std::fs::write(self.file_path(&format!("{name}.ext")), text).expect("a file");
            format!(" -extfile {name}.ext")
        });
        self.run_openssl(&format!("x509 -req -in {name}.csr -days {days} -CA {authority}.crt -CAkey {authority}.key -CAcreateserial -out {name}.crt{extension}"));
    }

    fn run_openssl(&self, arguments: &str) {
        let output =
            Command::new("openssl").args(arguments.split(' ')).current_dir(&self.directory).output().expect("openssl");
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The settings and files of a server with this certificate.
pub fn server_files(name: &str) -> (String, [(&'static str, String); 3]) {
    let conf = "ssl = on\nssl_cert_file = 'tls.crt'\nssl_key_file = 'tls.key'\nssl_ca_file = 'ca.crt'".to_owned();
    let text = |suffix: &str| CERTIFICATES.file_text(&format!("{name}.{suffix}"));
    (conf, [("tls.crt", text("crt")), ("tls.key", text("key")), ("ca.crt", CERTIFICATES.file_text("ca.crt"))])
}

/// `key=value` for a file of the directory.
pub fn file_option(key: &str, name: &str) -> String {
    let path: &Path = &CERTIFICATES.file_path(name);
    format!("{key}='{}'", path.display())
}
