//! The largest elements of a list, without sorting the rest.

/// Returns the elements with the smallest keys, at most this many, in order.
pub fn top_n<T, K: Ord>(mut items: Vec<T>, n: usize, key: impl Fn(&T) -> K) -> Vec<T> {
    if items.len() > n {
        items.select_nth_unstable_by_key(n, &key);
        items.truncate(n);
    }
    items.sort_unstable_by_key(key);
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn top_n_matches_sorted_prefix(items: Vec<u8>, n in 0_usize..40) {
            let mut sorted = items.clone();
            sorted.sort_unstable();
            sorted.truncate(n);
            prop_assert_eq!(top_n(items, n, |item| *item), sorted);
        }
    }
}
