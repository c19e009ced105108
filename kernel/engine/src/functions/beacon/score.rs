//! The arithmetic of a beacon's scores: four numbers from 0 to 1 for the moments and sizes of connections.

/// Different seconds, and gaps between them, below which nothing can be said.
const SECONDS_MIN: usize = 4;
const GAPS_MIN: usize = 3;
/// The window is cut into so many bars.
const BARS: usize = 24;
/// Bars with connections from which two alternating loads may be told.
const BARS_FOR_TWO_LOADS_MIN: usize = 11;
/// Bars whose counts differ by less than this part of the largest count are alike.
const ALIKE: f64 = 0.05;
/// Bars with connections from which the duration counts.
const BARS_FOR_DURATION_MIN: usize = 6;
/// So many bars in a row are as good as the whole window.
const RUN_WANTED: f64 = 12.0;
/// Quartiles nearer to each other than this say nothing about skew.
const SPREAD_MIN: f64 = 10.0;

/// What is known about one pair of hosts. In any order.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// Since 1970.
    pub(super) seconds: Vec<i64>,
    pub(super) bytes: Vec<f64>,
    pub(super) window_start: Option<i64>,
    pub(super) window_end: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scores {
    pub(super) ts: f64,
    pub(super) ds: f64,
    pub(super) hist: f64,
    pub(super) dur: f64,
}

impl Scores {
    pub(super) fn total(&self) -> f64 {
        rounded((self.ts + self.ds + self.hist + self.dur) / 4.0)
    }
}

impl Connections {
    /// `None` where there are too few.
    pub(super) fn scores(&self) -> Option<Scores> {
        // Nearly all pairs of hosts.
        if self.seconds.len() < SECONDS_MIN {
            return None;
        }
        let mut seconds = self.seconds.clone();
        seconds.sort_unstable();
        let (first, last) = (*seconds.first()?, *seconds.last()?);
        let mut distinct = seconds.clone();
        distinct.dedup();
        let gaps: Vec<f64> = distinct.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        if distinct.len() < SECONDS_MIN || gaps.len() < GAPS_MIN {
            return None;
        }
        let start = self.window_start.unwrap_or(first);
        let end = self.window_end.unwrap_or(last);
        let bars = bars(&seconds, start, end);
        let covered = (last.min(end) - first.max(start)) as f64 / (end - start).max(1) as f64;
        Some(Scores {
            ts: rounded(regularity(gaps, 1.0)),
            ds: rounded(regularity(self.bytes.clone(), 0.0)),
            hist: rounded(evenness(&bars)),
            dur: rounded(duration(&bars, covered)),
        })
    }
}

/// Mean of symmetry and of closeness to the median. `of_tiny` is the closeness where the median is below 1.
fn regularity(mut values: Vec<f64>, of_tiny: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_by(f64::total_cmp);
    let [low, median, high] = [0.25, 0.5, 0.75].map(|part| quantile(&values, part));
    let is_flat = high - low < SPREAD_MIN || median == low || median == high;
    let skew = if is_flat { 0.0 } else { (low + high - 2.0 * median) / (high - low) };
    let mut distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
    distances.sort_by(f64::total_cmp);
    let closeness = if median < 1.0 { of_tiny } else { ((median - quantile(&distances, 0.5)) / median).max(0.0) };
    f64::midpoint(1.0 - skew.abs(), closeness)
}

/// Between the two nearest values; `sorted` is not empty.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// Connections in each part of the window; those outside of it do not count.
fn bars(seconds: &[i64], start: i64, end: i64) -> [u32; BARS] {
    let mut bars = [0; BARS];
    let length = (end - start).max(1) as f64;
    for second in seconds.iter().filter(|second| (start..=end).contains(*second)) {
        let index = ((second - start) as f64 / length * BARS as f64) as usize;
        bars[index.min(BARS - 1)] += 1;
    }
    bars
}

/// The same load in all bars, or two loads that alternate.
fn evenness(bars: &[u32; BARS]) -> f64 {
    let mean = bars.iter().map(|count| f64::from(*count)).sum::<f64>() / BARS as f64;
    if mean == 0.0 {
        return 0.0;
    }
    let variance = bars.iter().map(|count| (f64::from(*count) - mean).powi(2)).sum::<f64>() / BARS as f64;
    let variation = variance.sqrt() / mean;
    (1.0 - variation).max(0.0).max(two_loads(bars))
}

/// The share of bars with one of the two most frequent loads. One bar may be out of line.
fn two_loads(bars: &[u32; BARS]) -> f64 {
    let used: Vec<u32> = bars.iter().copied().filter(|count| *count > 0).collect();
    if used.len() < BARS_FOR_TWO_LOADS_MIN {
        return 0.0;
    }
    let largest = used.iter().copied().max().unwrap_or(0);
    let width = ((f64::from(largest) * ALIKE).ceil() as u32).max(1);
    let mut frequencies: Vec<usize> = vec![0; (largest / width + 1) as usize];
    for count in &used {
        frequencies[(count / width) as usize] += 1;
    }
    frequencies.sort_unstable_by(|one, other| other.cmp(one));
    let alike: usize = frequencies.iter().take(2).sum();
    (alike as f64 / (used.len() - 1) as f64).min(1.0)
}

