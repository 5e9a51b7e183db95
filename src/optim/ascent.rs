//! The way up of a dream: the picture is rolled, its gradient smoothed, and a step made of normalised length.
//!
//! google/deepdream's `make_step`: jitter by ±32 pixels, a step of 1.5 of 255 over the mean magnitude of the gradient.
//! Both are counted in units of the picture here, whose values are in \[0, 1\].

use std::str::FromStr;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::gpu::{Encoding, Gpu, GpuError, Profile, Recorder, Recording};
use crate::kernels::dream_step::{self, DreamStepBuffers, StepNumbers};
use crate::kernels::gaussian_cascade::{self, CascadeBuffers};
use crate::kernels::laplacian_pyramid::{self, PyramidBuffers};
use crate::kernels::roll::{self, RollBuffers};
use crate::kernels::sum::PARTIALS;

/// What becomes of a gradient before it is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Smoothing {
    /// Nothing.
    #[default]
    None,
    /// The mean of three Gaussians, wider from step to step (Gordić, pytorch-deepdream).
    Gaussian,
    /// Bands of detail brought to the same strength (Mordvintsev's TensorFlow tutorial).
    Laplacian,
}

impl FromStr for Smoothing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "gaussian" => Ok(Self::Gaussian),
            "laplacian" => Ok(Self::Laplacian),
            _ => Err(format!(
                "`{text}` is no smoothing; choose none, gaussian or laplacian"
            )),
        }
    }
}

/// How a dream climbs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AscentSettings {
    /// What a gradient of mean magnitude moves a value by.
    pub step: f32,
    /// The picture is rolled by up to so many pixels each way before a step.
    pub jitter: usize,
    /// Seed of the jitter.
    pub seed: u64,
    /// What becomes of the gradient first.
    pub smoothing: Smoothing,
    /// Keep every value in \[0, 1\].
    pub clamp: bool,
}

/// How far the picture is rolled before `step`, counted from 0, to the right and down: each uniform in −jitter … jitter.
///
/// Any one can be had without those before it: ChaCha counts blocks, and a step takes two of its words.
pub fn jitter(seed: u64, step: usize, most: usize) -> [i64; 2] {
    let mut source = ChaCha8Rng::seed_from_u64(seed);
    source.set_word_pos(2 * step as u128);
    let choices = 2 * most as u64 + 1;
    [(); 2].map(|()| {
        let chosen = (u64::from(source.next_u32()) * choices) >> 32;
        chosen as i64 - most as i64
    })
}

/// Deviation of the middle Gaussian at `step` of so many, both counted within an octave (pytorch-deepdream).
pub fn deviation(step: usize, steps: usize) -> f64 {
    (step + 1) as f64 / steps.max(1) as f64 * 2.0 + 0.5
}

/// The way up of one picture of fixed size.
pub struct Ascent {
    settings: AscentSettings,
    size: [usize; 2],
    numbers: wgpu::Buffer,
    weights: wgpu::Buffer,
    picture: wgpu::Buffer,
    before: Recording,
    after: Recording,
}

impl Ascent {
    /// Whether `adapter` can climb pictures of `size` (W, H), however much memory it has; asks no device.
    ///
    /// # Errors
    /// A picture that no binding can hold.
    pub fn check(size: [usize; 2], adapter: &Profile) -> Result<(), GpuError> {
        roll::whole_picture(size, adapter.binding_limit).map(|_| ())
    }

