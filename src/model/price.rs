/// A price as people write it, of a GiB and month: 0.115. Not negative, and a number.
pub fn parse_price(text: &str) -> Result<f64, String> {
    let price: f64 = text.trim().parse().map_err(|_| format!("{text:?} is not a price; write 0.115"))?;
    if price.is_finite() && (0.0..1e6).contains(&price) { Ok(price) } else { Err(format!("{text:?} is not a price")) }
}
