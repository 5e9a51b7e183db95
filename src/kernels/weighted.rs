//! Maps whose positions do not all count alike, for regions of a picture.

use super::feature_map::{FeatureMap, GroupSlice};
use crate::gpu::{BufferView, Knob};

/// A map, and how much each of its positions counts if not all do alike: a map t of one channel and the same size.
pub type Weighted<'a> = (&'a FeatureMap, Option<&'a FeatureMap>);

/// The override of a shader that reads weights.
pub(super) fn weighted(weights: Option<&FeatureMap>) -> Knob {
    ("WEIGHTED", u32::from(weights.is_some()))
}

/// What is bound as weights: where there are none the first channels of `f`, which are not read.
pub(super) fn weights_or(f: &FeatureMap, weights: Option<&FeatureMap>) -> BufferView {
    let first = GroupSlice { first: 0, count: 1 };
    weights.unwrap_or(f).view(first)
}
