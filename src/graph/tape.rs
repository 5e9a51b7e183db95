//! The tape: what is computed from the picture, node by node, with every shape checked while it is written.

mod losses;
mod normalised;
mod statistics;

use std::sync::Arc;

use thiserror::Error;

use super::node::{Extent, Node, Op, Value, ValueId};
use crate::kernels::conv3x3::Filter;
use crate::kernels::dream_loss::Measure;
use crate::kernels::picture_input::InputTransform;
use crate::kernels::pool2::{Pooling, pooled};
use crate::shape::{Border, Shape, Window};

/// A tape that does not fit together; every message names the node.
#[derive(Debug, Error, PartialEq)]
pub enum TapeError {
    /// An input of the wrong shape.
    #[error("node `{node}` needs {expected} but `{input}` is {found}")]
    Mismatch {
        /// The node being added.
        node: String,
        /// Its input.
        input: String,
        /// What would fit.
        expected: String,
        /// What was given.
        found: String,
    },
    /// Nothing would be left of the map.
    #[error(
        "the picture is too small for `{node}`: nothing is left of a map of {shape} after 2×2 pooling"
    )]
    TooSmall {
        /// The pooling node.
        node: String,
        /// Its input.
        shape: Shape,
    },
    /// Sides that poolings would halve unevenly, on a torus.
    #[error(
        "a picture of {width}×{height} does not wrap around at `{layer}`, which needs sides that are multiples of {multiple}; take {}×{}",
        width.next_multiple_of(*multiple), height.next_multiple_of(*multiple)
    )]
    Uneven {
        /// The deepest layer that is wanted.
        layer: String,
        /// What it divides both sides by.
        multiple: usize,
        /// W in pixels.
        width: usize,
        /// H in pixels.
        height: usize,
    },
    /// It has no gradient of its own at a map.
    #[error(
        "the gradient of `{node}` cannot be normalised; normalise a Gram matrix or moments of a map, or a content or dream loss"
    )]
    NotNormalised {
        /// The node, or the constant.
        node: String,
    },
    /// The name is taken.
    #[error("two nodes are called `{node}`")]
    Duplicate {
        /// The name.
        node: String,
    },
}

/// A static program from one picture to features and losses.
#[derive(Clone, Debug)]
pub struct Tape {
    pub(super) values: Vec<Value>,
    pub(super) nodes: Vec<Node>,
    losses: Vec<String>,
}

