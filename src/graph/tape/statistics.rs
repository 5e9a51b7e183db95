//! The statistics of a tape: Gram matrices and moments of maps.

use super::super::node::{Extent, Op, ValueId};
use super::{Tape, TapeError};
use crate::shape::Shape;

impl Tape {
    /// Adds the Gram matrix of a map.
    ///
    /// # Errors
    /// `f` is no map, its channels are no multiple of four, or a name that is taken.
    pub fn gram(&mut self, name: &str, f: ValueId) -> Result<ValueId, TapeError> {
        self.weighted_gram(name, f, None)
    }

    /// Adds the Gram matrix of a map whose positions count by `weights`, a map of one channel with a mean of 1, where
    /// there are any.
    ///
    /// # Errors
    /// `f` is no map, its channels are no multiple of four, weights of another size, or a name that is taken.
    pub fn weighted_gram(
        &mut self,
        name: &str,
        f: ValueId,
        weights: Option<ValueId>,
    ) -> Result<ValueId, TapeError> {
        let op = |positions| Op::Gram { positions };
        self.statistics(name, (f, weights), op, Extent::Gram)
    }

    /// Adds the second moments and the means of a map.
    ///
    /// # Errors
    /// `f` is no map, its channels are no multiple of four, or a name that is taken.
    pub fn moments(&mut self, name: &str, f: ValueId) -> Result<ValueId, TapeError> {
        self.weighted_moments(name, f, None)
    }

    /// Adds the moments of a map whose positions count by `weights`, as those of [`Tape::weighted_gram`] do.
    ///
    /// # Errors
    /// `f` is no map, its channels are no multiple of four, weights of another size, or a name that is taken.
    pub fn weighted_moments(
        &mut self,
        name: &str,
        f: ValueId,
        weights: Option<ValueId>,
    ) -> Result<ValueId, TapeError> {
        let op = |positions| Op::Moments { positions };
        self.statistics(name, (f, weights), op, Extent::Moments)
    }

    /// Adds statistics of a map, by their op over so many positions and the extent of so many channels.
    fn statistics(
        &mut self,
        name: &str,
        (f, weights): (ValueId, Option<ValueId>),
        op: impl FnOnce(usize) -> Op,
        extent: impl FnOnce(usize) -> Extent,
    ) -> Result<ValueId, TapeError> {
        let shape = self.statistics_input(name, f)?;
        let weights = self.weights_input(name, shape, weights)?;
        let inputs = [Some(f), weights].into_iter().flatten().collect();
        self.push(name, op(shape.pixels()), inputs, extent(shape.channels))
    }

    /// A map that statistics can be taken of.
    fn statistics_input(&self, node: &str, f: ValueId) -> Result<Shape, TapeError> {
        let shape = self.map_input(node, f)?;
        if shape.channels.is_multiple_of(4) {
            return Ok(shape);
        }
        let expected = "a map whose channels are a multiple of four".to_string();
        Err(self.mismatch(node, f, expected))
    }
}
