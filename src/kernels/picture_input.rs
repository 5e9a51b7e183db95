//! From the picture variable, or a window of it, to the network's input and back
//! (`shaders/picture_input.wgsl`).

use super::feature_map::{FeatureMap, slices};
use super::{Merge, Pass, over_rows};
use crate::gpu::{Access, BufferView, Command, GpuError, Kernel, Recorder, VIEW_ALIGNMENT};
use crate::shape::{Shape, Window};

/// `input[k] = Σ matrix[k][c]·x[c] + offset[k]`.
pub static FORWARD: Kernel = Kernel {
    shader: crate::shader!("picture_input"),
    entry: "forward",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (5, Access::Read),
        (6, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// `gx[c] = Σ matrix[k][c]·g[k]`.
pub static GRADIENT: Kernel = Kernel {
    shader: crate::shader!("picture_input"),
    entry: "gradient",
    bindings: &[
        (0, Access::Uniform),
        (3, Access::Read),
        (4, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// The affine map of a family of weights, see `net::weights::Family`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputTransform {
    /// Rows are network channels, columns R, G, B.
    pub matrix: [[f32; 3]; 3],
    /// Added after the matrix, per network channel.
    pub offset: [f32; 3],
}

/// Same order as `Params` in the shader.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    rows: [[f32; 4]; 3],
    first: [u32; 3],
    picture_width: u32,
    width: u32,
    height: u32,
    window_width: u32,
    window_height: u32,
    left: u32,
    top: u32,
    flags: u32,
    padding: u32,
}

/// A picture on the device: planar RGB, 3·H·W f32.
#[derive(Clone, Copy, Debug)]
pub struct PlanarPicture<'a> {
    /// Its planes, one after the other.
    pub buffer: &'a wgpu::Buffer,
    /// W and H.
    pub size: [usize; 2],
}

impl PlanarPicture<'_> {
    /// Row `top` and so many below it of plane `c`: a view that begins where views may, and the index of the
    /// first pixel of the row in it.
    fn rows(&self, c: usize, top: usize, height: usize) -> (BufferView, u32) {
        let [width, whole_height] = self.size;
        let plane = width * whole_height;
        let start = (4 * (c * plane + top * width)) as u64;
        BufferView::around(self.buffer, start, start + (4 * height * width) as u64)
    }
}

/// Records the forward map from a `window` of the picture x to a map of three channels, as large as the window; a band of
/// rows after the other where a binding does not hold a plane of x.
///
/// # Errors
/// A row of the picture or a map that no binding can hold.
pub fn forward(
    recorder: &mut Recorder<'_>,
    transform: InputTransform,
    x: PlanarPicture<'_>,
    window: Window,
    y: &FeatureMap,
) -> Result<(), GpuError> {
    let limit = recorder.binding_limit();
    check_map(y.shape, limit)?;
    let mut rows = [[0.0; 4]; 3];
    for (k, row) in rows.iter_mut().enumerate() {
        row[..3].copy_from_slice(&transform.matrix[k]);
        row[3] = transform.offset[k];
    }
    for band in bands(window, rows_of_a_binding(x.size, limit)?) {
        let planes = [0, 1, 2].map(|c| x.rows(c, band.top, band.height));
        let params = Params {
            rows,
            first: [0, 1, 2].map(|c| planes[c].1 + band.left as u32),
            ..params(x, band, window)
        };
        let mut buffers: Vec<BufferView> = planes.into_iter().map(|(view, _)| view).collect();
        buffers.push(y.whole());
        recorder.push(Command {
            kernel: &FORWARD,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&params).to_vec(),
            buffers,
            workgroups: over_rows([band.width, band.height]),
            flop: 18 * band.pixels() as u64,
            bytes: 28 * band.pixels() as u64,
        });
    }
    Ok(())
}

