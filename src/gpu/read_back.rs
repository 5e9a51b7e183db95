//! Bringing numbers home without blocking.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::{BufferView, Gpu, GpuError};

/// What the mapping callback and the future share.
#[derive(Default)]
struct Signal {
    outcome: Option<Result<(), wgpu::BufferAsyncError>>,
    waker: Option<Waker>,
}

/// Memory that the host can see, made once and used for one read-back after the other: what is read
/// through it can no longer fail for want of room.
pub struct Staging(wgpu::Buffer);

impl Staging {
    pub(super) fn new(gpu: &Gpu, bytes: u64) -> Result<Self, GpuError> {
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        Ok(Self(gpu.buffer("read-back staging", bytes, usage)?))
    }
}

/// A copy under way from the device to the host. Resolves to the f32 values of the view.
///
/// It never blocks: on native platforms something (see `cli`) must poll the device meanwhile.
pub struct ReadBack {
    staging: wgpu::Buffer,
    bytes: u64,
    signal: Arc<Mutex<Signal>>,
}

impl ReadBack {
    /// Copies `view` to `staging`, which no other read-back is using.
    pub(super) fn start(gpu: &Gpu, view: &BufferView, Staging(staging): &Staging) -> Self {
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&view.buffer, view.offset, staging, 0, view.size);
        gpu.submit(encoder.finish());
        let signal = Arc::new(Mutex::new(Signal::default()));
        let shared = Arc::clone(&signal);
        staging.map_async(wgpu::MapMode::Read, ..view.size, move |outcome| {
            let mut signal = shared.lock().unwrap_or_else(|e| e.into_inner());
            signal.outcome = Some(outcome);
            if let Some(waker) = signal.waker.take() {
                waker.wake();
            }
        });
        Self {
            staging: staging.clone(),
            bytes: view.size,
            signal,
        }
    }

    fn values(&self) -> Result<Vec<f32>, GpuError> {
        let mapped = self
            .staging
            .get_mapped_range(..self.bytes)
            .map_err(|error| GpuError::Rejected {
                reason: error.to_string(),
            })?;
        let values = bytemuck::pod_collect_to_vec(&mapped);
        drop(mapped);
        self.staging.unmap();
        Ok(values)
    }
}

impl Future for ReadBack {
    type Output = Result<Vec<f32>, GpuError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut signal = self.signal.lock().unwrap_or_else(|e| e.into_inner());
        match signal.outcome.take() {
            None => {
                signal.waker = Some(context.waker().clone());
                Poll::Pending
            }
            Some(Ok(())) => {
                drop(signal);
                Poll::Ready(self.values())
            }
            Some(Err(error)) => Poll::Ready(Err(GpuError::DeviceLost {
                reason: error.to_string(),
            })),
        }
    }
}
