//! The only source of chance: a ChaCha8 stream and the few distributions the day needs.
//!
//! The distributions are written out here rather than taken from a crate, so that a new version of such a crate
//! cannot change the files of a seed. No clock, no operating system randomness.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters of a Zeek connection or file identifier, its leading letter included.
const UID_LENGTH: usize = 18;

/// A Zeek identifier such as `CH53301MTU21BMj2Bj`. Invariant: ASCII letters and digits only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Uid([u8; UID_LENGTH]);

impl Uid {
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a uid is made of ASCII characters in Dice::uid")
    }
}

/// One independent stream of chance.
#[derive(Debug)]
pub(crate) struct Dice {
    rng: ChaCha8Rng,
}

impl Dice {
    /// Streams of one seed do not influence each other: the incident is the same however much background there is.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self { rng }
    }

    /// A whole number in `0..limit`; 0 when `limit` is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        let product = u128::from(self.rng.next_u64()) * u128::from(limit);
        (product >> 64) as u64
    }

    /// A whole number in `low..=high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// A number in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        const SCALE: f64 = 1.0 / (1u64 << 53) as f64;
        (self.rng.next_u64() >> 11) as f64 * SCALE
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    pub(crate) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        // Box-Muller; 1 - unit() is never 0, so the logarithm is finite.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let angle = std::f64::consts::TAU * self.unit();
        mean + deviation * radius * angle.cos()
    }

    /// Log-normal with the given median, kept within `low..=high`.
    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64, low: u64, high: u64) -> u64 {
        let value = median * self.normal(0.0, sigma).exp();
        (value as u64).clamp(low, high)
    }

    /// `items` must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Index into `cumulative`, an ascending list of summed weights.
    pub(crate) fn weighted(&mut self, cumulative: &[f64]) -> usize {
        let total = cumulative.last().copied().unwrap_or(0.0);
        let wanted = self.unit() * total;
        let index = cumulative.partition_point(|sum| *sum <= wanted);
        index.min(cumulative.len().saturating_sub(1))
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }

    /// An identifier as Zeek makes them: `C` for connections, `F` for files.
    pub(crate) fn uid(&mut self, letter: u8) -> Uid {
        let mut characters = [letter; UID_LENGTH];
        let mut rest = 0;
        for (index, character) in characters.iter_mut().enumerate().skip(1) {
            // 62^10 fits in 64 bits, so one draw serves ten characters.
            if index % 10 == 1 {
                rest = self.rng.next_u64();
            }
            *character = BASE62[(rest % 62) as usize];
            rest /= 62;
        }
        Uid(characters)
    }

    /// A port from which a client opens connections.
    pub(crate) fn client_port(&mut self) -> u16 {
        self.between(49_152, 65_535) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_seed_differ_and_repeat() {
        let first: Vec<u64> = (0..8)
            .map({
                let mut d = Dice::new(1, 0);
                move |_| d.below(1000)
            })
            .collect();
        let again: Vec<u64> = (0..8)
            .map({
                let mut d = Dice::new(1, 0);
                move |_| d.below(1000)
            })
            .collect();
        let other: Vec<u64> = (0..8)
            .map({
                let mut d = Dice::new(1, 1);
                move |_| d.below(1000)
            })
            .collect();
        assert_eq!(first, again);
        assert_ne!(first, other);
    }

    #[test]
    fn distributions_stay_in_their_bounds() {
        let mut dice = Dice::new(7, 0);
        for _ in 0..2_000 {
            assert!((3..=9).contains(&dice.between(3, 9)));
            assert!((10..=500).contains(&dice.log_normal(60.0, 1.5, 10, 500)));
            assert!(dice.weighted(&[0.5, 0.5, 2.0]) != 1, "a weight of 0 is never drawn");
        }
        assert_eq!(dice.uid(b'C').as_str().len(), UID_LENGTH);
        assert!(dice.uid(b'C').as_str().starts_with('C'));
    }
}
