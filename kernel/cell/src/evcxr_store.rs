//! Where variables are between cells: stands in for the module of evcxr 0.22 that it writes into every cell.
//!
//! What evcxr writes is compiled anew with each cell, once per type of a variable. Here only boxing and unboxing is
//! generic; the rest is compiled with the prelude. The store is one field of the same type as evcxr's, so a cell that
//! was compiled with evcxr's own text (other dependencies, no prelude) reads what one of ours wrote, and the reverse.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

/// evcxr's word that a variable is of a type that was defined anew; its name follows.
const VARIABLE_CHANGED_TYPE: &str = "EVCXR_VARIABLE_CHANGED_TYPE:";

/// evcxr's word that `?` ended a cell.
pub const USER_ERROR_OCCURRED: &str = "EVCXR_ERROR_OCCURRED";

/// The variables of all cells, by name.
#[derive(Default)]
pub struct VariableStore {
    variables: HashMap<String, Box<dyn Any>>,
}

/// A store for a process that has none yet. It is never released: cells pass the pointer on.
pub fn create_variable_store() -> *mut VariableStore {
    Box::into_raw(Box::default())
}

impl VariableStore {
    /// Keeps a variable.
    pub fn put_variable<T: 'static>(&mut self, name: &str, value: T) {
        self.put(name, Box::new(value));
    }

    /// Whether a variable is of this type, or there is none. If it is of another, evcxr is told that it is lost.
    pub fn check_variable<T: 'static>(&mut self, name: &str) -> bool {
        self.check(name, TypeId::of::<T>())
    }

    /// Gives a variable out.
    ///
    /// # Panics
    /// When there is none, or it is of another type.
    pub fn take_variable<T: 'static>(&mut self, name: &str) -> T {
        match self.take(name).downcast() {
            Ok(value) => *value,
            Err(_) => changed(name),
        }
    }

    /// Something that all cells share, made by the first that asks.
    ///
    /// # Panics
    /// When it is of another type.
    pub fn lazy_arc<T: 'static, F: FnOnce() -> T>(&mut self, name: &str, create: F) -> Arc<T> {
        if !self.variables.contains_key(name) {
            self.put(name, Box::new(Arc::new(create())));
        }
        match self.variables.get(name).and_then(|value| value.downcast_ref::<Arc<T>>()) {
            Some(value) => value.clone(),
            None => changed(name),
        }
    }

    fn put(&mut self, name: &str, value: Box<dyn Any>) {
        self.variables.insert(name.to_owned(), value);
    }

    #[allow(clippy::print_stdout, clippy::print_stderr)]
    fn check(&mut self, name: &str, wanted: TypeId) -> bool {
        let is_another = self.variables.get(name).is_some_and(|value| (**value).type_id() != wanted);
        if is_another {
            std::eprintln!("The type of the variable {name} was redefined, so was lost.");
            std::println!("{VARIABLE_CHANGED_TYPE}{name}");
        }
        !is_another
    }

    fn take(&mut self, name: &str) -> Box<dyn Any> {
        self.variables.remove(name).unwrap_or_else(|| missing(name))
    }
}

fn missing(name: &str) -> ! {
    panic!("the variable `{name}` has gone missing")
}

fn changed(name: &str) -> ! {
    panic!("the variable `{name}` changed its type")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_there_until_it_is_taken() {
        let mut store = VariableStore::default();
        store.put_variable("v", vec![1, 2]);
        assert!(store.check_variable::<Vec<i32>>("v") && !store.check_variable::<Vec<u8>>("v"));
        assert!(store.check_variable::<u8>("unknown"), "evcxr loses only what has another type");
        assert_eq!(store.take_variable::<Vec<i32>>("v"), [1, 2]);
        assert!(
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| store.take_variable::<Vec<i32>>("v"))).is_err()
        );
    }

    #[test]
    fn what_is_shared_is_made_once() {
        let mut store = VariableStore::default();
        let first = store.lazy_arc("runtime", || 1);
        assert!(Arc::ptr_eq(&first, &store.lazy_arc("runtime", || 2)));
    }
}
