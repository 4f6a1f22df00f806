/// Parses a price per GiB and month, e.g. 0.115. It must not be negative.
pub fn parse_price(text: &str) -> Result<f64, String> {
    let price: f64 = text.trim().parse().map_err(|_| format!("{text:?} is not a price: write a number, e.g. 0.115"))?;
    if price.is_finite() && (0.0..1e6).contains(&price) {
        Ok(price)
    } else {
        Err(format!("{text:?} is not a price: it must be at least 0 and below 1000000"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parse_price_accepts_only_valid_prices(text: String, typed in 0.0..1e6_f64) {
            let price = parse_price(&text);
            prop_assert!(price.is_err() || price.is_ok_and(|price| (0.0..1e6).contains(&price)));
            prop_assert_eq!(parse_price(&typed.to_string()), Ok(typed));
        }
    }
}
