//! Maps and sets by OID, with a fast hash function: OIDs are not chosen by an attacker.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
};

/// Map by relation OID.
pub type OidMap<V> = HashMap<u32, V, BuildHasherDefault<OidHasher>>;

/// Set of relation OIDs.
pub type OidSet = HashSet<u32, BuildHasherDefault<OidHasher>>;

/// Spreads consecutive numbers over all bits (Fibonacci hashing).
#[derive(Clone, Copy, Default)]
pub struct OidHasher(u64);

impl Hasher for OidHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
