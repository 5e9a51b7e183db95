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

/// Total variation and nothing else.
fn executable(gpu: &Gpu, width: usize, height: usize) -> Executable {
    let mut tape = Tape::new(width, height);
    tape.tv_loss("tv", 1.0).unwrap();
    let program = Program::with_gradient(tape, gpu.binding_limit());
    Executable::build(gpu, program, &RunOptions::default()).unwrap()
}

/// Runs twenty steps with `act` after the seventh; the pictures that were looked at, and the end.
fn run(gpu: &Gpu, look_every: usize, act: &dyn Fn()) -> (Vec<Standing>, Painting) {
    let (width, height) = (7, 5);
    let executable = executable(gpu, width, height);
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

mod dreams {
    use super::*;
    use impasto::image::Picture;
    use impasto::kernels::conv3x3::Preference;
    use impasto::kernels::pool2::Pooling;
    use impasto::objective::{DreamTape, DreamTerms, LayerWeight};
    use impasto::optim::{AscentSettings, Smoothing};
    use impasto::paint::{
        DreamChoices, DreamStanding, DreamStart, DreamWatcher, Dreamt, Octave, Way, dream,
    };
    use support::network;

    const SIZES: [[usize; 2]; 2] = [[17, 13], [24, 18]];
    const STEPS: usize = 4;

    /// Takes the device away after a step, or before the first if that is 0.
    struct Thief<'a> {
        gpu: &'a Gpu,
        takes_after: usize,
        looks_after: usize,
        standings: Vec<DreamStanding>,
    }

    impl DreamWatcher for Thief<'_> {
        fn octave_begins(&mut self, _: usize, _: &Executable) {
            if self.takes_after == 0 {
                self.gpu.device().destroy();
            }
        }

        fn losses(&mut self, step: usize, _: &[f32]) -> ControlFlow<()> {
            if step == self.takes_after {
                self.gpu.device().destroy();
            }
            ControlFlow::Continue(())
        }

        fn wants_losses(&self, _: usize) -> bool {
            true
        }

        fn wants_state(&self, step: usize, _: bool) -> bool {
            step == self.looks_after
        }

        fn state(&mut self, standing: DreamStanding, _: bool) {
            self.standings.push(standing);
        }
    }

    fn photograph() -> Picture {
        let [width, height] = SIZES[1];
        let values = samples(3, 3 * width * height).into_iter();
        Picture {
            width,
            height,
            rgb: values.map(|value| (0.5 + 0.2 * value) as f32).collect(),
        }
    }

    /// What is left of a dream that loses its device after a step, and what was looked at after another.
    fn dreamt(
        start: DreamStart,
        [takes_after, looks_after]: [usize; 2],
    ) -> (Dreamt, Vec<DreamStanding>) {
        let gpu = open(&GpuOptions::default());
        let network = network("vgg19");
        let layer = network.architecture.layer_index("relu1_2").unwrap();
        let terms = DreamTerms::of(&[LayerWeight { layer, weight: 1.0 }], Pooling::Max);
        let octaves = SIZES.map(|size| {
            let tape = DreamTape::new(network, &terms, size).unwrap().tape;
            let way = Way::all(&tape, &Preference::exact(), 128 << 20).remove(0);
            Octave {
                size,
                way,
                guide: None,
            }
        });
        let choices = DreamChoices {
            octaves: octaves.into(),
            terms,
            guide: None,
            mask: None,
            ascent: AscentSettings {
                step: 0.02,
                jitter: 2,
                seed: 7,
                smoothing: Smoothing::None,
                clamp: true,
            },
            iterations: STEPS,
        };
        let mut thief = Thief {
            gpu: &gpu,
            takes_after,
            looks_after,
            standings: Vec::new(),
        };
        let photograph = photograph();
        let dreaming = dream(&gpu, network, &choices, &photograph, start, &mut thief);
        let dreamt = wait(&gpu, dreaming);
        (dreamt, thief.standings)
    }

    /// The largest difference of two pictures.
    fn distance(a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len());
        let far = a.iter().zip(b).map(|(a, b)| (a - b).abs());
        far.fold(0.0, f32::max)
    }

    /// Its step is the last that was read back, and not the last that was made.
    #[test]
    fn the_picture_that_was_read_last_outlives_the_device_with_its_step() {
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let anew = || DreamStart::Anew { after: 0 };
        // In the second octave, where nobody looked but at the end of the first.
        let (left, _) = dreamt(anew(), [STEPS + 2, usize::MAX]);
        assert!(matches!(left.ending, Ending::Failed(_)), "{left:?}");
        assert_eq!(left.step, STEPS);
        assert!(distance(&left.picture.rgb, &photograph().rgb) > 0.02);
        // Where somebody did.
        let (left, looks) = dreamt(anew(), [STEPS + 3, STEPS + 2]);
        assert_eq!(left.step, STEPS + 2);
        assert!(distance(&left.picture.rgb, &looks[0].standing.rgb) < 1e-6);
    }

    #[test]
    fn a_dream_that_cannot_go_on_stands_where_it_stood() {
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let stood = DreamStanding {
            octave: 1,
            standing: Standing {
                step: STEPS + 1,
                rgb: photograph().rgb.iter().map(|value| 0.9 * value).collect(),
            },
        };
        let start = DreamStart::Resumed(stood.clone());
        let (left, _) = dreamt(start, [0, usize::MAX]);
        assert!(matches!(left.ending, Ending::Failed(_)), "{left:?}");
        assert_eq!(left.step, STEPS + 1);
        assert!(distance(&left.picture.rgb, &stood.standing.rgb) < 1e-6);
    }
}

