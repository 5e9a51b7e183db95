//! What is left on the device for whoever wants it next: one shelf for each type of thing, ordered by those who use it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Mutex;

use super::Gpu;

/// The shelves by the type of what stands there.
#[derive(Default)]
pub(super) struct Shelves(Mutex<HashMap<TypeId, Box<dyn Any + Send>>>);

impl Gpu {
    /// Looks at the shelf for a `T`, empty at first, and puts things there or takes them away. What stands there lives as
    /// long as the device does. `look` must not look at a shelf itself.
    pub fn with_shelf<T: Default + Send + 'static, R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        let mut shelves = self.shelves.0.lock().unwrap_or_else(|e| e.into_inner());
        let shelf = shelves
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Box::<T>::default());
        match shelf.downcast_mut::<T>() {
            Some(shelf) => look(shelf),
            // It was made two lines before under the name of its type.
            None => unreachable!("a shelf holds its own type"),
        }
    }
}
