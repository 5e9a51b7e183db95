//! L-BFGS on the picture, as `torch.optim.LBFGS` without line search, entirely on the device.
//!
//! The host knows only the number of the step, and from it which slot of the ring is the newest and
//! which the oldest; whether a pair is good, how long the step is and when to start over is decided by
//! the kernels. The rules stand in [`crate::reference::lbfgs`]. One difference: a dropped pair keeps
//! its slot in the ring, so that after a drop the history is one pair shorter for a while.

mod passes;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::gpu::{Encoding, Gpu, GpuError, Recorder, Recording, UNIFORM_SLOT};
use crate::graph::{Allocation, Purpose};
use crate::kernels::lbfgs::{self, LONGEST_HISTORY, PassParams};
use passes::{Passes, rows};

/// How L-BFGS runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LbfgsSettings {
    /// Pairs to remember, 2 to [`LONGEST_HISTORY`]; each costs 24 bytes per pixel.
    pub history: usize,
    /// The step length once there are pairs; 1 is Newton's.
    pub learning_rate: f32,
    /// Whether the picture stays in \[0, 1\] after every step: what is saved then has the loss that was reached.
    #[serde(default)]
    pub clamp: bool,
    /// The longest step along a direction of the recursion, in root mean square over the values of the picture; 0 for no
    /// limit. Without a line search a first guess of the curvature can throw a good picture away.
    #[serde(default)]
    pub longest: f32,
}

impl Default for LbfgsSettings {
    /// As many pairs as `torch.optim.LBFGS` remembers. With 20 a transfer at 320 pixels ended 8 % higher after 300 steps.
    fn default() -> Self {
        Self {
            history: 100,
            learning_rate: 1.0,
            clamp: false,
            longest: 0.0,
        }
    }
}

/// The optimiser with its history on the device.
pub struct Lbfgs {
    settings: LbfgsSettings,
    recording: Recording,
    passes: Passes,
    /// The dispatches of each pass, one for every slice of the vectors.
    dispatches: Vec<Range<usize>>,
    memory: Memory,
    step: usize,
    bytes: u64,
}

/// What one step leaves for the next; everything else is written before it is read.
struct Memory {
    state: wgpu::Buffer,
    last_x: wgpu::Buffer,
    last_gradient: wgpu::Buffer,
    s: Vec<wgpu::Buffer>,
    y: Vec<wgpu::Buffer>,
}

impl Lbfgs {
    /// An optimiser of the `values` f32 in `x`, which descends along `gradient`. A history outside
    /// 2..=[`LONGEST_HISTORY`] is brought into that range.
    ///
    /// # Errors
    /// No room for the history.
    pub fn new(
        gpu: &Gpu,
        settings: LbfgsSettings,
        values: usize,
        x: &wgpu::Buffer,
        gradient: &wgpu::Buffer,
    ) -> Result<Self, GpuError> {
        let history = settings.history.clamp(2, LONGEST_HISTORY);
        let slices = lbfgs::slices(values, gpu.binding_limit());
        let buffers = Buffers::allocate(gpu, [history, slices], x, gradient)?;
        let params = PassParams {
            values,
            history,
            rate: settings.learning_rate,
            clamp: settings.clamp,
            longest: settings.longest * (values as f32).sqrt(),
            ..PassParams::default()
        };
        let mut recorder = Recorder::new(gpu);
        recorder.set_label("lbfgs");
        let (passes, dispatches) = passes::record(&mut recorder, &buffers, params);
        Ok(Self {
            settings: LbfgsSettings {
                history,
                ..settings
            },
            recording: recorder.finish()?,
            passes,
            dispatches,
            step: 0,
            bytes: buffers.bytes(),
            memory: buffers.memory,
        })
    }

    /// What [`Lbfgs::new`] would allocate for `values` f32; vectors beyond a binding take some kilobytes more.
    pub(super) fn on_paper(settings: LbfgsSettings, values: usize) -> Vec<Allocation> {
        let history = settings.history.clamp(2, LONGEST_HISTORY);
        let vector = |label: String| Allocation::new(label, Purpose::Optimiser, 4 * values as u64);
        let small = |label: &str, bytes| Allocation::new(label, Purpose::Bookkeeping, bytes);
        let mut all = vec![
            small("lbfgs state", lbfgs::STATE_BYTES),
            small(
                "lbfgs partial sums",
                rows(history).all as u64 * lbfgs::ROW_BYTES,
            ),
        ];
        all.extend(["picture", "gradient"].map(|of| vector(format!("lbfgs last {of}"))));
        all.push(vector("lbfgs direction".to_string()));
        all.extend((0..history).map(|pair| vector(format!("lbfgs displacement {pair}"))));
        all.extend((0..history).map(|pair| vector(format!("lbfgs gradient change {pair}"))));
        // Six passes of every pair, four more.
        let uniforms = (6 * history + 4) as u64 * UNIFORM_SLOT;
        all.push(small("lbfgs uniforms", uniforms));
        all
    }