/// Records gx (+)= matrixᵀ·gy in the `window`, zeros around it.
///
/// # Errors
/// A row that no binding can hold.
pub fn gradient(
    recorder: &mut Recorder<'_>,
    transform: InputTransform,
    gy: &FeatureMap,
    window: Window,
    gx: PlanarPicture<'_>,
    merge: Merge,
) -> Result<(), GpuError> {
    let written = written(gx.size, window, merge);
    let rows = rows_of_a_binding(gx.size, recorder.binding_limit())?;
    for written in bands(written, rows) {
        for c in 0..3 {
            let (view, first) = gx.rows(c, written.top, written.height);
            let mut rows = [[0.0; 4]; 3];
            for (weight, row) in rows[0].iter_mut().zip(transform.matrix) {
                *weight = row[c];
            }
            let params = Params {
                rows,
                first: [first + written.left as u32, 0, 0],
                flags: merge.flags(),
                ..params(gx, written, window)
            };
            recorder.push(Command {
                kernel: &GRADIENT,
                knobs: vec![],
                uniform: bytemuck::bytes_of(&params).to_vec(),
                buffers: vec![gy.whole(), view],
                workgroups: over_rows([written.width, written.height]),
                flop: 6 * written.pixels() as u64,
                bytes: 20 * written.pixels() as u64,
            });
        }
    }
    Ok(())
}

/// How many dispatches [`forward`] or [`gradient`] records for a `window` of a picture of `size`, W and H.
///
/// # Errors
/// As of these.
pub fn dispatches(
    pass: Pass,
    size: [usize; 2],
    (window, merge): (Window, Merge),
    limit: u64,
) -> Result<usize, GpuError> {
    match pass {
        Pass::Forward => {
            check_map(Shape::new(3, window.height, window.width), limit)?;
            Ok(bands(window, rows_of_a_binding(size, limit)?).count())
        }
        Pass::Gradient => {
            let written = written(size, window, merge);
            Ok(3 * bands(written, rows_of_a_binding(size, limit)?).count())
        }
    }
}

/// The map is bound whole, whatever the band.
fn check_map(shape: Shape, limit: u64) -> Result<(), GpuError> {
    slices(shape, limit).map(|_| ())
}

/// `window` in bands of up to `rows` rows, from top to bottom.
fn bands(window: Window, rows: usize) -> impl Iterator<Item = Window> {
    let end = window.top + window.height;
    (window.top..end).step_by(rows).map(move |top| Window {
        top,
        height: rows.min(end - top),
        ..window
    })
}

/// Where a gradient writes: only the first share has zeros to write around the window.
fn written([width, height]: [usize; 2], window: Window, merge: Merge) -> Window {
    if merge.accumulate {
        return window;
    }
    Window {
        left: 0,
        top: 0,
        width,
        height,
    }
}

/// How many rows of a plane of a picture of `width` one binding holds.
fn rows_of_a_binding([width, _]: [usize; 2], limit: u64) -> Result<usize, GpuError> {
    let row = 4 * width as u64;
    match limit.saturating_sub(VIEW_ALIGNMENT) / row.max(1) {
        0 => Err(GpuError::BindingTooLarge {
            label: "a row of the picture".to_string(),
            mebibytes: row.div_ceil(1 << 20),
            limit_mebibytes: limit >> 20,
        }),
        rows => Ok(rows as usize),
    }
}

/// What both passes say alike: the rectangle of their threads, and the window; above and left of the former
/// the corner of the latter is negative, and wraps.
fn params(picture: PlanarPicture<'_>, threads: Window, window: Window) -> Params {
    let offset = |inner: usize, outer: usize| (inner as u32).wrapping_sub(outer as u32);
    Params {
        rows: [[0.0; 4]; 3],
        first: [0; 3],
        picture_width: picture.size[0] as u32,
        width: threads.width as u32,
        height: threads.height as u32,
        window_width: window.width as u32,
        window_height: window.height as u32,
        left: offset(window.left, threads.left),
        top: offset(window.top, threads.top),
        flags: 0,
        padding: 0,
    }
}
