//! Parts of the store together, without the trait.
