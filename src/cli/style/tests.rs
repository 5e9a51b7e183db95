//! Painting on a device that fails, which no flag can bring about.

use std::path::Path;
use std::time::Duration;

use impasto::gpu::{Gpu, GpuOptions};
use impasto::image::Picture;
use impasto::kernels::conv3x3::Preference;
use impasto::net::Network;
use impasto::objective::LayerWeight;
use impasto::optim::{LbfgsSettings, OptimiserSettings};
use impasto::paint::{Scale, Sources, Start, gatys};

use super::{Keeping, StyleJob, find_layer, paint};
use crate::cli::arguments::{Common, Rhythm};
use crate::cli::cache::CachedGpu;
use crate::cli::checkpoint::Inputs;
use crate::cli::failure::Code;
use crate::cli::flags::Options;
use crate::cli::network;
use crate::cli::pictures::Output;

const QUIET: Common = Common {
    model: String::new(),
    adapter: None,
    weights: None,
    quiet: true,
    verbose: false,
};

fn picture(width: usize, height: usize) -> Picture {
    Picture {
        width,
        height,
        rgb: (0..3 * width * height)
            .map(|i| (i % 23) as f32 / 23.0)
            .collect(),
    }
}

/// An endless run on layers near the picture, which keeps a checkpoint of every step.
fn job<'a>(network: &Network, output: &'a Path, checkpoint: &'a Path) -> StyleJob<'a> {
    let (content, styles) = (picture(20, 16), vec![(picture(18, 17), 1.0)]);
    let layer = find_layer(network.architecture, "relu1_2").unwrap();
    let mut terms = gatys(network.architecture);
    terms.content = vec![LayerWeight { layer, weight: 1.0 }];
    terms.style = terms.content.clone();
    StyleJob {
        terms,
        optimiser: OptimiserSettings::Lbfgs(LbfgsSettings::default()).into(),
        finish: None,
        memory: None,
        start: Start::Content,
        preference: Preference::default(),
        scales: vec![Scale {
            size: 20,
            steps: usize::MAX,
        }],
        average: 0.0,
        detail: 0.0,
        tolerance: 0.0,
        output: Output::file(output, &[]).unwrap(),
        save_every: None,
        trace: None,
        plot: None,
        preview: None,
        keeping: Some(Keeping {
            path: checkpoint,
            rhythm: Rhythm::Steps(1),
            inputs: Inputs::new(
                network,
                std::iter::once(&content).chain(styles.iter().map(|(style, _)| style)),
            ),
            options: Options::new(),
            left: Default::default(),
            in_place: false,
        }),
        record: None,
        resumed: None,
        is_dry: false,
        reckoned: None,
        sources: Sources {
            content,
            styles,
            style_scales: vec![1.0],
            style_side: None,
            multiple: 1,
        },
    }
}

#[test]
fn a_lost_device_costs_neither_the_picture_nor_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let [output, checkpoint] = ["out.png", "run.checkpoint"].map(|name| folder.path().join(name));
    let common = Common {
        model: "vgg19".to_string(),
        ..QUIET
    };
    let network = network::load(&common).unwrap();
    let gpu = pollster::block_on(Gpu::open(&GpuOptions::default())).unwrap();
    let gpu = CachedGpu::new(gpu, None, false);
    let device = gpu.device().clone();
    let failure = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !checkpoint.exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
            device.destroy();
        });
        let job = job(&network, &output, &checkpoint);
        paint(&common, &gpu, &network, job).unwrap_err()
    });
    assert_eq!(failure.code, Code::DeviceLost);
    for words in ["device was lost", "is saved as", "run.checkpoint` goes on"] {
        assert!(failure.message.contains(words), "{}", failure.message);
    }
    let saved = Picture::load(&output).unwrap();
    assert_eq!((saved.width, saved.height), (20, 16));
    let kept = crate::cli::checkpoint::read(&checkpoint).unwrap();
    assert!(kept.standing.step > 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
