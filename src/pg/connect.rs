use super::conninfo::Conninfo;
pub struct Canceller;
impl Canceller {
    pub async fn cancel(&self) {}
}
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConnectError(String);
pub struct Endpoint;
impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stub")
    }
}
pub struct Connected {
    pub client: tokio_postgres::Client,
    pub canceller: Canceller,
    pub server_version: String,
    pub server_version_num: u32,
    pub endpoint: Endpoint,
}
pub async fn connect(c: &Conninfo) -> Result<Connected, ConnectError> {
    let (client, conn) =
        tokio_postgres::connect(&c.text, tokio_postgres::NoTls).await.map_err(|e| ConnectError(e.to_string()))?;
    let v = conn.parameter("server_version").unwrap_or("0").to_owned();
    tokio::spawn(conn);
    let mut it = v.split(|c: char| !c.is_ascii_digit()).map(|x| x.parse::<u32>().unwrap_or(0));
    let n = it.next().unwrap_or(0) * 10000 + it.next().unwrap_or(0);
    Ok(Connected { client, canceller: Canceller, server_version: v, server_version_num: n, endpoint: Endpoint })
}
