//! Files that functions look things up in, as the engine was told them. Each is read when first asked for and kept.

use std::path::PathBuf;

use super::suffix_rules::SuffixRules;

/// Paths of what functions look up in; `None` is left out.
#[derive(Debug, Clone, Default)]
pub struct LookupFiles {
    /// A public suffix list that replaces the one compiled in.
    pub public_suffix_list: Option<PathBuf>,
}

/// The lookups of one engine.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(super) suffix_rules: SuffixRules,
}

impl Setup {
    pub(crate) fn new(files: LookupFiles) -> Setup {
        Setup { suffix_rules: SuffixRules::new(files.public_suffix_list) }
    }
}
