//! Where the bands of a sankey are: who stands on the left and on the right, and what runs between them.
//!
//! Geometry alone, in a square of side 1 with its origin at the top left; colours and texts are the drawings' business.

use flow_engine::plot::{Chart, Marks, Place, Scale};

/// Room between two names of a side.
const GAP: f64 = 0.012;
/// The part of the height that texts of all names need, where the drawings are as high as their names ask for.
const SLOT: f64 = 0.55;
/// The drawings have room for so many names at least.
pub(super) const NAMES_MIN: usize = 8;
/// Steps in which the scale is found: more than a pixel needs.
const HALVINGS: usize = 40;
/// Points along the edge of a band: more cannot be seen.
const STEPS: usize = 16;

/// All of it.
pub(super) struct Bands<'a> {
    pub(super) left: Vec<Node<'a>>,
    pub(super) right: Vec<Node<'a>>,
    pub(super) bands: Vec<Band>,
}

/// A name, from the top to the bottom of what it sends or gets.
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) amount: f64,
}

/// An amount from one name to another.
pub(super) struct Band {
    /// The number of the name on the left, and of the one on the right.
    pub(super) ends: (usize, usize),
    pub(super) amount: f64,
    /// Top and bottom on the left, and on the right.
    from: (f64, f64),
    to: (f64, f64),
}

impl<'a> Bands<'a> {
    /// `None` where nothing runs.
    pub(super) fn of(chart: &'a Chart) -> Option<Bands<'a>> {
        let (Marks::Tiles(tiles), Scale::Names(lefts), Scale::Names(rights)) =
            (&chart.marks, &chart.y.scale, &chart.x.scale)
        else {
            return None;
        };
        let mut links = Vec::new();
        for tile in tiles {
            if let (Place::Name(left), Place::Name(right)) = (tile.y, tile.x)
                && left < lefts.len()
                && right < rights.len()
            {
                links.push((left, right, tile.amount));
            }
        }
        let total: f64 = links.iter().map(|link| link.2).sum();
        if total <= 0.0 {
            return None;
        }
        let sums = |count: usize, of: fn(&(usize, usize, f64)) -> usize| -> Vec<f64> {
            let sum = |number| links.iter().filter(|link| of(link) == number).map(|link| link.2).sum();
            (0..count).map(sum).collect()
        };
        let (sent, got) = (sums(lefts.len(), |link| link.0), sums(rights.len(), |link| link.1));
        let slot = SLOT / lefts.len().max(rights.len()).max(NAMES_MIN) as f64;
        let scale = scale(&sent, slot, total).min(scale(&got, slot, total));
        let (left, right) = (side(lefts, &sent, slot, scale), side(rights, &got, slot, scale));
        // In the order of the other side, so that few of them cross.
        links.sort_by_key(|link| (link.0, link.1));
        let mut used = (vec![0.0; left.len()], vec![0.0; right.len()]);
        let mut bands: Vec<Band> = links
            .iter()
            .map(|(from, to, amount)| {
                let top = left[*from].top + used.0[*from];
                used.0[*from] += amount * scale;
                Band { ends: (*from, *to), amount: *amount, from: (top, top + amount * scale), to: (0.0, 0.0) }
            })
            .collect();
        bands.sort_by_key(|band| (band.ends.1, band.ends.0));
        for band in &mut bands {
            let top = right[band.ends.1].top + used.1[band.ends.1];
            used.1[band.ends.1] += band.amount * scale;
            band.to = (top, top + band.amount * scale);
        }
        // The small ones are seen above the great ones.
        bands.sort_by(|one, other| other.amount.total_cmp(&one.amount));
        Some(Bands { left, right, bands })
    }
}

impl Band {
    /// Places along it: how far to the right, its top and its bottom there.
    pub(super) fn edge(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        let (from, to) = (self.from, self.to);
        (0..=STEPS).map(move |step| {
            let along = step as f64 / STEPS as f64;
            // Level at both ends.
            let share = along * along * (3.0 - 2.0 * along);
            (along, from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
        })
    }
}

/// How high an amount of 1 is drawn, so that all names of a side fit with room for their texts.
fn scale(amounts: &[f64], slot: f64, total: f64) -> f64 {
    let (mut fits, mut too_much) = (0.0, 1.0 / total);
    for _ in 0..HALVINGS {
        let middle = (fits + too_much) / 2.0;
        if height(amounts, slot, middle) <= 1.0 { fits = middle } else { too_much = middle }
    }
    fits
}

fn height(amounts: &[f64], slot: f64, scale: f64) -> f64 {
    let slots: f64 = amounts.iter().map(|amount| (amount * scale).max(slot)).sum();
    slots + GAP * amounts.len().saturating_sub(1) as f64
}

/// The names of one side, each as high as its amount in a slot that has room for a text, the whole in the middle.
fn side<'a>(names: &'a [String], amounts: &[f64], slot: f64, scale: f64) -> Vec<Node<'a>> {
    let mut top = (1.0 - height(amounts, slot, scale)) / 2.0;
    let nodes = names.iter().zip(amounts).map(|(name, amount)| {
        let own = (amount * scale).max(slot);
        let from = top + (own - amount * scale) / 2.0;
        top += own + GAP;
        Node { name, top: from, bottom: from + amount * scale, amount: *amount }
    });
    nodes.collect()
}

#[cfg(test)]
mod tests {
    use flow_engine::plot::{Kind, Tile};

    use super::*;
    use crate::plot::tests::chart;

    #[test]
    fn bands_fill_both_ends_and_nothing_overlaps() {
        let tile = |y, x, amount| Tile { x: Place::Name(x), y: Place::Name(y), amount };
        let mut chart = chart(Kind::Sankey, Marks::Tiles(vec![tile(0, 1, 2.0), tile(0, 0, 1.0), tile(1, 0, 5.0)]));
        let names = |names: [&str; 2]| Scale::Names(names.map(str::to_owned).to_vec());
        (chart.y.scale, chart.x.scale) = (names(["a", "b"]), names(["c", "d"]));
        let bands = Bands::of(&chart).expect("three bands");
        assert_eq!(bands.bands.len(), 3);
        for (number, node) in bands.left.iter().enumerate() {
            let own = bands.bands.iter().filter(|band| band.ends.0 == number);
            let height: f64 = own.map(|band| band.from.1 - band.from.0).sum();
            assert!((height - (node.bottom - node.top)).abs() < 1e-9, "{}", node.name);
        }
        let mut ends: Vec<(f64, f64)> = bands.bands.iter().map(|band| band.to).collect();
        ends.sort_by(|one, other| one.0.total_cmp(&other.0));
        assert!(ends.windows(2).all(|pair| pair[0].1 <= pair[1].0 + 1e-9), "{ends:?}");
        assert!(bands.left[0].top >= 0.0 && bands.left[1].bottom <= 1.0 + 1e-9);
        assert_eq!(bands.bands[0].amount, 5.0, "the greatest below the others");
    }
}
