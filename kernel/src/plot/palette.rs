//! Colours that people with any colour vision tell apart.

/// Of groups: Okabe and Ito's, the yellow last as it is faint on white.
const GROUPS: [&str; 7] = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442"];

/// Of what is none of the groups.
const OTHER: &str = "#8C8C8C";

/// From the least amount to the greatest: dark to light, even in grey (viridis).
pub(super) const AMOUNTS: [&str; 7] = ["#440154", "#443983", "#31688E", "#21918C", "#35B779", "#90D743", "#FDE725"];

/// The colour of each of these names.
pub(super) fn of(names: &[String]) -> Vec<&'static str> {
    let is_rest = |index: usize, name: &str| index > 0 && index + 1 == names.len() && name == "other";
    let colour =
        |(index, name): (usize, &String)| if is_rest(index, name) { OTHER } else { GROUPS[index % GROUPS.len()] };
    names.iter().enumerate().map(colour).collect()
}

/// Red, green and blue of `#RRGGBB`.
pub(super) fn rgb(colour: &str) -> (u8, u8, u8) {
    let part =
        |place: usize| colour.get(place..place + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(0);
    (part(1), part(3), part(5))
}

/// The colour of an amount, 0 the least and 1 the greatest.
pub(super) fn amount(share: f64) -> (u8, u8, u8) {
    let place = share.clamp(0.0, 1.0) * (AMOUNTS.len() - 1) as f64;
    let below = (place.floor() as usize).min(AMOUNTS.len() - 2);
    let (from, to, part) = (rgb(AMOUNTS[below]), rgb(AMOUNTS[below + 1]), place - below as f64);
    let mix = |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * part).round() as u8;
    (mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}
