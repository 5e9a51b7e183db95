//! w · mean(dx² + dy²) over the picture and its gradient (`shaders/tv_loss.wgsl`).

use super::sum::{self, PARTIAL_WORKGROUPS, PARTIALS, TotalSlot, partial_view};
use super::{Merge, over_positions};
use crate::gpu::{Access, BufferView, Command, GpuError, Kernel, Recorder, VIEW_ALIGNMENT};

/// Partial sums of dx² + dy².
pub static VALUE: Kernel = Kernel {
    shader: crate::shader!("tv_loss"),
    entry: "value",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// The gradient with respect to the picture.
pub static GRADIENT: Kernel = Kernel {
    shader: crate::shader!("tv_loss"),
    entry: "gradient",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (3, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// Same order as `Params` in the shader.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    width: u32,
    height: u32,
    flags: u32,
    scale: f32,
    top: u32,
    rows: u32,
    x_first: u32,
    gx_first: u32,
    first_partial: u32,
    padding: [u32; 3],
}

/// Rows of the picture that are worked on together, counted over its three planes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Band {
    top: usize,
    rows: usize,
}

/// How many bands [`value`] and [`gradient`] work on, each with [`PARTIALS`] partial sums.
///
/// # Errors
/// Rows that no binding can hold.
pub fn bands(size: [usize; 2], binding_limit: u64) -> Result<usize, GpuError> {
    Ok(split(size, binding_limit)?.len())
}

/// Bands that with a row on either side, and what comes before the next place where a view may begin, are
/// within the limit; a single one for a picture that is.
fn split([width, height]: [usize; 2], binding_limit: u64) -> Result<Vec<Band>, GpuError> {
    let (row, all) = (4 * width as u64, 3 * height);
    let room = binding_limit.saturating_sub(VIEW_ALIGNMENT) / row.max(1);
    let most = if row * all as u64 <= binding_limit {
        all
    } else if room > 2 {
        room as usize - 2
    } else {
        return Err(GpuError::BindingTooLarge {
            label: "three rows of the picture".to_string(),
            mebibytes: (3 * row).div_ceil(1 << 20),
            limit_mebibytes: binding_limit >> 20,
        });
    };
    let band = |top| Band {
        top,
        rows: most.min(all - top),
    };
    Ok((0..all).step_by(most).map(band).collect())
}

/// Rows `top` to `end` of a picture: a view that begins where views may, and the index in it of the first pixel
/// of row `first`.
fn rows_of(
    buffer: &wgpu::Buffer,
    width: usize,
    [top, end, first]: [usize; 3],
) -> (BufferView, u32) {
    let byte = |row: usize| 4 * (row * width) as u64;
    let (view, of_top) = BufferView::around(buffer, byte(top), byte(end));
    (view, of_top + ((first - top) * width) as u32)
}

/// Records the value of planar RGB `x`, `width`×`height`, into `total`; `partials` has room for [`PARTIALS`]
/// f32 per band.
///
/// # Errors
/// Rows that no binding can hold.
pub fn value(
    recorder: &mut Recorder<'_>,
    weight: f32,
    [width, height]: [usize; 2],
    x: &wgpu::Buffer,
    partials: &wgpu::Buffer,
    total: &TotalSlot,
) -> Result<(), GpuError> {
    let bands = split([width, height], recorder.binding_limit())?;
    for (index, &Band { top, rows }) in bands.iter().enumerate() {
        let values = (rows * width) as u64;
        let end = (top + rows + 1).min(3 * height);
        let (view, x_first) = rows_of(x, width, [top, end, top]);
        recorder.push(Command {
            kernel: &VALUE,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&Params {
                x_first,
                first_partial: (index * PARTIALS) as u32,
                ..params([width, height], Band { top, rows })
            })
            .to_vec(),
            buffers: vec![view, partial_view(partials, bands.len())],
            workgroups: [PARTIAL_WORKGROUPS, 1, 1],
            flop: 5 * values,
            bytes: 12 * values,
        });
    }
    let scale = weight / (3 * width * height) as f32;
    sum::main(recorder, partials, bands.len() * PARTIALS, scale, total);
    Ok(())
}

/// Records gx (+)= the gradient at planar RGB `x`.
///
/// # Errors
/// Rows that no binding can hold.
pub fn gradient(
    recorder: &mut Recorder<'_>,
    weight: f32,
    [width, height]: [usize; 2],
    x: &wgpu::Buffer,
    gx: &wgpu::Buffer,
    merge: Merge,
) -> Result<(), GpuError> {
    for Band { top, rows } in split([width, height], recorder.binding_limit())? {
        let values = rows * width;
        let end = top + rows;
        let around = [top.saturating_sub(1), (end + 1).min(3 * height), top];
        let (x, x_first) = rows_of(x, width, around);
        let (gx, gx_first) = rows_of(gx, width, [top, end, top]);
        recorder.push(Command {
            kernel: &GRADIENT,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&Params {
                flags: merge.flags(),
                scale: 2.0 * weight / (3 * width * height) as f32,
                x_first,
                gx_first,
                ..params([width, height], Band { top, rows })
            })
            .to_vec(),
            buffers: vec![x, gx],
            workgroups: over_positions(values, 1),
            flop: 8 * values as u64,
            bytes: 24 * values as u64,
        });
    }
    Ok(())
}

fn params([width, height]: [usize; 2], Band { top, rows }: Band) -> Params {
    Params {
        width: width as u32,
        height: height as u32,
        flags: 0,
        scale: 0.0,
        top: top as u32,
        rows: rows as u32,
        x_first: 0,
        gx_first: 0,
        first_partial: 0,
        padding: [0; 3],
    }
}
