//! Floor 0: the adapter, buffers, pipelines and recordings. Knows nothing of pictures or networks.
//!
//! What takes time on the device is a future, and whoever drives it decides how to wait (see `cli::wait`).
//! Large writes alone wait for the device to take them.

mod adapter;
mod device;
mod encoding;
mod error;
mod fault;
mod ledger;
mod memory;
mod pipeline;
mod profile;
mod read_back;
mod recorder;
mod recording;
mod shader;
mod shelf;
mod texels;
mod timing;

pub use adapter::{ADAPTER_VARIABLE, AdapterList, AdapterSummary};
pub use device::{Gpu, GpuOptions};
pub use encoding::Encoding;
pub use error::GpuError;
pub use fault::LOST_IN_POLL;
pub use ledger::Ledger;
pub use pipeline::{Access, Kernel, Knob, Pipeline, Shader};
pub use profile::{AdapterMemory, Profile};
pub use read_back::Staging;
pub use recorder::{
    BufferView, Command, Recorder, UNIFORM_SLOT, VIEW_ALIGNMENT, can_start, fold_workgroups,
};
pub use recording::{DispatchInfo, Recording};
pub use shader::Override;
pub use texels::{Asked, COPIES, MAP_COLUMNS, TEXELS, Texels, UNUSED, asked_map, asked_texels};
