//! Bringing numbers home without blocking.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use super::{BufferView, Gpu, GpuError, Ledger};

/// What the mapping callback and the future share.
#[derive(Default)]
struct Signal {
    outcome: Option<Result<(), wgpu::BufferAsyncError>>,
    waker: Option<Waker>,
}

/// Memory that the host can see, made once and used for one read-back after the other: what is read
/// through it can no longer fail for want of room.
pub struct Staging(wgpu::Buffer);

impl Gpu {
    /// Memory for [`Gpu::read_through`] of up to `bytes`, which needs no more than a portion of them.
    ///
    /// # Errors
    /// No room.
    pub fn staging(&self, bytes: u64) -> Result<Staging, GpuError> {
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let buffer = self.buffer("read-back staging", Ledger::staging(bytes), usage)?;
        Ok(Staging(buffer))
    }

    /// Copies `view` to the host and resolves to its f32 values. Something (see `cli::wait`) must poll the
    /// device meanwhile.
    ///
    /// # Errors
    /// Device lost, or no room for the staging buffer.
    pub async fn read(&self, view: &BufferView) -> Result<Vec<f32>, GpuError> {
        self.read_through(&self.staging(view.size)?, view).await
    }

    /// As [`Gpu::read`], portion after portion through `staging`, which no other read-back may be using.
    ///
    /// # Errors
    /// Device lost.
    pub async fn read_through(
        &self,
        staging: &Staging,
        view: &BufferView,
    ) -> Result<Vec<f32>, GpuError> {
        let mut values = Vec::with_capacity(view.size as usize / size_of::<f32>());
        let mut start = 0;
        while start < view.size {
            let portion = BufferView {
                buffer: view.buffer.clone(),
                offset: view.offset + start,
                size: (view.size - start).min(staging.0.size()),
            };
            let read_back = ReadBack::start(self, &portion, staging);
            read_back.arrival(self).await?;
            read_back.append_to(&mut values)?;
            start += portion.size;
        }
        Ok(values)
    }
}

/// A copy under way from the device to the host.
struct ReadBack {
    staging: wgpu::Buffer,
    bytes: u64,
    signal: Arc<Mutex<Signal>>,
}

impl ReadBack {
    /// Copies `view` to `staging`, which no other read-back is using.
    fn start(gpu: &Gpu, view: &BufferView, Staging(staging): &Staging) -> Self {
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

    /// Until it has arrived, or never will.
    async fn arrival(&self, gpu: &Gpu) -> Result<(), GpuError> {
        let outcome = poll_fn(|context| {
            let mut signal = self.signal.lock().unwrap_or_else(|e| e.into_inner());
            match signal.outcome.take() {
                None => match gpu.check_presence() {
                    Ok(()) => {
                        signal.waker = Some(context.waker().clone());
                        Poll::Pending
                    }
                    lost => Poll::Ready(lost),
                },
                Some(outcome) => Poll::Ready(outcome.map_err(|error| GpuError::DeviceLost {
                    reason: error.to_string(),
                })),
            }
        });
        outcome.await
    }

    /// Appends what arrived to `values` and gives the staging memory back.
    fn append_to(&self, values: &mut Vec<f32>) -> Result<(), GpuError> {
        let range = ..self.bytes;
        let mapped = self
            .staging
            .get_mapped_range(range)
            .map_err(|error| GpuError::Rejected {
                reason: error.to_string(),
            })?;
        values.extend(
            mapped
                .chunks_exact(size_of::<f32>())
                .map(bytemuck::pod_read_unaligned::<f32>),
        );
        drop(mapped);
        self.staging.unmap();
        Ok(())
    }
}
