mod audit;
mod file;
mod limits;
mod password;
mod target;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;
use crate::postgres::conninfo::{ConnectionRequest, resolve};

/// A machine with a home, a working directory and an environment.
struct Machine {
    folder: TempDir,
    environment: Environment,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        fs::create_dir(folder.path().join("work")).unwrap();
        let environment = Environment { home: Some(home), os_user: Some("u".into()), ..Environment::default() };
        Self { folder, environment }
    }

    fn with_file(self, path: &str, text: &str) -> Self {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        self
    }

    fn with_var(mut self, name: &str, value: &str) -> Self {
        self.environment.vars.insert(name.into(), value.into());
        self
    }

    fn read(&self, explicit: Option<&str>) -> Result<Config, ConfigError> {
        Config::read(explicit.map(Path::new), &self.environment, &self.folder.path().join("work"))
    }

    fn target(&self, name: &str) -> Result<Target, ConfigError> {
        self.read(None)?.target(name, &self.environment)
    }

    /// The password a connection to the target would use.
    fn password(&self, name: &str) -> Option<String> {
        let request = ConnectionRequest {
            target: Some(self.target(name).unwrap()),
            environment: self.environment.clone(),
            ..ConnectionRequest::default()
        };
        let host = resolve(&request).unwrap().conninfo.hosts.remove(0);
        host.password.map(|password| password.secret.expose().to_owned())
    }
}

const USER_FILE: &str = "home/.config/pgtend/config.toml";
const WORKING_DIRECTORY_FILE: &str = "work/pgtend.toml";

fn config_error_of(path: &str, text: &str) -> (String, String) {
    let error = Machine::new().with_file(path, text).read(None).expect_err(text);
    assert!(!format!("{error} {error:?}").contains("ter2"), "{text}: {error:?}");
    (error.to_string(), error.hint().unwrap_or_default().to_owned())
}
