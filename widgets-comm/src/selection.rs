//! Options of a selection: labels that people see, values that code means, and the indices between them.
//!
//! Only labels and indices travel (`_options_labels`, `index`); the values stay with whoever made the options.

use serde_json::Value;

/// Options in order, each a label and a value. Where labels or values repeat, the first one is found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options<T> {
    labels: Vec<String>,
    values: Vec<T>,
}

impl<T> Options<T> {
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The `_options_labels` of the model.
    pub fn labels_json(&self) -> Value {
        self.labels.iter().map(String::as_str).collect()
    }

    pub fn index_of_label(&self, label: &str) -> Option<usize> {
        self.labels.iter().position(|known| known == label)
    }

    pub fn index_of_value(&self, value: &T) -> Option<usize>
    where
        T: PartialEq,
    {
        self.values.iter().position(|known| known == value)
    }

    /// The options that an `index` attribute chooses: null, one index, or a list of them.
    pub fn chosen(&self, index: &Value) -> Vec<(&str, &T)> {
        let chosen = chosen_indices(index).filter_map(|index| Some((self.labels.get(index)?, self.values.get(index)?)));
        chosen.map(|(label, value)| (label.as_str(), value)).collect()
    }
}

impl<T, L: Into<String>> FromIterator<(L, T)> for Options<T> {
    fn from_iter<Pairs: IntoIterator<Item = (L, T)>>(pairs: Pairs) -> Self {
        let (labels, values) = pairs.into_iter().map(|(label, value)| (label.into(), value)).unzip();
        Options { labels, values }
    }
}

/// The indices in an `index` attribute.
pub(crate) fn chosen_indices(index: &Value) -> impl Iterator<Item = usize> {
    let indices = index.as_array().map_or(std::slice::from_ref(index), Vec::as_slice);
    indices.iter().filter_map(|index| usize::try_from(index.as_u64()?).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_values_and_indices_lead_to_each_other() {
        let options: Options<u16> = [("http", 80), ("https", 443), ("web", 443)].into_iter().collect();
        assert_eq!(options.labels_json(), json!(["http", "https", "web"]));
        assert_eq!(options.index_of_label("https"), Some(1));
        assert_eq!(options.index_of_value(&443), Some(1));
        assert_eq!(options.index_of_value(&22), None);
        assert_eq!(options.chosen(&json!(2)), [("web", &443)]);
        assert_eq!(options.chosen(&json!([0, 9, 1])), [("http", &80), ("https", &443)]);
        assert_eq!(options.chosen(&Value::Null), []);
    }
}
