//! `.safetensors`: a JSON directory followed by the raw tensors, which are borrowed in place.

use std::borrow::Cow;

use safetensors::{Dtype, SafeTensors};

use super::container::{Container, Element, Tensor, shape_text};
use super::error::WeightsError;
use crate::quote::brief;

/// An open file.
pub(super) struct Safetensors<'a> {
    tensors: SafeTensors<'a>,
    origin: &'a str,
}

impl<'a> Safetensors<'a> {
    /// Whether the bytes begin as a safetensors file does: the length of a JSON object, then its
    /// opening brace.
    pub(super) fn recognises(bytes: &[u8]) -> bool {
        // Long headers are the reader's to refuse, and a cut file is still recognised.
        bytes.get(8) == Some(&b'{') && bytes[4..8] == [0; 4]
    }

    /// Reads and checks the directory.
    pub(super) fn open(bytes: &'a [u8], origin: &'a str) -> Result<Self, WeightsError> {
        match SafeTensors::deserialize(bytes) {
            Ok(tensors) => Ok(Self { tensors, origin }),
            Err(error) => Err(WeightsError::Damaged {
                origin: origin.to_owned(),
                reason: brief(&error.to_string()),
            }),
        }
    }
}

impl Container for Safetensors<'_> {
    fn has(&self, name: &str) -> bool {
        self.tensors.tensor(name).is_ok()
    }

    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Tensor<'_>, WeightsError> {
        let view = self
            .tensors
            .tensor(name)
            .map_err(|error| WeightsError::Damaged {
                origin: self.origin.to_owned(),
                reason: brief(&error.to_string()),
            })?;
        if view.shape() != shape {
            return Err(WeightsError::Shape {
                origin: self.origin.to_owned(),
                tensor: name.to_owned(),
                found: brief(&shape_text(view.shape())),
                expected: shape_text(shape),
            });
        }
        let element = match view.dtype() {
            Dtype::F32 => Element::F32,
            Dtype::F16 => Element::F16,
            Dtype::BF16 => Element::Bf16,
            Dtype::U8 => Element::U8,
            other => {
                return Err(WeightsError::Element {
                    origin: self.origin.to_owned(),
                    tensor: name.to_owned(),
                    found: other.to_string(),
                    expected: "F32, F16 or BF16",
                });
            }
        };
        // `deserialize` has compared shape, type and length of every tensor.
        Ok(Tensor {
            element,
            bytes: Cow::Borrowed(view.data()),
        })
    }
}