/// The memory of a software adapter is that of this process, so that it can really be made to run out.
#[cfg(target_os = "linux")]
mod full_memory {
    use super::*;

    /// The adapter if it is a software one; nothing, and a line that says so, on a real GPU.
    fn software_gpu() -> Option<Gpu> {
        let gpu = open(&GpuOptions::default());
        if gpu.adapter().is_software() {
            return Some(gpu);
        }
        println!("skipped: the memory of a real GPU is not this process's to limit");
        None
    }

    /// Does `work` where this process may take no more than 500 MiB beyond what it has.
    fn with_little_room(work: impl FnOnce()) {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
        limit_address_space(&format!("{}:", 4096 * pages + (500 << 20)));
        work();
        limit_address_space("unlimited:");
    }

    /// Sets the soft limit on the address space of this process.
    fn limit_address_space(bytes: &str) {
        let process = std::process::id().to_string();
        let status = std::process::Command::new("prlimit")
            .args(["--pid", &process, &format!("--as={bytes}")])
            .status();
        assert!(status.unwrap().success());
    }

    #[test]
    fn a_run_that_does_not_fit_is_refused_before_its_first_step() {
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(gpu) = software_gpu() else {
            return;
        };
        let executable = executable(&gpu, 2048, 2048);
        let (picture, values) = (executable.picture(), 3 * 2048 * 2048);
        // 40 vectors of 48 MiB and some.
        let settings = OptimiserSettings::Lbfgs(LbfgsSettings::default());
        let gradient = executable.picture_gradient().unwrap();
        with_little_room(|| {
            let error = Optimiser::new(&gpu, settings, values, picture, gradient).err();
            let Some(GpuError::OutOfMemory { label, mebibytes }) = error else {
                panic!("{error:?}");
            };
            assert!(label.starts_with("lbfgs"), "{label}");
            assert_eq!(mebibytes, 48);
        });
        // The device is as good as before.
        assert!(Optimiser::new(&gpu, settings, values, picture, gradient).is_ok());
    }

    #[test]
    fn the_newest_picture_outlives_a_full_memory() {
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(gpu) = software_gpu() else {
            return;
        };
        let (pictures, _) = run(&gpu, 1, &|| {});
        let takes_too_much = || {
            with_little_room(|| {
                let _ = gpu.device().create_buffer(&wgpu::BufferDescriptor {
                    label: None,
                    size: gpu.limits().max_buffer_size.min(2 << 30),
                    usage: wgpu::BufferUsages::STORAGE,
                    mapped_at_creation: false,
                });
            });
        };
        let (_, painting) = run(&gpu, 100, &takes_too_much);
        let error = failure(&painting);
        assert!(matches!(error, GpuError::MemoryExhausted), "{error}");
        // Nobody had looked at any picture yet.
        assert!(painting.standing.step >= 7);
        assert_eq!(painting.standing, pictures[painting.standing.step - 1]);
    }
}
