//! Numbers to try an operation on: the same everywhere, on every machine, without a generator's state.

/// Entry `index` of the sequence `seed`, uniform in [−1, 1).
///
/// Counter-based: the entry is a hash of the pair, so any one can be had without those before it, in any order and on
/// any thread. The hash is the output function of SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014), once over the seed and once more over the counter. Tests, `impasto doctor` and the
/// benches draw their inputs here; it is no source of secrets.
pub fn sample(seed: u64, index: u64) -> f64 {
    let start = mix(seed.wrapping_add(GOLDEN_GAMMA));
    let hash = mix(start.wrapping_add(index.wrapping_add(1).wrapping_mul(GOLDEN_GAMMA)));
    // The upper 53 bits are exactly what an f64 can hold: 0 … 2⁵³−1, scaled to 0 … 2 and shifted.
    (hash >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// The first `count` entries of the sequence `seed`.
pub fn samples(seed: u64, count: usize) -> Vec<f64> {
    (0..count as u64).map(|index| sample(seed, index)).collect()
}

/// 2⁶⁴ divided by the golden ratio, made odd: the step of SplitMix64's counter.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