    /// A way up for pictures of `size` (W, H), whose gradient an objective finds in `gradient` at what is in `rolled`. Each
    /// pixel takes the share of a step that the `mask` of (H, W) has there, and all of it without one.
    ///
    /// # Errors
    /// No room for its buffers, or a picture that no binding can hold.
    pub fn new(
        gpu: &Gpu,
        settings: AscentSettings,
        size: [usize; 2],
        mask: Option<&[f32]>,
        [rolled, gradient]: [&wgpu::Buffer; 2],
    ) -> Result<Self, GpuError> {
        let numbers = gpu.storage("dream step numbers", size_of::<StepNumbers>() as u64)?;
        let weights = gpu.storage("dream gaussians", 4 * 27)?;
        let picture = gpu.storage("dream picture", rolled.size())?;
        let partials = gpu.storage("dream partial sums", 4 * PARTIALS as u64)?;
        let mean = gpu.storage("dream mean magnitude", 4)?;
        let mask = mask.map(|mask| gpu.storage_with("dream mask", mask));
        let mask = mask.transpose()?;
        let mut recorder = Recorder::new(gpu);
        recorder.set_label("roll");
        let buffers = RollBuffers {
            step: &numbers,
            x: &picture,
            y: rolled,
        };
        roll::main(&mut recorder, size, buffers)?;
        let before = recorder.finish()?;
        let mut recorder = Recorder::new(gpu);
        recorder.set_label("dream step");
        let smooth = match settings.smoothing {
            Smoothing::None => gradient.clone(),
            Smoothing::Gaussian => cascade(gpu, &mut recorder, size, (&weights, gradient))?,
            Smoothing::Laplacian => {
                pyramid(gpu, &mut recorder, size, (&partials, gradient))?;
                gradient.clone()
            }
        };
        let buffers = DreamStepBuffers {
            step: &numbers,
            x: &picture,
            gradient: &smooth,
            partials: &partials,
            mean: &mean,
            mask: mask.as_ref(),
        };
        dream_step::main(&mut recorder, size, settings.clamp, buffers)?;
        let after = recorder.finish()?;
        Ok(Self {
            settings,
            size,
            numbers,
            weights,
            picture,
            before,
            after,
        })
    }

    /// Bytes on the device of a way up for a picture of `size` (W, H), with a mask or without, at most.
    pub fn bytes([width, height]: [usize; 2], is_masked: bool) -> u64 {
        // The picture, the gradient smoothed and half smoothed, or its pyramid; partial sums, numbers and uniforms. A mask
        // is there twice, until the device has it.
        let planes = if is_masked { 14 } else { 12 };
        4 * planes * (width * height) as u64 + (1 << 16)
    }

    /// The picture as it is, not rolled: planar RGB.
    pub fn picture(&self) -> &wgpu::Buffer {
        &self.picture
    }

    /// Makes ready for the step number `at`, counted over all octaves, which is the `step`th of `steps` in this one.
    pub fn prepare(&self, gpu: &Gpu, at: usize, (step, steps): (usize, usize)) {
        let [right, down] = jitter(self.settings.seed, at, self.settings.jitter);
        let within = |by: i64, side: usize| by.rem_euclid(side as i64) as u32;
        let numbers = StepNumbers {
            right: within(right, self.size[0]),
            down: within(down, self.size[1]),
            rate: self.settings.step,
            padding: 0,
        };
        gpu.write(&self.numbers, &[numbers]);
        if self.settings.smoothing == Smoothing::Gaussian {
            let weights = gaussian_cascade::weights(deviation(step, steps));
            gpu.write(&self.weights, &weights);
        }
    }

    /// What comes before the objective: the roll.
    pub fn roll(&self) -> &Recording {
        &self.before
    }

    /// What comes after it: smoothing, and the step.
    pub fn encode_step(&self, encoding: &mut Encoding<'_>) {
        self.after.encode(encoding);
    }
}

/// Smooths `gradient`; returns where it is smooth.
fn cascade(
    gpu: &Gpu,
    recorder: &mut Recorder<'_>,
    size: [usize; 2],
    (weights, gradient): (&wgpu::Buffer, &wgpu::Buffer),
) -> Result<wgpu::Buffer, GpuError> {
    let half = gpu.storage("dream gradient, half smoothed", gradient.size())?;
    let y = gpu.storage("dream gradient, smoothed", gradient.size())?;
    let buffers = CascadeBuffers {
        weights,
        x: gradient,
        half: &half,
        y: &y,
    };
    gaussian_cascade::main(recorder, size, buffers)?;
    Ok(y)
}

/// Normalises `gradient` where it is.
fn pyramid(
    gpu: &Gpu,
    recorder: &mut Recorder<'_>,
    size: [usize; 2],
    (partials, gradient): (&wgpu::Buffer, &wgpu::Buffer),
) -> Result<(), GpuError> {
    let mut coarser = Vec::new();
    for [width, height] in laplacian_pyramid::sizes(size).into_iter().skip(1) {
        coarser.push(gpu.storage("a band of a gradient", 12 * (width * height) as u64)?);
    }
    let energies = gpu.storage("band energies", 4 * laplacian_pyramid::BANDS as u64 + 4)?;
    let buffers = PyramidBuffers {
        gradient,
        coarser: &coarser,
        partials,
        energies: &energies,
    };
    laplacian_pyramid::main(recorder, size, buffers)
}
