//! Sharing buffers changes no bit, on tapes that nobody thought of.

use impasto::graph::{Executable, RunOptions, Tape, ValueId};
use impasto::kernels::pool2::Pooling;
use proptest::collection::vec;
use proptest::prelude::*;

use super::sample_tapes::{Constants, HEIGHT, WIDTH, draw, draw_gram, filter, picture, transform};
use super::support::gpu;
use super::{bits, build, run};

/// A layer, and whether losses look at it.
#[derive(Clone, Debug)]
struct Layer {
    kind: Kind,
    /// With whether their gradients are normalised.
    looks: Vec<(Look, bool)>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Convolution { groups: usize, relu: bool },
    Relu,
    Pool(Pooling),
}

#[derive(Clone, Copy, Debug)]
enum Look {
    Content,
    Style,
    Dream,
}

fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let convolution = (1..5usize, any::<bool>());
    let kind = prop_oneof![
        4 => convolution.prop_map(|(groups, relu)| Kind::Convolution { groups, relu }),
        1 => Just(Kind::Relu),
        1 => Just(Kind::Pool(Pooling::Max)),
        1 => Just(Kind::Pool(Pooling::Average)),
        1 => Just(Kind::Pool(Pooling::L2)),
    ];
    let look = prop_oneof![Just(Look::Content), Just(Look::Style), Just(Look::Dream)];
    let layer =
        (kind, vec((look, any::<bool>()), 0..3)).prop_map(|(kind, looks)| Layer { kind, looks });
    vec(layer, 1..8)
}

/// The layers one after the other; a pooling of nothing is passed over, and the last layer is always looked at.
fn tape(layers: &[Layer]) -> (Tape, Constants) {
    let mut tape = Tape::new(WIDTH, HEIGHT);
    let mut constants = Constants::new();
    let mut here = tape.picture_input("input", transform()).unwrap();
    let first = filter(1, 3, 8);
    here = tape.conv3x3("first", here, first, true).unwrap();
    for (index, layer) in layers.iter().enumerate() {
        let channels = tape.shape(here).unwrap().channels;
        let name = format!("layer {index}");
        let next = match layer.kind {
            Kind::Convolution { groups, relu } => {
                let filter = filter(10 + index as u64, channels, 4 * groups);
                tape.conv3x3(&name, here, filter, relu)
            }
            Kind::Relu => tape.relu(&name, here),
            Kind::Pool(pooling) => tape.pool(&name, here, pooling),
        };
        here = next.unwrap_or(here);
        for (at, &(look, is_normalised)) in layer.looks.iter().enumerate() {
            let name = format!("{index}.{at}");
            let head = look_at(&mut tape, &mut constants, here, look, &name);
            if is_normalised {
                tape.normalise(head, 4.0).unwrap();
            }
        }
    }
    tape.dream_loss("last", here, 1.5).unwrap();
    (tape, constants)
}

/// Returns what looks at the map itself.
fn look_at(
    tape: &mut Tape,
    constants: &mut Constants,
    map: ValueId,
    look: Look,
    name: &str,
) -> ValueId {
    let shape = tape.shape(map).unwrap();
    match look {
        Look::Content => {
            let target = tape.constant_map(&format!("target {name}"), shape);
            constants.insert(target, draw(5, shape.len()));
            tape.content_loss(&format!("content {name}"), map, target, 2.0)
        }
        Look::Style => {
            let gram = tape.gram(&format!("gram {name}"), map).unwrap();
            let target = tape.constant_gram(&format!("target {name}"), shape.channels);
            constants.insert(target, draw_gram(6, shape.channels));
            let loss = tape.style_loss(&format!("style {name}"), gram, target, 3.0);
            loss.map(|_| gram)
        }
        Look::Dream => tape.dream_loss(&format!("dream {name}"), map, -0.5),
    }
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn sharing_buffers_changes_no_bit_of_any_tape(layers in layers()) {
        let (tape, constants) = tape(&layers);
        let built = |share_buffers: bool| -> Executable {
            let options = RunOptions { share_buffers, ..RunOptions::default() };
            build(gpu(), &tape, &constants, &options)
        };
        let (shared, alone) = (built(true), built(false));
        prop_assert!(shared.memory().planned <= alone.memory().planned);
        // The first run leaves its numbers in the shared buffers.
        for seed in [71, 72] {
            let [left, right] = [&shared, &alone].map(|executable| run(gpu(), executable, &picture(seed)));
            prop_assert_eq!(bits(&left.0), bits(&right.0));
            prop_assert_eq!(bits(&left.1), bits(&right.1));
        }
    }
}
