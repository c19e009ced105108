//! `toplist/domains.csv` and `names.csv`: invented ranks of the invented sites, in the format of published lists.
//!
//! The most visited sites are on both, some rarely visited ones on neither: with these the beacon's name stands among
//! harmless ones that nobody knows. The campus' own names are on no list.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::internet::{Internet, registered_domain};

/// So many of the sites, most visited first, are on the list of names.
const NAMES_LISTED: usize = 400;
/// So many of the domains, those whose first site is visited least, are not on the list of domains.
const DOMAINS_UNLISTED: usize = 12;
/// Ranks of the list of names are so far apart.
const NAME_RANK_STEP: usize = 37;

/// Lines `rank,domain`. Ranks grow with the third power: a quarter of them is below 10,000, all are below a million.
pub(crate) fn domains(internet: &Internet) -> String {
    let mut known = BTreeSet::new();
    let mut listed: Vec<&str> =
        internet.names().map(registered_domain).filter(|domain| known.insert(domain.to_string())).collect();
    listed.truncate(listed.len().saturating_sub(DOMAINS_UNLISTED));
    lines(listed.into_iter(), |index| (index + 1).pow(3))
}

/// Lines `rank,name`.
pub(crate) fn names(internet: &Internet) -> String {
    lines(internet.names().take(NAMES_LISTED), |index| 1 + index * NAME_RANK_STEP)
}

fn lines<'a>(names: impl Iterator<Item = &'a str>, rank: fn(usize) -> usize) -> String {
    let mut text = String::new();
    for (index, name) in names.enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{},{name}", rank(index));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;
    use crate::internet::BEACON_DOMAIN;

    #[test]
    fn some_sites_are_on_both_lists_and_some_on_none() {
        for seed in 0..5 {
            let internet = Internet::new(&mut Dice::new(seed, 0));
            let (domains, names) = (domains(&internet), names(&internet));
            let has =
                |list: &str, name: &str| list.lines().any(|line| line.split_once(',').is_some_and(|it| it.1 == name));
            let of_site = |name: &str| (has(&domains, registered_domain(name)), has(&names, name));
            let sites: Vec<(bool, bool)> = internet.names().map(of_site).collect();
            let unknown = sites.iter().filter(|site| **site == (false, false)).count();
            assert!((5..100).contains(&unknown), "{unknown}");
            assert_eq!(sites[0], (true, true));
            assert!(sites.contains(&(true, false)));
            assert_eq!(of_site(BEACON_DOMAIN), (false, false));
            let last = domains.lines().last().and_then(|line| line.split_once(',')).map(|(rank, _)| rank.to_owned());
            let last: usize = last.and_then(|rank| rank.parse().ok()).expect("a rank");
            assert!((10_001..1_000_000).contains(&last), "{last}");
        }
    }
}
