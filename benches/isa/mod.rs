//! What a driver's compiler makes of a kernel, for a GPU that is not there: Mesa's RADV offers "null
//! hardware", which compiles for any AMD family that `RADV_FORCE_FAMILY` names and runs nothing.
//!
//! Shared by `cargo bench --bench isa`, which prints the figures, and by `tests/isa.rs`, which holds
//! the hot kernels to them.

mod assembly;
mod driver;
mod spirv;

use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use impasto::gpu::{Kernel, Knob};
use impasto::kernels::conv3x3::HALVES;
use impasto::kernels::{BIAS, RELU};

pub use assembly::{Counts, counts};
pub use driver::Driver;

/// Nothing in here is worth an error type of its own: whoever sees a message reads it and stops.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// The variable by which RADV learns which family it compiles for. It must stand in the environment
/// before the Vulkan loader opens the driver, so each family gets a process of its own.
pub const FAMILY_VARIABLE: &str = "RADV_FORCE_FAMILY";

/// What to say where the driver is missing.
pub const DRIVER_MISSING: &str = "passed over: there is no Mesa RADV driver (radeon_icd*.json); \
     install mesa-vulkan-drivers and libvulkan1 (Debian, Ubuntu) or vulkan-radeon (Arch)";

/// A generation of AMD GPUs.
#[derive(Clone, Copy)]
pub struct Family {
    /// As people call it.
    pub name: &'static str,
    /// As RADV calls one of its chips, newer versions of Mesa first.
    chips: &'static [&'static str],
}

pub const RDNA2: Family = Family {
    name: "RDNA2",
    chips: &["navi21"],
};
pub const RDNA3: Family = Family {
    name: "RDNA3",
    chips: &["navi31", "gfx1100"],
};

impl Family {
    /// This executable with the environment for RADV, once per name that the family may have; empty
    /// without the driver. A version of Mesa that does not know a name ends the process.
    pub fn processes(self) -> Vec<Command> {
        let (Some(manifest), Ok(this)) = (driver_manifest(), std::env::current_exe()) else {
            return Vec::new();
        };
        let process = |chip: &&str| {
            let mut command = Command::new(&this);
            command.env(FAMILY_VARIABLE, chip);
            // The first is for loaders from 1.3.207 on, the second for those before.
            for variable in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
                command.env(variable, &manifest);
            }
            command
        };
        self.chips.iter().map(process).collect()
    }
}

/// The file by which the Vulkan loader knows RADV, for the architecture of this program.
fn driver_manifest() -> Option<PathBuf> {
    let data = std::env::var_os("XDG_DATA_DIRS")
        .unwrap_or_else(|| OsString::from("/usr/local/share:/usr/share"));
    let folders = std::env::split_paths(&data)
        .chain(["/usr/local/etc", "/etc"].map(PathBuf::from))
        .map(|folder| folder.join("vulkan/icd.d"));
    let mut manifests: Vec<PathBuf> = folders
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("radeon_icd") && name.ends_with(".json")
        })
        .collect();
    // `radeon_icd.json`, or one per architecture.
    let suits = |path: &PathBuf| {
        let architecture = path.with_extension("").extension()?.to_owned();
        Some(architecture == std::env::consts::ARCH)
    };
    manifests.retain(|path| suits(path).unwrap_or(true));
    manifests.into_iter().next()
}

/// What became of one kernel.
#[derive(Debug)]
pub struct Figures {
    /// 32-bit registers that each thread needs, and those shared by the threads of a wave.
    pub vector_registers: u64,
    /// See [`Self::vector_registers`].
    pub scalar_registers: u64,
    /// Registers that live in memory for want of room.
    pub vector_spills: u64,
    /// Scalar registers that live in vector registers for want of room.
    pub scalar_spills: u64,
    /// Workgroup memory.
    pub workgroup_bytes: u64,
    /// Waves of 32 lanes that fit a SIMD at once, by registers and workgroup memory.
    pub waves: u64,
    /// All of them.
    pub instructions: u64,
    /// What they are.
    pub counts: Counts,
}

/// The values that a real GPU gets from the host (see `Recorder::workgroup`), for those of the
/// kernel's overrides that are not fixed in the shader; the epilogue is that of a forward pass.
const KNOBS: [Knob; 2] = [("WORKGROUP", 64), ("FLAGS", BIAS | RELU)];

/// The ways to compile `kernel` that are worth a look, by name: those that read weights in f16 do that too.
pub fn forms(kernel: &Kernel) -> Vec<(String, Vec<Knob>)> {
    let mut forms = vec![(kernel.name(), Vec::new())];
    let overrides = kernel.shader.overrides();
    if overrides.iter().any(|knob| knob.name == HALVES.0) {
        forms.push((format!("{}:f16", kernel.name()), vec![HALVES]));
    }
    forms
}

/// Compiles `kernel` with `knobs` beside the usual ones and hands back its figures and its assembly.
///
/// # Errors
/// What naga or the driver refuses.
pub fn compile(driver: &Driver, kernel: &Kernel, knobs: &[Knob]) -> Outcome<(Figures, String)> {
    let words = spirv::translate(kernel, &[&KNOBS, knobs].concat())?;
    let compiled = driver.compile(kernel, &words)?;
    let statistic = |name: &str| {
        let found = compiled.statistics.iter().find(|(key, _)| key == name);
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| format!("{}: the driver gives no `{name}`", kernel.name()))
    };
    let figures = Figures {
        vector_registers: statistic("VGPRs")?,
        scalar_registers: statistic("SGPRs")?,
        vector_spills: statistic("Spilled VGPRs")?,
        scalar_spills: statistic("Spilled SGPRs")?,
        workgroup_bytes: statistic("LDS size")?,
        waves: statistic("Subgroups per SIMD")?,
        instructions: statistic("Instructions")?,
        counts: counts(&compiled.assembly),
    };
    Ok((figures, compiled.assembly))
}
