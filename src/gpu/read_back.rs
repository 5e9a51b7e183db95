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

/// A copy under way from the device to the host. Resolves to the f32 values of the view.
///
/// It never blocks: on native platforms something (see `cli`) must poll the device meanwhile.
pub struct ReadBack {
    staging: wgpu::Buffer,
    signal: Arc<Mutex<Signal>>,
}

impl ReadBack {
    pub(super) fn start(gpu: &Gpu, view: &BufferView) -> Result<Self, GpuError> {
        let staging = gpu.buffer(
            "read-back staging",
            view.size,
            wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        )?;
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&view.buffer, view.offset, &staging, 0, view.size);
        gpu.submit(encoder.finish());
        let signal = Arc::new(Mutex::new(Signal::default()));
        let shared = Arc::clone(&signal);
        staging.map_async(wgpu::MapMode::Read, .., move |outcome| {
            let mut signal = shared.lock().unwrap_or_else(|e| e.into_inner());
            signal.outcome = Some(outcome);
            if let Some(waker) = signal.waker.take() {
                waker.wake();
            }
        });
        Ok(Self { staging, signal })
    }

    fn values(&self) -> Result<Vec<f32>, GpuError> {
        let mapped = self
            .staging
            .get_mapped_range(..)
            .map_err(|error| GpuError::Rejected {
                reason: error.to_string(),
            })?;
        Ok(bytemuck::pod_collect_to_vec(&mapped))
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