/// How much of the window is covered, or how long without a pause.
fn duration(bars: &[u32; BARS], covered: f64) -> f64 {
    let used = bars.iter().filter(|count| **count > 0).count();
    if used < BARS_FOR_DURATION_MIN {
        return 0.0;
    }
    let longest_run = bars.split(|count| *count == 0).map(<[u32]>::len).max().unwrap_or(0);
    covered.max(longest_run as f64 / RUN_WANTED).clamp(0.0, 1.0)
}

fn rounded(score: f64) -> f64 {
    (score * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    /// A fixed sequence that looks random.
    fn noise(seed: u64) -> impl FnMut(i64) -> i64 {
        let mut state = seed;
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from(state >> 33).expect("31 bits") % below
        }
    }

    fn of_day(seconds: Vec<i64>, bytes: Vec<f64>) -> Connections {
        Connections { seconds, bytes, window_start: Some(0), window_end: Some(DAY) }
    }

    #[test]
    fn a_clock_is_a_beacon() {
        let seconds: Vec<i64> = (0..=DAY).step_by(300).collect();
        let bytes = vec![500.0; seconds.len()];
        let scores = of_day(seconds, bytes).scores().expect("enough");
        assert_eq!((scores.ts, scores.ds, scores.dur), (1.0, 1.0, 1.0));
        assert!(scores.hist > 0.95, "{scores:?}");
        assert!(scores.total() > 0.98);
    }

    #[test]
    fn jitter_costs_little() {
        let mut noise = noise(7);
        let seconds: Vec<i64> = (0..DAY / 600).map(|step| step * 600 + noise(60)).collect();
        let bytes = seconds.iter().map(|_| 400.0 + noise(40) as f64).collect();
        let scores = of_day(seconds, bytes).scores().expect("enough");
        assert!(scores.total() > 0.9, "{scores:?}");
    }

    #[test]
    fn a_person_is_none() {
        let mut noise = noise(11);
        let mut seconds = Vec::new();
        for session in [8, 9, 13, 15] {
            let mut second = session * 3600 + noise(1800);
            for _ in 0..25 {
                second += 1 + noise(8) * noise(8) * noise(4);
                seconds.push(second);
            }
        }
        let bytes = seconds.iter().map(|_| (200 + noise(100) * noise(300)) as f64).collect();
        let scores = of_day(seconds, bytes).scores().expect("enough");
        assert!(scores.total() < 0.5, "{scores:?}");
        assert_eq!(scores.dur, 0.0);
    }

    #[test]
    fn two_alternating_loads_are_even() {
        let mut seconds = Vec::new();
        for hour in 0..24 {
            let count = if hour % 2 == 0 { 60 } else { 6 };
            seconds.extend((0..count).map(|step| hour * 3600 + step * (3600 / count)));
        }
        let scores = of_day(seconds, vec![]).scores().expect("enough");
        assert_eq!((scores.hist, scores.ds), (1.0, 0.0));
    }

    #[test]
    fn a_short_beacon_in_a_long_window_lacks_duration() {
        let seconds: Vec<i64> = (0..3 * 3600).step_by(60).collect();
        let alone = Connections { seconds: seconds.clone(), ..Connections::default() };
        assert_eq!(alone.scores().expect("enough").dur, 1.0);
        let scores = of_day(seconds, vec![]).scores().expect("enough");
        assert_eq!((scores.ts, scores.dur), (1.0, 0.0));
    }

    #[test]
    fn too_few_say_nothing() {
        for seconds in [vec![], vec![1], vec![1, 2, 3], vec![5; 100]] {
            assert_eq!(Connections { seconds, ..Connections::default() }.scores(), None);
        }
        assert!(Connections { seconds: vec![1, 2, 3, 4], ..Connections::default() }.scores().is_some());
    }

    #[test]
    fn order_and_odd_windows_do_not_matter() {
        let seconds: Vec<i64> = (0..100).map(|step| (step * 37 % 100) * 60).collect();
        let sorted: Vec<i64> = (0..100).map(|step| step * 60).collect();
        let scores = |seconds: &[i64]| Connections { seconds: seconds.to_vec(), ..Connections::default() }.scores();
        assert_eq!(scores(&seconds), scores(&sorted));
        let backwards = Connections { seconds, window_start: Some(10), window_end: Some(0), ..Connections::default() };
        assert!(backwards.scores().is_some_and(|scores| (0.0..=1.0).contains(&scores.total())));
    }
}