    /// Bytes of its state on the device.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn longest_vector(&self) -> u64 {
        self.memory.last_x.size().max(self.memory.state.size())
    }

    pub(super) fn settings(&self) -> LbfgsSettings {
        self.settings
    }

    pub(super) fn step(&self) -> usize {
        self.step
    }

    pub(super) fn set_step(&mut self, step: usize) {
        self.step = step;
    }

    /// What the next step goes on from, by name. Before the first step there is nothing; step k brings pair k
    /// (counted from 0, and pair 0 is none), so after n steps the ring holds n − 1 pairs until it is full.
    pub(super) fn vectors(&self) -> Vec<(String, &wgpu::Buffer)> {
        let Memory {
            state,
            last_x,
            last_gradient,
            s,
            y,
        } = &self.memory;
        let Some(pairs) = self.step.checked_sub(1) else {
            return Vec::new();
        };
        let mut vectors = vec![
            ("lbfgs.state".to_string(), state),
            ("lbfgs.last_picture".to_string(), last_x),
            ("lbfgs.last_gradient".to_string(), last_gradient),
        ];
        for (slot, (s, y)) in s.iter().zip(y).take(pairs).enumerate() {
            vectors.push((format!("lbfgs.displacement.{slot}"), s));
            vectors.push((format!("lbfgs.gradient_change.{slot}"), y));
        }
        vectors
    }

    /// Appends one step to `encoding`.
    pub fn encode(&mut self, encoding: &mut Encoding<'_>) {
        for number in self.order() {
            for index in self.dispatches[number].clone() {
                self.recording.encode_one(index, encoding);
            }
        }
        self.step += 1;
    }

    /// The passes of this step. Step k brings pair k, whose slot is (k − 1) mod history.
    fn order(&self) -> Vec<usize> {
        let Passes {
            begin,
            descend,
            ascend,
            ..
        } = self.passes;
        let pairs = self.step.min(self.settings.history);
        let history = self.settings.history;
        let slot = |pair: usize| (pair + history - 1) % history;
        let newest = slot(self.step);
        let oldest = slot(self.step + 1 - pairs);
        let judge = match self.step {
            0 => self.passes.judge_first,
            _ => self.passes.judge + newest,
        };
        let mut order = vec![self.passes.measure + newest, judge, begin + newest];
        let slots: Vec<usize> = (self.step + 1 - pairs..=self.step).map(slot).collect();
        order.extend(slots.iter().rev().map(|slot| descend + slot));
        order.push(self.passes.turn + oldest);
        order.extend(slots.iter().map(|slot| ascend + slot));
        order.extend([self.passes.aim, self.passes.decide, self.passes.advance]);
        order
    }
}

struct Buffers<'a> {
    x: &'a wgpu::Buffer,
    gradient: &'a wgpu::Buffer,
    partials: wgpu::Buffer,
    direction: wgpu::Buffer,
    memory: Memory,
}

impl<'a> Buffers<'a> {
    fn allocate(
        gpu: &Gpu,
        [history, slices]: [usize; 2],
        x: &'a wgpu::Buffer,
        gradient: &'a wgpu::Buffer,
    ) -> Result<Self, GpuError> {
        let vector = |label: &str| gpu.storage(label, x.size());
        let vectors = |label: &str| {
            (0..history)
                .map(|_| vector(label))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            partials: gpu.storage(
                "lbfgs partial sums",
                (rows(history).all * slices) as u64 * lbfgs::ROW_BYTES,
            )?,
            direction: vector("lbfgs direction")?,
            memory: Memory {
                state: gpu.storage("lbfgs state", lbfgs::STATE_BYTES)?,
                last_x: vector("lbfgs last picture")?,
                last_gradient: vector("lbfgs last gradient")?,
                s: vectors("lbfgs displacement")?,
                y: vectors("lbfgs gradient change")?,
            },
            x,
            gradient,
        })
    }

    fn bytes(&self) -> u64 {
        let Memory { state, s, y, .. } = &self.memory;
        let vectors = 3 + s.len() + y.len();
        vectors as u64 * self.x.size() + state.size() + self.partials.size()
    }
}
