/// Reads a reported version as `server_version_num` has it: `17.10 (Debian …)` is 170010,
/// `18beta1` and `16devel` are 180000 and 160000, `9.6.24` is 90624.
pub(super) fn parse_version_num(reported: &str) -> Option<u32> {
    let end = reported.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(reported.len());
    let mut parts = reported.get(..end)?.split('.').map(str::parse::<u32>);
    let major = parts.next()?.ok()?;
    let mut next = || parts.next().and_then(Result::ok).unwrap_or(0);
    let (minor, patch) = (next(), next());
    let number = if major >= 10 { (major, 0, minor) } else { (major, minor, patch) };
    number.0.checked_mul(10_000)?.checked_add(number.1.checked_mul(100)?)?.checked_add(number.2)
}

#[cfg(test)]
mod tests {
    use super::parse_version_num;

    #[test]
    fn server_version_parses_reported_text() {
        for (reported, wanted) in [
            ("", None),
            ("devel", None),
            ("99999999999", None),
            ("17.10 (Debian 17.10-1.pgdg12+1)", Some(170_010)),
            ("18beta1", Some(180_000)),
            ("16devel", Some(160_000)),
            ("13.23", Some(130_023)),
            ("9.6.24", Some(90_624)),
            ("15.18 (Debian 15.18-0+deb12u1)", Some(150_018)),
        ] {
            assert_eq!(parse_version_num(reported), wanted, "{reported}");
        }
    }
}
