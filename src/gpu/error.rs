//! What can go wrong between the program and the adapter.

use thiserror::Error;

/// A failure of the GPU floor.
#[derive(Debug, Error)]
pub enum GpuError {
    /// No driver offers any adapter.
    #[error(
        "no usable GPU adapter was found; install a Vulkan driver (on Debian or Ubuntu: apt-get install mesa-vulkan-drivers) and run `impasto doctor`"
    )]
    NoAdapter,
    /// Adapters exist, but none has the wanted name or number.
    #[error("no adapter matches `{wanted}`; available: {available}; see `impasto devices`")]
    NoSuchAdapter {
        /// What the user asked for.
        wanted: String,
        /// The names there are, comma separated.
        available: String,
    },
    /// The driver would not open the adapter.
    #[error(
        "adapter `{adapter}` refused to open a device ({reason}); choose another with --adapter"
    )]
    DeviceRefused {
        /// The adapter's name.
        adapter: String,
        /// What the driver said.
        reason: String,
    },
    /// A buffer does not fit.
    #[error(
        "the adapter has no room for `{label}` ({mebibytes} MiB); choose a smaller --size or another --adapter"
    )]
    OutOfMemory {
        /// What the buffer was for.
        label: String,
        /// Its size in MiB, rounded up.
        mebibytes: u64,
    },
    /// The driver found no room for its own work, or for somebody else's.
    #[error(
        "the adapter ran out of memory; choose a smaller --size or another --adapter, or close other programs that use it"
    )]
    MemoryExhausted,
    /// One plane of a map is larger than a shader may bind.
    #[error(
        "`{label}` needs {mebibytes} MiB in one binding but the adapter allows {limit_mebibytes} MiB; choose a smaller --size"
    )]
    BindingTooLarge {
        /// The map.
        label: String,
        /// What is needed, in MiB, rounded up.
        mebibytes: u64,
        /// What a binding may span, in MiB.
        limit_mebibytes: u64,
    },
    /// More workgroups than the adapter starts at once.
    #[error(
        "`{label}` would start {workgroups} workgroups side by side but the adapter allows {limit}; choose a smaller --size"
    )]
    TooManyWorkgroups {
        /// The node of the tape.
        label: String,
        /// What is needed along one dimension.
        workgroups: u32,
        /// What the adapter allows.
        limit: u32,
    },
    /// The driver dropped the device while we worked.
    #[error(
        "the GPU device was lost ({reason}); restart the run, on another --adapter if it happens again"
    )]
    DeviceLost {
        /// What the driver said.
        reason: String,
    },
    /// The driver or wgpu rejected a command: a bug of ours or of the driver.
    #[error(
        "the GPU rejected a command ({reason}); please report this with the output of `impasto doctor`"
    )]
    Rejected {
        /// The validation message.
        reason: String,
    },
}
