//! The cases of the matrix, and the results of psql and pgtend for each.

mod chains;
mod lists;
mod names;
mod servers;

/// Which revocation lists the client has.
#[derive(Clone, Copy)]
pub enum Lists {
    None,
    /// `sslcrl`, a file of these lists.
    File(&'static [&'static str]),
    /// `sslcrldir`, with hashed names.
    Folder(&'static [&'static str]),
    /// `sslcrl` and `sslcrldir`.
    Both(&'static str, &'static str),
    /// `sslcrl`, a file that does not exist.
    Missing,
    /// `~/.postgresql/root.crl`.
    Default(&'static [&'static str]),
    /// `sslcrl` with the first list; the second list is in the root file.
    InRootFile(&'static str, &'static str),
}

/// The result for a server's certificate under verify-ca and under verify-full: an empty text stands for accepted,
/// another one for a part of the error.
pub type Verdict = [&'static str; 2];

#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    /// The certificates that the server sends, its own first.
    pub sent_chain: &'static [&'static str],
    /// The certificates of the root file.
    pub roots: &'static [&'static str],
    pub lists: Lists,
    pub host: &'static str,
    /// Whether psql accepts it under verify-ca and under verify-full.
    pub psql: [bool; 2],
    pub pgtend: Verdict,
}

const BOTH_ACCEPT: [bool; 2] = [true, true];
const BOTH_REFUSE: [bool; 2] = [false, false];
const ONLY_CA: [bool; 2] = [true, false];
const ACCEPTED: Verdict = ["", ""];

type Names = &'static [&'static str];

fn new_case(name: &'static str, sent: Names, roots: Names, psql: [bool; 2], pgtend: Verdict) -> Case {
    Case { name, sent_chain: sent, roots, lists: Lists::None, host: "db.test", psql, pgtend }
}

const fn refused_with(part: &'static str) -> Verdict {
    [part, part]
}

pub fn cases() -> Vec<Case> {
    let mut cases = chains::plain_cases();
    cases.extend(chains::root_cases());
    cases.extend(chains::chain_cases());
    cases.extend(servers::direct_cases());
    cases.extend(servers::self_signed_cases());
    cases.extend(servers::leaf_cases());
    cases.extend(servers::key_cases());
    cases.extend(names::name_cases());
    cases.extend(lists::list_cases());
    cases
}

const AUTHORITY: Verdict = refused_with("is not signed by an authority in");
