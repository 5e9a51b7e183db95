//! The losses of a tape.

use super::super::node::{Extent, Op, ValueId};
use super::{Tape, TapeError};
use crate::kernels::dream_loss::{Channels, DreamGoal, MOST_CHANNELS, Measure};
use crate::kernels::guide_loss::{Correspondence, GuideGoal};

impl Tape {
    /// Adds weight · mean((F − P)²).
    ///
    /// # Errors
    /// Different shapes, or a name that is taken.
    pub fn content_loss(
        &mut self,
        name: &str,
        f: ValueId,
        target: ValueId,
        weight: f32,
    ) -> Result<ValueId, TapeError> {
        self.weighted_content_loss(name, f, target, (weight, None))
    }

    /// Adds weight · mean(t·(F − P)²) with the weights t of positions, a map of one channel, where there are any.
    ///
    /// # Errors
    /// Different shapes, or a name that is taken.
    pub fn weighted_content_loss(
        &mut self,
        name: &str,
        f: ValueId,
        target: ValueId,
        (weight, weights): (f32, Option<ValueId>),
    ) -> Result<ValueId, TapeError> {
        let shape = self.map_input(name, f)?;
        if self.shape(target) != Some(shape) {
            return Err(self.mismatch(name, target, format!("a map of {shape}")));
        }
        let weights = self.weights_input(name, shape, weights)?;
        let inputs = [Some(f), Some(target), weights].into_iter().flatten();
        self.push_loss(name, Op::ContentLoss { weight }, inputs.collect())
    }

    /// Adds weight · mean((G − A)²).
    ///
    /// # Errors
    /// Matrices of different sizes, or a name that is taken.
    pub fn style_loss(
        &mut self,
        name: &str,
        g: ValueId,
        target: ValueId,
        weight: f32,
    ) -> Result<ValueId, TapeError> {
        let Extent::Gram(channels) = self.value(g).extent else {
            return Err(self.mismatch(name, g, "a Gram matrix".to_string()));
        };
        if self.value(target).extent != Extent::Gram(channels) {
            let expected = format!("a Gram matrix of {channels} channels");
            return Err(self.mismatch(name, target, expected));
        }
        self.push_loss(name, Op::StyleLoss { weight }, vec![g, target])
    }

    /// Adds weight times the squared Wasserstein-2 distance of two Gaussians over C, see
    /// [`crate::reference::wasserstein_loss`].
    ///
    /// # Errors
    /// Moments of different numbers of channels, or a name that is taken.
    pub fn wasserstein_loss(
        &mut self,
        name: &str,
        moments: ValueId,
        target: ValueId,
        weight: f32,
    ) -> Result<ValueId, TapeError> {
        let Extent::Moments(channels) = self.value(moments).extent else {
            return Err(self.mismatch(name, moments, "moments".to_string()));
        };
        if self.value(target).extent != Extent::Moments(channels) {
            let expected = format!("moments of {channels} channels");
            return Err(self.mismatch(name, target, expected));
        }
        self.push_loss(name, Op::WassersteinLoss { weight }, vec![moments, target])
    }

    /// Adds weight · mean(F²).
    ///
    /// # Errors
    /// `f` is no map, or a name that is taken.
    pub fn dream_loss(
        &mut self,
        name: &str,
        f: ValueId,
        weight: f32,
    ) -> Result<ValueId, TapeError> {
        let channels = self.map_input(name, f)?.channels;
        let goal = DreamGoal {
            weight,
            measure: Measure::Square,
            channels: Channels::first(channels),
        };
        self.dream_loss_of(name, f, goal)
    }

    /// As [`Tape::dream_loss`], by another measure or of some channels only.
    ///
    /// # Errors
    /// As there, and a set of channels that is empty or not of this map.
    pub fn dream_loss_of(
        &mut self,
        name: &str,
        f: ValueId,
        goal: DreamGoal,
    ) -> Result<ValueId, TapeError> {
        let shape = self.map_input(name, f)?;
        let last = goal.channels.last();
        if shape.channels > MOST_CHANNELS || last.is_none_or(|last| last >= shape.channels) {
            let least = last.map_or(1, |last| last + 1);
            let expected = format!("a map of {least} to {MOST_CHANNELS} channels and some of them");
            return Err(self.mismatch(name, f, expected));
        }
        self.push_loss(name, Op::DreamLoss(goal), vec![f])
    }

    /// Adds how far `f` points where the map `guide` does, see [`crate::reference::guide_loss`].
    ///
    /// # Errors
    /// Maps of different numbers of channels, or of different sizes where each position is held against itself; a name
    /// that is taken.
    pub fn guide_loss(
        &mut self,
        name: &str,
        (f, guide): (ValueId, ValueId),
        goal: GuideGoal,
    ) -> Result<ValueId, TapeError> {
        let (shape, other) = (self.map_input(name, f)?, self.map_input(name, guide)?);
        let fits = match goal.correspondence {
            Correspondence::Best => other.channels == shape.channels && other.pixels() > 0,
            Correspondence::Itself => other == shape,
        };
        if !fits {
            return Err(self.mismatch(name, guide, format!("a guide like {shape}")));
        }
        self.push_loss(name, Op::GuideLoss(goal), vec![f, guide])
    }

    /// Adds weight times the dot product of F with a `direction` over M, times the cosine to the `power`, see
    /// [`crate::reference::alignment_loss`].
    ///
    /// # Errors
    /// Different shapes, or a name that is taken.
    pub fn alignment_loss(
        &mut self,
        name: &str,
        f: ValueId,
        direction: ValueId,
        (weight, power): (f32, f32),
    ) -> Result<ValueId, TapeError> {
        let shape = self.map_input(name, f)?;
        if self.shape(direction) != Some(shape) {
            return Err(self.mismatch(name, direction, format!("a map of {shape}")));
        }
        let op = Op::AlignmentLoss { weight, power };
        self.push_loss(name, op, vec![f, direction])
    }

    /// Adds weight · mean(dx² + dy²) of the picture.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn tv_loss(&mut self, name: &str, weight: f32) -> Result<ValueId, TapeError> {
        self.push_loss(name, Op::TvLoss { weight }, vec![self.picture()])
    }
}
