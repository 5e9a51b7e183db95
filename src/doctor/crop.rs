//! Windows cropped out of a map and pasted into one.

use super::Check;
use super::comparison::{Output, added, compare, draw_coarse, input_map, masked, widen};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::Merge;
use crate::kernels::crop::{self, Placement};
use crate::reference;
use crate::shape::{Shape, Window};

/// What a case differs in.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// (C, H, W) of the map with the window.
    pub shape: Shape,
    /// The window, within the map.
    pub window: Window,
    /// How a gradient joins others.
    pub merge: Merge,
    /// Bytes per binding, to force slices; `None` for the adapter's limit.
    pub binding_limit: Option<u64>,
    /// Of the inputs.
    pub seed: u64,
}

impl Case {
    fn in_words(&self, op: &str) -> String {
        let Window {
            left,
            top,
            width,
            height,
        } = self.window;
        let slices = super::slices_in_words(self.binding_limit);
        let shape = self.shape;
        format!("{op} of {width}×{height} at ({left}, {top}) of {shape}{slices}")
    }

    /// The window as a map of its own.
    fn cropped(&self) -> Shape {
        Shape::new(self.shape.channels, self.window.height, self.window.width)
    }

    /// A map around the window with other margins than [`Case::shape`], and where the window lies in it.
    fn other(&self) -> (Shape, Placement) {
        let Window { width, height, .. } = self.window;
        let placement = Placement {
            from: self.window,
            to: [3, 2],
        };
        (
            Shape::new(self.shape.channels, height + 2, width + 7),
            placement,
        )
    }
}

/// y = a window of x; exact.
///
/// # Errors
/// What the device refuses.
pub async fn forward(gpu: &Gpu, case: &Case) -> Result<Check, GpuError> {
    let x = draw_coarse(case.seed, case.shape.len());
    let expected = reference::crop::forward(&widen(&x), case.shape, case.window);
    let x = input_map(gpu, case.shape, &x)?;
    let y = Output::map(gpu, case.cropped(), None, &expected)?;
    let (words, limit) = (case.in_words("crop"), case.binding_limit);
    compare(gpu, words, 0.0, limit, &[&y], |recorder| {
        crop::forward(recorder, case.window, &x, &y.as_map(case.cropped()))
    })
    .await
}

/// gx (+)= gy in the window; exact.
///
/// # Errors
/// What the device refuses.
pub async fn gradient(gpu: &Gpu, case: &Case) -> Result<Check, GpuError> {
    let (shape, merge) = (case.shape, case.merge);
    let x = draw_coarse(case.seed, shape.len());
    let gy = draw_coarse(case.seed + 1, case.cropped().len());
    let before = draw_coarse(case.seed + 2, shape.len());
    let before = merge.accumulate.then_some(&before[..]);
    let expected = reference::crop::gradient(&widen(&gy), shape, case.window);
    let expected = masked(added(expected, before), merge.mask.then_some(&x[..]));
    let gx = Output::map(gpu, shape, before, &expected)?;
    let (x, gy) = (
        input_map(gpu, shape, &x)?,
        input_map(gpu, case.cropped(), &gy)?,
    );
    let x = merge.mask.then_some(&x);
    let op = format!("gradient of a crop{}", super::merge_in_words(merge));
    let (words, limit) = (case.in_words(&op), case.binding_limit);
    compare(gpu, words, 0.0, limit, &[&gx], |recorder| {
        crop::gradient(recorder, case.window, x, &gy, &gx.as_map(shape), merge)
    })
    .await
}

/// A window of x put into y, which keeps what is around it; exact.
///
/// # Errors
/// What the device refuses.
pub async fn paste(gpu: &Gpu, case: &Case) -> Result<Check, GpuError> {
    let (y_shape, placement) = case.other();
    let x = draw_coarse(case.seed, case.shape.len());
    let before = draw_coarse(case.seed + 1, y_shape.len());
    let mut expected = widen(&before);
    reference::crop::paste(
        &widen(&x),
        case.shape,
        case.window,
        &mut expected,
        y_shape,
        placement.to,
    );
    let x = input_map(gpu, case.shape, &x)?;
    let y = Output::map(gpu, y_shape, Some(&before), &expected)?;
    let (words, limit) = (case.in_words("paste"), case.binding_limit);
    compare(gpu, words, 0.0, limit, &[&y], |recorder| {
        crop::paste(recorder, placement, &x, &y.as_map(y_shape))
    })
    .await
}

/// gx (+)= what gy has where the window was put; exact.
///
/// # Errors
/// What the device refuses.
pub async fn paste_gradient(gpu: &Gpu, case: &Case) -> Result<Check, GpuError> {
    let (shape, merge) = (case.shape, case.merge);
    let (y_shape, placement) = case.other();
    let x = draw_coarse(case.seed, shape.len());
    let gy = draw_coarse(case.seed + 1, y_shape.len());
    let before = draw_coarse(case.seed + 2, shape.len());
    let before = merge.accumulate.then_some(&before[..]);
    let target = Window {
        left: placement.to[0],
        top: placement.to[1],
        ..case.window
    };
    let seen = reference::crop::forward(&widen(&gy), y_shape, target);
    let expected = reference::crop::gradient(&seen, shape, case.window);
    let expected = masked(added(expected, before), merge.mask.then_some(&x[..]));
    let gx = Output::map(gpu, shape, before, &expected)?;
    let (x, gy) = (input_map(gpu, shape, &x)?, input_map(gpu, y_shape, &gy)?);
    let x = merge.mask.then_some(&x);
    let op = format!("gradient of a paste{}", super::merge_in_words(merge));
    let (words, limit) = (case.in_words(&op), case.binding_limit);
    compare(gpu, words, 0.0, limit, &[&gx], |recorder| {
        crop::paste_gradient(recorder, placement, x, &gy, &gx.as_map(shape), merge)
    })
    .await
}
