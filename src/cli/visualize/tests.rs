//! A sheet on a device that fails, which no flag can bring about.

use std::time::Duration;

use clap::Parser;
use impasto::gpu::{Gpu, GpuOptions};
use impasto::graph::Strategy;
use impasto::image::Picture;
use impasto::kernels::conv3x3::Preference;

use super::*;
use crate::cli::arguments::{Arguments, Command};
use crate::cli::cache::CachedGpu;
use crate::cli::failure::Code;

/// Steps of each picture.
const STEPS: usize = 20;

#[test]
fn a_lost_device_does_not_cost_the_pictures_that_are_done() {
    let folder = tempfile::tempdir().unwrap();
    let [output, checkpoint] = ["out.png", "run.checkpoint"].map(|name| folder.path().join(name));
    let words = format!(
        "impasto -q visualize --layer relu1_1 --grid 3,5 --size 32 --iterations {STEPS} --checkpoint-every 1"
    );
    let files = [("--output", &output), ("--checkpoint", &checkpoint)];
    let words = words.split(' ').map(Into::into);
    let files = files.map(|(flag, path)| [flag.into(), path.into()]);
    let words: Vec<std::ffi::OsString> = words.chain(files.into_iter().flatten()).collect();
    let arguments = Arguments::parse_from(words);
    let Command::Visualize(visualize) = &arguments.command else {
        unreachable!();
    };
    let common = &arguments.common;
    let gpu = pollster::block_on(Gpu::open(&GpuOptions::default())).unwrap();
    let gpu = CachedGpu::new(gpu, None, false);
    let device = gpu.device().clone();
    let failure = std::thread::scope(|scope| {
        scope.spawn(|| {
            let step = || crate::cli::checkpoint::read(&checkpoint).map(|kept| kept.standing.step);
            while !step().is_ok_and(|step| step > STEPS) {
                std::thread::sleep(Duration::from_millis(1));
            }
            device.destroy();
        });
        job(common, visualize, &gpu)
            .paint(common, &gpu)
            .unwrap_err()
    });
    assert_eq!(failure.code, Code::DeviceLost);
    for words in [
        "device was lost",
        "is saved with 1 of 2 pictures",
        "run.checkpoint` goes on",
    ] {
        assert!(failure.message.contains(words), "{}", failure.message);
    }
    let sheet = Picture::load(&output).unwrap();
    // The title, and a row of one picture with its label.
    assert_eq!(sheet.height, 32 + 32 + 16 + 8);
}

/// The job of these flags, every convolution in its plain form.
fn job<'a>(common: &Common, arguments: &'a VisualizeArguments, gpu: &Gpu) -> Job<'a> {
    let network = network::load(common).unwrap();
    let plan = Plan::new(common, arguments, &network).unwrap();
    let session = Session::default();
    let inputs = (plan.fingerprints(&network), &[][..]);
    let keeping = Keeping::new(common, &arguments.keeping, &session, inputs).unwrap();
    let goals = plan.goals(gpu, &network, arguments, None).unwrap();
    let objective = plan.objective_at(plan.size, &network, arguments, &goals);
    let visualisation = Visualisation::prepare(
        gpu,
        objective.unwrap(),
        plan.recipe.clone(),
        plan.size,
        (&Preference::exact(), &Strategy::default()),
    );
    Job {
        visualisation: visualisation.unwrap(),
        plan,
        goals,
        output: Output::file(&arguments.output, &[]).unwrap(),
        record: None,
        keeping,
        preview: None,
    }
}
