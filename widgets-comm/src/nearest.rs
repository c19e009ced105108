//! The name that a misspelt one was meant to be.

/// The known name nearest to the wanted one, unless all of them are far off: one letter in three of its own part, which
/// is the part that not all names share.
pub(crate) fn nearest<'a>(wanted: &str, own_part: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    // A long name from a front end is not worth the square of its length.
    if wanted.len() > NAME_BYTES_MAX {
        return None;
    }
    let distance_max = own_part.chars().count().div_ceil(3);
    let ranked = known.map(|name| (distance(wanted, name), name)).min()?;
    (ranked.0 <= distance_max).then(|| ranked.1.to_owned())
}

const NAME_BYTES_MAX: usize = 64;

/// Insertions, deletions and replacements that lead from one to the other, upper and lower case being the same.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, left) in left.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, right) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wanted: &str, expected: Option<&str>) {
        let known = ["description", "disabled", "max", "min", "value"];
        assert_eq!(nearest(wanted, wanted, known.into_iter()).as_deref(), expected);
    }

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        check("descripton", Some("description"));
        check("Value", Some("value"));
        check("maxx", Some("max"));
        check("colour", None);
        check("", None);
        check(&"d".repeat(1000), None);
    }
}
