//! Terms of an objective keep their proportions where pictures are larger.

use impasto::graph::Strategy;
use impasto::kernels::conv3x3::Preference;
use impasto::objective::{StyleTargets, StyleTerms, style_executable};
use impasto::paint::{CONTENT_PULL, StyleRecipe, at_scale, gatys, normalise_gradients};

use crate::support::{gpu, wait};
use crate::{network, picture};

/// The style term of `layer`, of those of `terms`, of a photograph beside a painting, both with the longer side `side`.
fn style_term(terms: &StyleTerms, layer: &str, side: usize, names: [&str; 2]) -> f64 {
    let network = network("vgg19");
    let layer = network.architecture.layer_index(layer).unwrap();
    let mut terms = terms.clone();
    terms.content.clear();
    terms.style.retain(|term| term.layer == layer);
    let [content, style] = names.map(|name| picture(name, side));
    let styles = [(style, 1.0)];
    let (way, plain) = (Preference::exact(), Strategy::default());
    let targets = StyleTargets::measure(gpu(), network, &terms, &content, &styles, &way, &plain);
    let targets = wait(gpu(), targets).unwrap();
    let size = [content.width, content.height];
    let executable = style_executable(gpu(), network, &terms, size, &targets, &way, &plain);
    let executable = executable.unwrap();
    executable.write_picture(gpu(), &content.rgb);
    executable.run(gpu());
    let totals = wait(gpu(), executable.read_totals(gpu())).unwrap();
    totals.iter().map(|&total| f64::from(total)).sum()
}

/// Gram matrices of deep layers shrink more than others where pictures are larger, since those are smoother to the
/// network: what is in proportion in a small picture is not in a large one, unless weights make up for it.
#[test]
fn the_terms_of_a_finish_keep_their_proportions_at_every_size() {
    let architecture = network("vgg19").architecture;
    let recipe = StyleRecipe::painterly(architecture);
    let finishing = |side| recipe.finishing(&recipe.terms, architecture, side);
    let plain = StyleTerms {
        style: gatys(architecture).style,
        ..finishing(256)
    };
    for side in [256, 300, 320] {
        assert_eq!(finishing(side), plain, "as they were chosen");
    }
    assert_eq!(
        finishing(1280),
        finishing(16_384),
        "no more than two doublings"
    );
    let pairs = [
        ["astronaut.png", "cafe_terrace_van_gogh.png"],
        ["chelsea.png", "church_at_auvers_van_gogh.png"],
    ];
    // The logarithm of how composition shrinks beside colour where the side doubles, in the mean.
    let change = |terms: &dyn Fn(usize) -> StyleTerms| {
        let of_pair = |names| {
            let proportion = |side| {
                let term = |layer| style_term(&terms(side), layer, side, names);
                term("relu5_1") / term("relu1_1")
            };
            (proportion(192) / proportion(96)).ln()
        };
        pairs.map(of_pair).iter().sum::<f64>() / pairs.len() as f64
    };
    let (left, evened) = (change(&|_| plain.clone()), change(&finishing));
    println!("{left:.3} left alone, {evened:.3} evened");
    assert!(left < -1.0, "{left} left alone");
    assert!(evened.abs() < 0.3, "{evened}");
}

/// Before the finish, content is held against moments where the picture is large; Gram matrices are as ever.
#[test]
fn scales_before_the_finish_hold_moments_in_proportion() {
    let architecture = network("vgg19").architecture;
    let grams = StyleRecipe::gatys(architecture).terms;
    let moments = StyleRecipe::painterly(architecture).terms;
    for side in [1, 128, 320, 512, 2048] {
        assert_eq!(at_scale(&grams, architecture, side), grams);
    }
    for side in [1, 128, 256, 320] {
        assert_eq!(at_scale(&moments, architecture, side), moments);
    }
    let large = at_scale(&moments, architecture, 640);
    let gained = large.content_weight / moments.content_weight;
    assert!((gained - 1.5).abs() < 1e-6, "content {gained}");
    let gains = large.style.iter().zip(&moments.style);
    let gains: Vec<f32> = gains
        .map(|(of, before)| of.weight / before.weight)
        .collect();
    assert!(gains.is_sorted() && gains[0] == 1.0, "{gains:?}");
    // A term in moments is of the second power of features, one in Gram matrices of the fourth.
    assert!((gains[4] - 4.8f32.sqrt()).abs() < 1e-5, "{gains:?}");
}

/// What terms pull with is what their weights say, at every size and in the finish: of what a recipe balances, and of what
/// it makes up for, nothing is left.
#[test]
fn pulls_are_the_same_at_every_size() {
    let architecture = network("vgg19").architecture;
    for recipe in [
        StyleRecipe::gatys(architecture),
        StyleRecipe::painterly(architecture),
    ] {
        let mut terms = recipe.terms.clone();
        normalise_gradients(&mut terms, architecture);
        // As the user may weigh them.
        terms.style[1].weight *= 3.0;
        let pull = terms.style[0].weight;
        let is_even = |terms: &StyleTerms| {
            let pull = terms.style[0].weight;
            let mut others = terms.style.iter().skip(2);
            others.all(|of| of.weight == pull) && terms.style[1].weight == 3.0 * pull
        };
        assert!(pull > 0.0 && is_even(&terms));
        for side in [64, 128, 320, 512, 2048] {
            assert_eq!(at_scale(&terms, architecture, side), terms);
            let finishing = recipe.finishing(&terms, architecture, side);
            assert!(finishing.normalised && is_even(&finishing));
            assert_eq!(finishing.content[0].weight, CONTENT_PULL);
            assert_eq!(finishing.content_weight, recipe.finish.content_weight);
            let small = recipe.finishing(&terms, architecture, 256);
            assert_eq!(finishing.style, small.style);
        }
    }
}
