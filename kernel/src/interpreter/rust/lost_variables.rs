//! Variables that evcxr has forgotten with a cell that failed.
//!
//! A variable that a cell moves or defines anew leaves evcxr's list when the cell compiles, whatever becomes of the cell.
//! Where a copy of the process goes on in the cell's place, its store still has the value: the definitions here take it
//! from there. The list of what the cell was given is in evcxr's source, which is overwritten by the next cell.

use std::collections::BTreeSet;

/// How evcxr gives a cell a variable, in front of its type.
const TAKE: &str = " = evcxr_variable_store.take_variable::<";

/// A variable that evcxr does not know any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its name.
    pub name: String,
    /// A statement that defines it as what the store has under this name.
    pub definition: String,
}

/// The variables that evcxr's source of a cell takes and that are not `known` any more.
pub fn lost(source: &str, known: &BTreeSet<String>) -> Vec<Lost> {
    let taken = source.lines().filter_map(taken);
    taken.filter(|lost| !known.contains(&lost.name)).collect()
}

fn taken(line: &str) -> Option<Lost> {
    let (pattern, rest) = line.strip_prefix("let ")?.split_once(TAKE)?;
    let (kind, _) = rest.rsplit_once(">(stringify!(")?;
    let name = pattern.strip_prefix("mut ").unwrap_or(pattern).to_owned();
    // In braces it is not taken for a line of evcxr's.
    let definition = format!("let {pattern}: {kind} = {{{TAKE_FROM_STORE}{kind}>(stringify!({name})) }};");
    Some(Lost { name, definition })
}

/// The same in a statement of our own.
const TAKE_FROM_STORE: &str = " evcxr_variable_store.take_variable::<";

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "let evcxr_variable_store = unsafe {&mut *evcxr_variable_store};\n\
        let mut items = evcxr_variable_store.take_variable::<Vec<(u8, String)>>(stringify!(items));\n\
        let kept = evcxr_variable_store.take_variable::<FlowdeckType3>(stringify!(kept));\n\
        let moved = items;\n";

    #[test]
    fn what_a_cell_took_and_evcxr_forgot_is_defined_again() {
        let known = BTreeSet::from(["kept".to_owned()]);
        let definition = "let mut items: Vec<(u8, String)> = \
            { evcxr_variable_store.take_variable::<Vec<(u8, String)>>(stringify!(items)) };";
        assert_eq!(lost(SOURCE, &known), [Lost { name: "items".into(), definition: definition.into() }]);
        assert_eq!(lost(SOURCE, &BTreeSet::new()).len(), 2);
        let all = BTreeSet::from(["kept".to_owned(), "items".to_owned()]);
        assert_eq!(lost(SOURCE, &all), []);
    }
}
