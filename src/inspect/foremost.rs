//! The first few of many, without putting the rest in order.

/// At most so many, those with the smallest keys, in order.
pub fn foremost<T, K: Ord>(mut all: Vec<T>, most: usize, key: impl Fn(&T) -> K) -> Vec<T> {
    if all.len() > most {
        all.select_nth_unstable_by_key(most, &key);
        all.truncate(most);
    }
    all.sort_unstable_by_key(key);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_those_that_a_sorted_list_begins_with(all: Vec<u8>, most in 0_usize..40) {
            let mut sorted = all.clone();
            sorted.sort_unstable();
            sorted.truncate(most);
            prop_assert_eq!(foremost(all, most, |one| *one), sorted);
        }
    }
}
