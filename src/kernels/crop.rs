//! A window of a map as a map of its own, the paste of such a map into a larger one, and both
//! gradients, each of which is the other op (`shaders/crop.wgsl`).

use super::feature_map::{FeatureMap, GroupSlice, plane, slices};
use super::{Merge, over_positions};
use crate::gpu::{Access, Command, GpuError, Kernel, Recorder};
use crate::shape::{Shape, Window};

/// Copies a window, onto zeros or onto what is there.
pub static MAIN: Kernel = Kernel {
    shader: crate::shader!("crop"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (3, Access::ReadWrite),
    ],
    needs_subgroups: false,
};

/// Same order as `Params` in the shader.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    written: [u32; 4],
    from: [u32; 2],
    to: [u32; 2],
    window: [u32; 2],
    from_width: u32,
    to_width: u32,
    from_plane: u32,
    to_plane: u32,
    flags: u32,
    padding: u32,
}

/// A window and where its upper left corner comes to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The window, in the map that it is taken from.
    pub from: Window,
    /// Column and row of its corner in the map that it is put into.
    pub to: [usize; 2],
}

impl Placement {
    /// The way back.
    fn turned(self) -> Self {
        let [left, top] = self.to;
        Self {
            from: Window {
                left,
                top,
                ..self.from
            },
            to: [self.from.left, self.from.top],
        }
    }

    /// The window where it is put.
    fn target(self) -> Window {
        self.turned().from
    }
}

/// Records y = the `window` of x; y is as large as the window.
///
/// # Errors
/// A plane that no binding can hold.
pub fn forward(
    recorder: &mut Recorder<'_>,
    window: Window,
    x: &FeatureMap,
    y: &FeatureMap,
) -> Result<(), GpuError> {
    paste(recorder, crop(window), x, y)
}

/// Records gx (+)= the gradient of [`forward`]: gy in the `window`, zeros around it. `x` is the forward map
/// if a mask is wanted.
///
/// # Errors
/// A plane that no binding can hold.
pub fn gradient(
    recorder: &mut Recorder<'_>,
    window: Window,
    x: Option<&FeatureMap>,
    gy: &FeatureMap,
    gx: &FeatureMap,
    merge: Merge,
) -> Result<(), GpuError> {
    paste_gradient(recorder, crop(window), x, gy, gx, merge)
}

fn crop(window: Window) -> Placement {
    Placement {
        from: window,
        to: [0, 0],
    }
}

/// Records y = x in the placed window; the rest of y stays as it is.
///
/// # Errors
/// A plane that no binding can hold.
pub fn paste(
    recorder: &mut Recorder<'_>,
    placement: Placement,
    x: &FeatureMap,
    y: &FeatureMap,
) -> Result<(), GpuError> {
    let written = placement.target();
    record(recorder, placement, written, [x, y], None, Merge::default())
}

/// Records gx (+)= the gradient of [`paste`]: what gy has in the placed window, zeros around it. `x` is the
/// forward map if a mask is wanted.
///
/// # Errors
/// A plane that no binding can hold.
pub fn paste_gradient(
    recorder: &mut Recorder<'_>,
    placement: Placement,
    x: Option<&FeatureMap>,
    gy: &FeatureMap,
    gx: &FeatureMap,
    merge: Merge,
) -> Result<(), GpuError> {
    let back = placement.turned();
    // Only the first share has zeros to write around the window, and only the last has a mask to apply there.
    let written = if merge.accumulate && !merge.mask {
        back.target()
    } else {
        Window::whole(gx.shape)
    };
    record(recorder, back, written, [gy, gx], x, merge)
}

/// How many dispatches each of these takes from one map to another.
///
/// # Errors
/// A plane that no binding can hold.
pub fn dispatches(maps: [Shape; 2], limit: u64) -> Result<usize, GpuError> {
    Ok(slices_of_both(maps, limit)?.len())
}

/// Those of the larger map, which the other follows.
fn slices_of_both([from, to]: [Shape; 2], limit: u64) -> Result<Vec<GroupSlice>, GpuError> {
    let larger = if plane(from) > plane(to) { from } else { to };
    slices(larger, limit)
}

fn record(
    recorder: &mut Recorder<'_>,
    placement: Placement,
    written: Window,
    [from, to]: [&FeatureMap; 2],
    mask: Option<&FeatureMap>,
    merge: Merge,
) -> Result<(), GpuError> {
    let window = placement.from;
    for slice in slices_of_both([from.shape, to.shape], recorder.binding_limit())? {
        let values = (slice.count * written.pixels() * 4) as u64;
        let copied = (slice.count * window.pixels() * 4) as u64;
        recorder.push(Command {
            kernel: &MAIN,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&Params {
                written: [written.left, written.top, written.width, written.height]
                    .map(|n| n as u32),
                from: [window.left, window.top].map(|n| n as u32),
                to: placement.to.map(|n| n as u32),
                window: [window.width, window.height].map(|n| n as u32),
                from_width: from.shape.width as u32,
                to_width: to.shape.width as u32,
                from_plane: from.plane(),
                to_plane: to.plane(),
                flags: merge.flags(),
                padding: 0,
            })
            .to_vec(),
            // What is not read must still be bound, and `to` itself may not be bound twice.
            buffers: vec![
                from.view(slice),
                mask.unwrap_or(from).view(slice),
                to.view(slice),
            ],
            workgroups: over_positions(written.pixels(), slice.count),
            flop: values * u64::from(merge.accumulate),
            bytes: 4 * copied
                + 4 * values * (1 + u64::from(merge.accumulate) + u64::from(merge.mask)),
        });
    }
    Ok(())
}
