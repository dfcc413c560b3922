//! Maps and sets in the order of insertion, with a hash that is fast. Nobody chooses their keys to make them collide: they are
//! what a search meets.

use rustc_hash::FxBuildHasher;

/// Of keys to values.
pub type IndexMap<K, V> = indexmap::IndexMap<K, V, FxBuildHasher>;

/// Of values, each with its place as its number.
pub type IndexSet<T> = indexmap::IndexSet<T, FxBuildHasher>;
