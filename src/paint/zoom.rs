//! From one frame of a dream to where the next begins.

use crate::gpu::{BufferView, Gpu, GpuError, Recorder};
use crate::image::Picture;
use crate::kernels::zoom::{self, Zoom};

/// `picture` enlarged and turned around its middle.
///
/// # Errors
/// Device lost, no room, or a picture that no binding can hold.
pub async fn zoomed(gpu: &Gpu, picture: &Picture, zoom: Zoom) -> Result<Picture, GpuError> {
    let bytes = 4 * picture.rgb.len() as u64;
    let from = gpu.storage("frame", bytes)?;
    let to = gpu.storage("next frame", bytes)?;
    gpu.write(&from, &picture.rgb);
    let mut recorder = Recorder::new(gpu);
    let size = [picture.width, picture.height];
    zoom::main(&mut recorder, zoom, size, [&from, &to])?;
    recorder.finish()?.submit(gpu);
    let mut rgb = gpu.read(&BufferView::whole(&to)).await?;
    gpu.check()?;
    rgb.truncate(picture.rgb.len());
    Ok(Picture { rgb, ..*picture })
}
