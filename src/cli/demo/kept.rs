//! The cluster of `pgtend demo --keep`, which runs until `pgtend demo --stop`.

use crate::app::Context;
use crate::app::error::Failure;
use crate::app::exit_code::ExitCode;
use crate::output_file;
use crate::postgres::conninfo::XdgFolder;
use crate::quote::quote_shell;
use anyhow::Context as _;
use pg_sandbox::Cluster;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// The folder and the port of a kept cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCluster {
    folder: PathBuf,
    port: u16,
}

impl KeptCluster {
    /// Returns the kept cluster of the user; `None` if there is none.
    ///
    /// # Errors
    ///
    /// There is no home directory.
    pub fn find(context: &Context) -> Result<Option<KeptCluster>, Failure> {
        let text = std::fs::read_to_string(record_file(context)?).unwrap_or_default();
        Ok(KeptCluster::parse(&text))
    }

    /// Leaves a cluster running and records it.
    ///
    /// # Errors
    ///
    /// The record cannot be written, or the watchdog of the cluster cannot be reached.
    pub fn keep(cluster: Cluster, context: &Context) -> Result<KeptCluster, Failure> {
        let kept = KeptCluster { folder: cluster.socket_dir().to_path_buf(), port: cluster.port() };
        let record = record_file(context)?;
        let parent = output_file::parent_folder(&record);
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        let text = format!("{}\n{}\n", kept.port, kept.folder.display());
        output_file::write_file(&record, |out| out.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write {}", record.display()))?;
        cluster.detach().context("cannot leave the cluster running")?;
        Ok(kept)
    }

    /// Stops the server, and removes the folder and the record.
    ///
    /// # Errors
    ///
    /// The server does not stop.
    pub fn stop(&self, context: &Context) -> Result<(), Failure> {
        Cluster::stop_detached(&self.folder).context("cannot stop the cluster")?;
        let record = record_file(context)?;
        std::fs::remove_file(&record).with_context(|| format!("cannot remove {}", record.display()))?;
        Ok(())
    }

    /// Returns whether the server accepts connections.
    pub fn is_running(&self) -> bool {
        UnixStream::connect(self.folder.join(format!(".s.PGSQL.{}", self.port))).is_ok()
    }

    /// Returns the line with which a shell sets the connection.
    pub fn export_line(&self) -> String {
        let variables = connection_variables(&self.folder, self.port);
        let pairs = variables.map(|(name, value)| format!("{name}={}", quote_shell(&value)));
        format!("export {}\n", pairs.join(" "))
    }

    fn parse(text: &str) -> Option<KeptCluster> {
        let (port, folder) = text.trim_end().split_once('\n')?;
        Some(KeptCluster { folder: folder.into(), port: port.parse().ok()? })
    }
}

/// Returns the environment variables that connect to a cluster as its superuser.
pub fn connection_variables(folder: &Path, port: u16) -> [(&'static str, String); 4] {
    [
        ("PGHOST", folder.display().to_string()),
        ("PGPORT", port.to_string()),
        ("PGUSER", "postgres".to_owned()),
        ("PGDATABASE", "postgres".to_owned()),
    ]
}

/// Returns the path of the record: port and folder of the kept cluster, one per line.
fn record_file(context: &Context) -> Result<PathBuf, Failure> {
    let folder = context.environment.xdg_folder(XdgFolder::State).ok_or_else(|| {
        Failure::new(ExitCode::Usage, "no home directory to record the demo cluster in")
            .with_hint(Some("set HOME or XDG_STATE_HOME"))
    })?;
    Ok(folder.join("demo-cluster"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn export_line_sets_four_variables() {
        let kept = KeptCluster::parse("54321\n/tmp/pgtend-0a1b2c3d\n").unwrap();
        assert_eq!(
            kept.export_line(),
            "export PGHOST=/tmp/pgtend-0a1b2c3d PGPORT=54321 PGUSER=postgres PGDATABASE=postgres\n"
        );
        assert_eq!(KeptCluster::parse(""), None);
        assert_eq!(KeptCluster::parse("x\n/tmp/pgtend-0a1b2c3d\n"), None);
    }
}
