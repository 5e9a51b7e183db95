//! A device that goes, or has no more room, in the middle of a run.

mod support;

use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use impasto::gpu::{Gpu, GpuError, GpuOptions};
use impasto::graph::{Executable, Program, RunOptions, Tape};
use impasto::optim::{LbfgsSettings, Optimiser, OptimiserSettings, OptimiserState};
use impasto::paint::{Ending, Painting, Schedule, Standing, StepLosses, Watcher, descend};
use impasto::reference::samples::samples;
use support::{open, wait};

/// One test takes memory away from the whole process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Looks at a picture now and then, and does something to the device after step 7.
struct Saboteur<'a> {
    look_every: usize,
    act: &'a dyn Fn(),
    pictures: Vec<Standing>,
}

impl Watcher for Saboteur<'_> {
    fn losses(&mut self, losses: &[StepLosses]) -> ControlFlow<()> {
        if losses.iter().any(|losses| losses.step == 7) {
            (self.act)();
        }
        ControlFlow::Continue(())
    }

    fn wants_picture(&self, step: usize) -> bool {
        step.is_multiple_of(self.look_every)
    }

    fn picture(&mut self, step: usize, rgb: &[f32]) {
        let rgb = rgb.to_vec();
        self.pictures.push(Standing { step, rgb });
    }

    fn wants_state(&self, _: usize, _: bool) -> bool {
        false
    }

    fn state(&mut self, _: &Standing, _: OptimiserState) {}
}

/// Runs twenty steps with `act` after the seventh; the pictures that were looked at, and the end.
fn run(gpu: &Gpu, look_every: usize, act: &dyn Fn()) -> (Vec<Standing>, Painting) {
    let (width, height) = (7, 5);
    let mut tape = Tape::new(width, height);
    tape.tv_loss("tv", 1.0).unwrap();
    let program = Program::with_gradient(tape, gpu.binding_limit());
    let executable = Executable::build(gpu, program, &RunOptions::default()).unwrap();
    let gradient = executable.picture_gradient().unwrap();
    let rgb: Vec<f32> = samples(3, 3 * width * height)
        .iter()
        .map(|&value| value as f32)
        .collect();
    let settings = OptimiserSettings::Lbfgs(LbfgsSettings::default());
    let picture = executable.picture();
    let mut optimiser = Optimiser::new(gpu, settings, rgb.len(), picture, gradient).unwrap();
    let schedule = Schedule {
        iterations: 20,
        report_every: 1,
        snapshot_every: 100,
    };
    let mut watcher = Saboteur {
        look_every,
        act,
        pictures: Vec::new(),
    };
    let start = Standing { step: 0, rgb };
    let painting = descend(
        gpu,
        &executable,
        &mut optimiser,
        schedule,
        start,
        &mut watcher,
    );
    let painting = wait(gpu, painting);
    (watcher.pictures, painting)
}

fn failure(painting: &Painting) -> &GpuError {
    match &painting.ending {
        Ending::Failed(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_picture_outlives_the_device() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let gpu = open(&GpuOptions::default());
    let (pictures, painting) = run(&gpu, 2, &|| gpu.device().destroy());
    let error = failure(&painting);
    assert!(matches!(error, GpuError::DeviceLost { .. }), "{error}");
    assert_eq!(painting.standing.step, 6);
    assert_eq!(painting.standing, pictures[2]);
}

/// The memory really runs out: that of this process, which on a software adapter is the device's.
#[cfg(target_os = "linux")]
#[test]
fn a_full_memory_does_not_cost_the_newest_picture() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let gpu = open(&GpuOptions::default());
    if !gpu.adapter().is_software() {
        println!("skipped: the memory of a real GPU is not this process's to limit");
        return;
    }
    let (pictures, _) = run(&gpu, 1, &|| {});
    let take_too_much = || {
        limit_address_space("1000000000:");
        let _ = gpu.device().create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: gpu.limits().max_buffer_size,
            usage: wgpu::BufferUsages::STORAGE,
            mapped_at_creation: false,
        });
        limit_address_space("unlimited:");
    };
    let (_, painting) = run(&gpu, 100, &take_too_much);
    let error = failure(&painting);
    assert!(matches!(error, GpuError::MemoryExhausted), "{error}");
    // Nobody had looked at any picture yet.
    assert!(painting.standing.step >= 7);
    assert_eq!(painting.standing, pictures[painting.standing.step - 1]);
}

/// Sets the soft limit on the address space of this process.
#[cfg(target_os = "linux")]
fn limit_address_space(bytes: &str) {
    let process = std::process::id().to_string();
    let status = std::process::Command::new("prlimit")
        .args(["--pid", &process, &format!("--as={bytes}")])
        .status();
    assert!(status.unwrap().success());
}
