//! Measures of a text: how much its characters tell.

use std::collections::HashMap;

use super::arguments::{Kind, required};
use super::scalar::{Returns, ScalarFunction};
use super::text::{FunctionText, example};

pub(super) static ENTROPY: ScalarFunction = ScalarFunction {
    text: FunctionText {
        name: "entropy",
        syntax: "entropy(text)",
        description: "Shannon's entropy of a text in bits per character: 0 for one character repeated, about 4 for \
                      random letters and digits as generated names have them. Short texts cannot reach much.",
        examples: &[
            example("entropy('aaaa')", "0.0"),
            example("entropy('abcd')", "2.0"),
            example("entropy('')", "0.0"),
        ],
    },
    arguments: &[required("text", Kind::Text)],
    returns: Returns::Number,
    body: |arguments| {
        let texts = arguments.texts(0);
        arguments.build_numbers(|row| Ok(texts.text(row).map(entropy)))
    },
    prepare: None,
};

fn entropy(text: &str) -> f64 {
    let mut counts: HashMap<char, u32> = HashMap::new();
    for c in text.chars() {
        *counts.entry(c).or_default() += 1;
    }
    let mut counts: Vec<f64> = counts.into_values().map(f64::from).collect();
    // Sums of floats depend on the order, a map's changes from run to run.
    counts.sort_by(f64::total_cmp);
    let total: f64 = counts.iter().sum();
    let bits: f64 = counts.iter().map(|count| count / total * (total / count).log2()).sum();
    // The sum of nothing is -0.0.
    bits + 0.0
}
