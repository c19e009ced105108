//! Compares the models with the published specification, model by model, attribute by attribute.

use std::{env, fs, path::PathBuf};

use serde_json::Value;
use widgets_comm::spec::{MODELS, spec_json};

/// Models of the specification that are missing here, in the open.
const NOT_YET: &[&str] = &[];

const SPECIFICATION: &str = "reference/widget-models-8.1.json";

#[test]
fn every_published_model_is_here_as_published() {
    let Some(published) = published() else { return };
    let ours = spec_json();
    let ours = ours.as_array().expect("a list");
    let wanted: Vec<&Value> = published.iter().filter(|model| !NOT_YET.contains(&name(model))).collect();
    let names = |models: &[&Value]| models.iter().map(|model| name(model).to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&ours.iter().collect::<Vec<_>>()), names(&wanted), "the models, in order");
    assert_eq!(published.len(), 69);
    for (our, their) in ours.iter().zip(wanted) {
        assert_eq!(our["model"], their["model"], "{}: model", name(their));
        assert_eq!(our["view"], their["view"], "{}: view", name(their));
        let (our_attributes, their_attributes) = (attributes(our), attributes(their));
        for (our_attribute, their_attribute) in our_attributes.iter().zip(their_attributes) {
            let place = format!("{}.{}", name(their), their_attribute["name"]);
            assert_eq!(normal(our_attribute), normal(their_attribute), "{place}");
        }
        assert_eq!(our_attributes.len(), their_attributes.len(), "{}: attributes", name(their));
    }
}

#[test]
fn what_is_not_yet_done_is_listed_only_when_it_is_not() {
    for missing in NOT_YET {
        assert!(MODELS.iter().all(|model| model.name != *missing), "{missing} is done");
    }
}

/// The published models, or `None` where the project's reference folder is not at hand; a CI run has to have it.
#[allow(clippy::print_stdout)]
fn published() -> Option<Vec<Value>> {
    let places = places();
    let Some(file) = places.iter().find(|place| place.is_file()) else {
        let tried: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        let reason = format!("no published specification at {}; FLOWDECK_SHARED names its folder", tried.join(", "));
        assert!(env::var_os("CI").is_none(), "{reason}");
        println!("not compared: {reason}");
        return None;
    };
    let text = fs::read_to_string(file).expect("a readable file");
    Some(serde_json::from_str(&text).expect("a list of models"))
}

fn places() -> Vec<PathBuf> {
    let crate_folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let beside_the_workspace = crate_folder.join("../../shared");
    let named = env::var_os("FLOWDECK_SHARED").map(PathBuf::from);
    named.into_iter().chain([beside_the_workspace]).map(|folder| folder.join(SPECIFICATION)).collect()
}

fn name(model: &Value) -> &str {
    model["model"]["name"].as_str().expect("a model has a name")
}

fn attributes(model: &Value) -> &Vec<Value> {
    model["attributes"].as_array().expect("a model has attributes")
}

/// The specification writes the float step of the time picker as the integer 60: numbers are compared by value.
fn normal(attribute: &Value) -> Value {
    let mut attribute = attribute.clone();
    if let Some(number) = attribute["default"].as_f64() {
        attribute["default"] = number.into();
    }
    attribute
}