impl Tape {
    /// A tape for pictures of `width`×`height`; value 0 is the picture.
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            values: vec![Value {
                name: "picture".to_string(),
                extent: Extent::Picture { height, width },
                producer: None,
            }],
            nodes: Vec::new(),
            losses: Vec::new(),
        }
    }

    /// The picture variable.
    pub fn picture(&self) -> ValueId {
        ValueId(0)
    }

    /// The nodes in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The value behind an id.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// Names of the loss terms, in the order of the totals.
    pub fn losses(&self) -> &[String] {
        &self.losses
    }

    /// What the node called `name` makes.
    pub fn find(&self, name: &str) -> Option<ValueId> {
        let node = self.nodes.iter().find(|node| node.name == name)?;
        Some(node.output)
    }

    /// The shape of a map.
    pub fn shape(&self, id: ValueId) -> Option<Shape> {
        match self.value(id).extent {
            Extent::Map(shape) => Some(shape),
            _ => None,
        }
    }

    /// A map that the caller fills before the first run: a target.
    pub fn constant_map(&mut self, name: &str, shape: Shape) -> ValueId {
        self.constant(name, Extent::Map(shape))
    }

    /// A symmetric C×C matrix that the caller fills before the first run: a target.
    pub fn constant_gram(&mut self, name: &str, channels: usize) -> ValueId {
        self.constant(name, Extent::Gram(channels))
    }

    /// What a loss on moments compares with, filled by the caller before the first run: √Σ*, C×C and symmetric, then μ*.
    pub fn constant_moments(&mut self, name: &str, channels: usize) -> ValueId {
        self.constant(name, Extent::Moments(channels))
    }

    fn constant(&mut self, name: &str, extent: Extent) -> ValueId {
        self.values.push(Value {
            name: name.to_string(),
            extent,
            producer: None,
        });
        ValueId(self.values.len() - 1)
    }

    /// Adds the map from the picture to the network's input, three channels.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn picture_input(
        &mut self,
        name: &str,
        transform: InputTransform,
    ) -> Result<ValueId, TapeError> {
        let (height, width) = self.picture_size();
        let extent = Extent::Map(Shape::new(3, height, width));
        self.push(
            name,
            Op::PictureInput {
                transform,
                window: Window {
                    left: 0,
                    top: 0,
                    width,
                    height,
                },
            },
            vec![self.picture()],
            extent,
        )
    }

    /// Adds a convolution with zeros around its input, with a fused ReLU if `relu`.
    ///
    /// # Errors
    /// `x` is no map of as many channels as the filter takes, or a name that is taken.
    pub fn conv3x3(
        &mut self,
        name: &str,
        x: ValueId,
        filter: Arc<Filter>,
        relu: bool,
    ) -> Result<ValueId, TapeError> {
        self.conv3x3_within(name, x, filter, relu, Border::Zero)
    }

    /// As [`Tape::conv3x3`], with whatever `border` says around its input.
    ///
    /// # Errors
    /// As [`Tape::conv3x3`].
    pub fn conv3x3_within(
        &mut self,
        name: &str,
        x: ValueId,
        filter: Arc<Filter>,
        relu: bool,
        border: Border,
    ) -> Result<ValueId, TapeError> {
        let shape = self.map_input(name, x)?;
        if shape.channels != filter.c_in {
            let expected = format!("a map of {} channels", filter.c_in);
            return Err(self.mismatch(name, x, expected));
        }
        let extent = Extent::Map(shape.with_channels(filter.c_out));
        let op = Op::Conv3x3 {
            filter,
            relu,
            border,
        };
        self.push(name, op, vec![x], extent)
    }

    /// Adds a ReLU by itself.
    ///
    /// # Errors
    /// `x` is no map, or a name that is taken.
    pub fn relu(&mut self, name: &str, x: ValueId) -> Result<ValueId, TapeError> {
        let shape = self.map_input(name, x)?;
        self.push(name, Op::Relu, vec![x], Extent::Map(shape))
    }

    /// Adds 2×2 pooling.
    ///
    /// # Errors
    /// `x` is no map, is smaller than 2×2, or a name that is taken.
    pub fn pool(&mut self, name: &str, x: ValueId, pooling: Pooling) -> Result<ValueId, TapeError> {
        let shape = self.map_input(name, x)?;
        if pooled(shape).is_empty() {
            return Err(TapeError::TooSmall {
                node: name.to_string(),
                shape,
            });
        }
        self.push(name, Op::Pool(pooling), vec![x], Extent::Map(pooled(shape)))
    }

    /// H and W of the picture.
    pub fn picture_size(&self) -> (usize, usize) {
        match self.values[0].extent {
            Extent::Picture { height, width } => (height, width),
            // Value 0 is made in `new` and never replaced.
            _ => unreachable!("value 0 is the picture"),
        }
    }

    /// Whether no part of a gradient can be computed without all of a map, so that the tape is not cut into tiles: a
    /// convolution sees the opposite side of its input, the gradient of a root wants its value, a loss is no sum over
    /// positions, or a gradient is normalised.
    pub(super) fn needs_whole_maps(&self) -> bool {
        let needs = |op: &Op| match op {
            Op::Conv3x3 { border, .. } => *border == Border::Wrap,
            Op::DreamLoss(goal) => goal.measure == Measure::Root,
            Op::AlignmentLoss { power, .. } => *power != 0.0,
            _ => false,
        };
        let mut nodes = self.nodes.iter();
        nodes.any(|node| node.pull.is_some() || needs(&node.op))
    }

    /// H and W of a map or of the picture, 0 of anything else.
    pub(super) fn size(&self, id: ValueId) -> (usize, usize) {
        match self.value(id).extent {
            Extent::Picture { height, width } => (height, width),
            Extent::Map(shape) => (shape.height, shape.width),
            _ => (0, 0),
        }
    }

    /// The loss terms.
    pub(super) fn loss_values(&self) -> Vec<ValueId> {
        let is_loss = |&id: &ValueId| matches!(self.value(id).extent, Extent::Loss(_));
        (0..self.values.len())
            .map(ValueId)
            .filter(is_loss)
            .collect()
    }

    /// Adds a value that the node added next will make.
    pub(super) fn add_value(&mut self, name: String, extent: Extent) -> ValueId {
        self.values.push(Value {
            name,
            extent,
            producer: Some(self.nodes.len()),
        });
        ValueId(self.values.len() - 1)
    }

    fn map_input(&self, node: &str, x: ValueId) -> Result<Shape, TapeError> {
        self.shape(x)
            .ok_or_else(|| self.mismatch(node, x, "a feature map".to_string()))
    }

    /// `weights` if they are those of the positions of a map of `shape`.
    fn weights_input(
        &self,
        node: &str,
        shape: Shape,
        weights: Option<ValueId>,
    ) -> Result<Option<ValueId>, TapeError> {
        let expected = shape.with_channels(1);
        match weights {
            Some(weights) if self.shape(weights) != Some(expected) => {
                Err(self.mismatch(node, weights, format!("a map of {expected}")))
            }
            weights => Ok(weights),
        }
    }

    fn mismatch(&self, node: &str, input: ValueId, expected: String) -> TapeError {
        let value = self.value(input);
        TapeError::Mismatch {
            node: node.to_string(),
            input: value.name.clone(),
            expected,
            found: match value.extent {
                Extent::Picture { height, width } => format!("a picture of {width}×{height}"),
                Extent::Map(shape) => format!("a map of {shape}"),
                Extent::Gram(channels) => format!("a Gram matrix of {channels} channels"),
                Extent::Moments(channels) => format!("moments of {channels} channels"),
                Extent::Loss(_) => "a loss".to_string(),
                Extent::Workspace(_) => "a workspace".to_string(),
            },
        }
    }

    fn push_loss(
        &mut self,
        name: &str,
        op: Op,
        inputs: Vec<ValueId>,
    ) -> Result<ValueId, TapeError> {
        let output = self.push(name, op, inputs, Extent::Loss(self.losses.len()))?;
        self.losses.push(name.to_string());
        Ok(output)
    }

    fn push(
        &mut self,
        name: &str,
        op: Op,
        inputs: Vec<ValueId>,
        extent: Extent,
    ) -> Result<ValueId, TapeError> {
        if self.find(name).is_some() {
            return Err(TapeError::Duplicate {
                node: name.to_string(),
            });
        }
        let output = ValueId(self.values.len());
        self.values.push(Value {
            name: name.to_string(),
            extent,
            producer: Some(self.nodes.len()),
        });
        self.nodes.push(Node {
            name: name.to_string(),
            op,
            inputs,
            output,
            origin: None,
            pull: None,
        });
        Ok(output)
    }
}
