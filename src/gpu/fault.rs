//! What the driver says out of turn, and waiting for a device that may be lost meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Gpu, GpuError};

/// How the message of a panic begins with which wgpu's `Device::poll` answers a device that is lost. [`Gpu::wait`] catches
/// it, but the hook of the process sees it before, and may leave it out.
pub const LOST_IN_POLL: &str = "Error in Device::poll";

/// How wgpu words a driver's lack of memory.
const OUT_OF_MEMORY: &str = "Out of memory";

/// What the driver told us out of turn.
#[derive(Default)]
struct Faults {
    lost: Option<String>,
    out_of_memory: bool,
    rejected: Option<String>,
}

impl Faults {
    /// Memory that ran out is said once: what is tried after it may have room.
    fn check_memory(&mut self) -> Result<(), GpuError> {
        match std::mem::take(&mut self.out_of_memory) {
            true => Err(GpuError::MemoryExhausted),
            false => Ok(()),
        }
    }

    /// As [`Faults::check_memory`], and then whether the device is still there.
    fn check_device(&mut self) -> Result<(), GpuError> {
        self.check_memory()?;
        match &self.lost {
            Some(reason) => Err(GpuError::DeviceLost {
                reason: reason.clone(),
            }),
            None => Ok(()),
        }
    }
}

/// The faults of one device, filled by its callbacks.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Faults>>);

impl Watch {
    /// Turns wgpu's callbacks, which would otherwise panic, into something that [`Gpu::check`] reports.
    pub(super) fn over(device: &wgpu::Device) -> Self {
        let watch = Self::default();
        let errors = watch.clone();
        device.on_uncaptured_error(Arc::new(move |error| match error {
            wgpu::Error::OutOfMemory { .. } => errors.faults().out_of_memory = true,
            other => {
                let reason = one_line(&other.to_string());
                errors.faults().rejected.get_or_insert(reason);
            }
        }));
        let loss = watch.clone();
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                loss.lose(&message);
            }
        });
        watch
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// A driver with no room for submitted work loses its device; wgpu passes on no more than this.
    fn lose(&self, message: &str) {
        let mut faults = self.faults();
        faults.out_of_memory |= message == OUT_OF_MEMORY;
        faults.lost.get_or_insert_with(|| one_line(message));
    }

    pub(super) fn is_lost(&self) -> bool {
        self.faults().lost.is_some()
    }

    /// Whether memory ran out since somebody asked.
    pub(super) fn take_out_of_memory(&self) -> bool {
        self.faults().check_memory().is_err()
    }
}

impl Gpu {
    /// What the driver has reported since the last call.
    ///
    /// # Errors
    /// Device lost, out of memory, or a rejected command.
    pub fn check(&self) -> Result<(), GpuError> {
        let mut faults = self.watch.faults();
        faults.check_device()?;
        match faults.rejected.take() {
            Some(reason) => Err(GpuError::Rejected { reason }),
            None => Ok(()),
        }
    }

    /// Why `error` came about: what the driver said of it, if it did, is worth more than what failed because of it.
    pub fn cause(&self, error: GpuError) -> GpuError {
        match error {
            // The driver's own words, which it is asked for once.
            GpuError::MemoryExhausted => error,
            error => self.check().err().unwrap_or(error),
        }
    }

    /// The error of whoever waits for a device that is lost, for which nobody will call back; `Ok` as long as it is there.
    ///
    /// # Errors
    /// Device lost, also for want of memory.
    pub(super) fn check_presence(&self) -> Result<(), GpuError> {
        match self.watch.is_lost() {
            true => self.watch.faults().check_device(),
            false => Ok(()),
        }
    }

    /// Waits until the device has done everything that was submitted, and calls back whoever waits for that. Returns at
    /// once if the device is lost, which read-backs and [`Gpu::check`] then say.
    pub fn wait(&self) {
        self.poll(wgpu::PollType::wait_indefinitely());
    }

    /// Has wgpu look what the device has done. A driver that answers with a lost device, as one whose GPU was reset does,
    /// has wgpu 30 panic here, after its callback has told us (`Device::poll` has an error for time-outs alone).
    pub(super) fn poll(&self, how: wgpu::PollType) {
        if self.watch.is_lost() {
            return;
        }
        let polled = catch_unwind(AssertUnwindSafe(|| self.device().poll(how)));
        match polled {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => self.watch.lose(&error.to_string()),
            Err(panic) => {
                let message = panic.downcast_ref::<String>();
                self.watch
                    .lose(message.map_or(LOST_IN_POLL, String::as_str));
            }
        }
    }
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
