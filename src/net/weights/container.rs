//! What the two file formats have in common: named tensors of known shape, read whole.

use std::borrow::Cow;

use half::slice::HalfFloatSliceExt;

use super::error::WeightsError;

/// How one number is stored; all little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    U8,
    F16,
    Bf16,
    F32,
}

impl Element {
    /// Bytes of one number.
    pub(super) fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
        }
    }
}

/// The raw numbers of one tensor, as many as its shape says.
pub(super) struct Tensor<'a> {
    pub(super) element: Element,
    pub(super) bytes: Cow<'a, [u8]>,
}

/// A file of named tensors.
pub(super) trait Container {
    /// Whether there is a tensor of that name.
    fn has(&self, name: &str) -> bool;

    /// Reads the tensor `name`, which must have the extent `shape`. Nothing larger than that
    /// shape is ever allocated, whatever the file declares.
    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Tensor<'_>, WeightsError>;
}

/// Reads a tensor of f32, f16 or bf16 as f32 and refuses NaN and infinities.
pub(super) fn read_floats(
    container: &mut dyn Container,
    origin: &str,
    name: &str,
    shape: &[usize],
) -> Result<Vec<f32>, WeightsError> {
    let tensor = container.tensor(name, shape)?;
    let values = match tensor.element {
        Element::F32 => {
            let (words, _) = tensor.bytes.as_chunks::<4>();
            words.iter().map(|&word| f32::from_le_bytes(word)).collect()
        }
        Element::F16 => {
            let (words, _) = tensor.bytes.as_chunks::<2>();
            let halves: Vec<_> = words.iter().map(|&w| half::f16::from_le_bytes(w)).collect();
            halves.to_f32_vec()
        }
        Element::Bf16 => {
            let (words, _) = tensor.bytes.as_chunks::<2>();
            let halves: Vec<_> = words
                .iter()
                .map(|&w| half::bf16::from_le_bytes(w))
                .collect();
            halves.to_f32_vec()
        }
        Element::U8 => {
            return Err(WeightsError::Element {
                origin: origin.to_owned(),
                tensor: name.to_owned(),
                found: tensor.element.name().to_owned(),
                expected: "f32, f16 or bf16",
            });
        }
    };
    finite(values, origin, name)
}

/// Reads a tensor of u8, untouched.
pub(super) fn read_codes(
    container: &mut dyn Container,
    origin: &str,
    name: &str,
    shape: &[usize],
) -> Result<Vec<u8>, WeightsError> {
    let tensor = container.tensor(name, shape)?;
    if tensor.element != Element::U8 {
        return Err(WeightsError::Element {
            origin: origin.to_owned(),
            tensor: name.to_owned(),
            found: tensor.element.name().to_owned(),
            expected: "u8",
        });
    }
    Ok(tensor.bytes.into_owned())
}

/// The values, or the place of the first one that is NaN or infinite.
fn finite(values: Vec<f32>, origin: &str, tensor: &str) -> Result<Vec<f32>, WeightsError> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(values),
        Some(position) => Err(WeightsError::NotFinite {
            origin: origin.to_owned(),
            tensor: tensor.to_owned(),
            position,
            value: values[position].to_string(),
        }),
    }
}

/// A shape as messages write it: `(64, 3, 3, 3)`.
pub(super) fn shape_text(shape: &[usize]) -> String {
    let sides: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("({})", sides.join(", "))
}
