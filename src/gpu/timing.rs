//! Device time of each dispatch, from timestamps around passes of one dispatch.

use super::recording::{SUBMIT_FLOP, parts};
use super::{BufferView, Gpu, GpuError, Recording};

impl Recording {
    /// Runs every dispatch in a pass of its own and returns the seconds that each took, in order.
    ///
    /// Splitting costs some time of its own, so the sum exceeds that of [`Recording::submit`].
    ///
    /// # Errors
    /// [`GpuError::Rejected`] if the adapter has no timestamps; else as a read-back.
    pub async fn time_each(&self, gpu: &Gpu) -> Result<Vec<f64>, GpuError> {
        if !gpu.has_timestamps() {
            return Err(GpuError::Rejected {
                reason: "this adapter has no timestamps to profile with".to_string(),
            });
        }
        /// Queries in one set; WebGPU guarantees 4096.
        const CHUNK: usize = 1024;
        let mut seconds = Vec::with_capacity(self.infos().len());
        for part in parts(self.infos(), SUBMIT_FLOP) {
            for first in part.clone().step_by(CHUNK) {
                let count = CHUNK.min(part.end - first);
                seconds.extend(self.time_range(gpu, first, count).await?);
            }
        }
        Ok(seconds)
    }

    async fn time_range(
        &self,
        gpu: &Gpu,
        first: usize,
        count: usize,
    ) -> Result<Vec<f64>, GpuError> {
        let queries = 2 * count as u32;
        let query_set = gpu.device().create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("profile"),
            ty: wgpu::QueryType::Timestamp,
            count: queries,
        });
        let resolved = gpu.buffer(
            "profile",
            u64::from(queries) * 8,
            wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
        )?;
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        for index in 0..count {
            let pass = |encoder: &mut wgpu::CommandEncoder, begin: bool, end: bool| {
                let at = 2 * index as u32;
                let writes = wgpu::ComputePassTimestampWrites {
                    query_set: &query_set,
                    beginning_of_pass_write_index: begin.then_some(at),
                    end_of_pass_write_index: end.then_some(at + 1),
                };
                encoder
                    .begin_compute_pass(&wgpu::ComputePassDescriptor {
                        label: None,
                        timestamp_writes: Some(writes),
                    })
                    .forget_lifetime()
            };
            let dispatch = &self.dispatches[first + index];
            if dispatch.copies.is_empty() {
                dispatch.encode(&mut pass(&mut encoder, true, true));
                continue;
            }
            // Copies stand between passes, so an empty one begins the time.
            drop(pass(&mut encoder, true, false));
            for copy in &dispatch.copies {
                copy.encode(&mut encoder);
            }
            dispatch.encode(&mut pass(&mut encoder, false, true));
        }
        encoder.resolve_query_set(&query_set, 0..queries, &resolved, 0);
        gpu.submit(encoder.finish());
        let words = gpu.read(&BufferView::whole(&resolved)).await?;
        // The read-back hands out f32; two of them side by side are the bits of one u64 tick count.
        let tick = |query: usize| {
            let low = u64::from(words[2 * query].to_bits());
            let high = u64::from(words[2 * query + 1].to_bits());
            (high << 32) | low
        };
        let period = f64::from(gpu.queue().get_timestamp_period()) * 1e-9;
        Ok((0..count)
            .map(|index| tick(2 * index + 1).saturating_sub(tick(2 * index)) as f64 * period)
            .collect())
    }
}
