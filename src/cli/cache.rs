//! What the command keeps between runs: it saves time and is never needed. A folder that cannot be
//! written and a file that was damaged are no errors.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use impasto::gpu::{AdapterSummary, Gpu};
use impasto::image::write_atomically;
use sha2::{Digest, Sha256};

use super::terminal::tell;

/// The environment variable that names the folder where the user's own cache folder is not wanted.
pub const FOLDER_VARIABLE: &str = "IMPASTO_CACHE";

/// Drivers never forget a kernel of an older version of this program: a file that has grown beyond this
/// is begun anew.
const LARGEST_FILE: u64 = 64 << 20;

const CHECKSUM_BYTES: usize = 32;

/// The folder, which need not exist yet; `None` on a system that has no place for such things.
pub fn folder() -> Option<PathBuf> {
    match std::env::var_os(FOLDER_VARIABLE) {
        Some(folder) if !folder.is_empty() => Some(folder.into()),
        _ => Some(dirs::cache_dir()?.join("impasto")),
    }
}

/// Writes a file of the folder, which is made if it is not there; the reason if that fails.
pub fn store(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .map_err(|error| format!("{} cannot be made ({error})", folder.display()))?;
    }
    write_atomically(path, bytes).map_err(|error| error.to_string())
}

/// The file of compiled pipelines that fits an adapter: a SHA-256 checksum, then the driver's bytes.
pub struct PipelineFile {
    path: PathBuf,
}

impl PipelineFile {
    /// `None` if the adapter's driver keeps its own cache, or there is no folder.
    pub fn of(adapter: &AdapterSummary) -> Option<Self> {
        let path = folder()?.join(adapter.pipeline_cache_key.as_ref()?);
        Some(Self { path })
    }

    /// The driver's bytes; none if the file is missing, damaged or overgrown.
    pub fn read(&self) -> Vec<u8> {
        let small = fs::metadata(&self.path).is_ok_and(|file| file.len() <= LARGEST_FILE);
        let bytes = if small {
            fs::read(&self.path)
        } else {
            Ok(vec![])
        };
        let bytes = bytes.unwrap_or_default();
        match bytes.split_at_checked(CHECKSUM_BYTES) {
            Some((checksum, data)) if *checksum == *Sha256::digest(data) => data.to_vec(),
            _ => Vec::new(),
        }
    }

    /// Keeps the driver's bytes, unless the file has them already.
    fn write(&self, data: &[u8]) -> Result<(), String> {
        if self.read() == data {
            return Ok(());
        }
        let checksum = Sha256::digest(data);
        store(&self.path, &[&checksum[..], data].concat())
    }
}

/// A device whose compiled pipelines are written to their file when the command is through with it.
pub struct CachedGpu {
    gpu: Gpu,
    file: Option<PipelineFile>,
    verbose: bool,
}

impl CachedGpu {
    /// `gpu`, which was opened with the bytes of `file`.
    pub fn new(gpu: Gpu, file: Option<PipelineFile>, verbose: bool) -> Self {
        Self { gpu, file, verbose }
    }

    /// The device, of which nothing is kept if `is_dry`.
    pub fn for_run(mut self, is_dry: bool) -> Self {
        if is_dry {
            self.file = None;
        }
        self
    }
}

impl Deref for CachedGpu {
    type Target = Gpu;

    fn deref(&self) -> &Gpu {
        &self.gpu
    }
}

impl Drop for CachedGpu {
    fn drop(&mut self) {
        let (Some(file), Some(data)) = (&self.file, self.gpu.pipeline_cache_data()) else {
            return;
        };
        if let Err(reason) = file.write(&data)
            && self.verbose
        {
            tell(format_args!(
                "note: compiled kernels are not kept for the next run: {reason}"
            ));
        }
    }
}
