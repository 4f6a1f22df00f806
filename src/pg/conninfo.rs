#[derive(Clone, Debug)]
pub struct Conninfo {
    pub text: String,
    pub user: String,
}
impl Conninfo {
    pub fn with_dbname(&self, _n: impl Into<String>) -> Self {
        self.clone()
    }
}
