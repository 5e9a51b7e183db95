//! A tape that does not fit together is refused while it is written, and the message names the node.

use impasto::graph::{Tape, TapeError};
use impasto::kernels::pool2::Pooling;
use impasto::shape::Shape;

use crate::sample_tapes::{filter, transform};

#[test]
fn shape_errors_name_the_node() {
    let mut tape = Tape::new(5, 3);
    let input = tape.picture_input("input", transform()).unwrap();
    let gram_of_eight = tape.constant_gram("eight", 8);
    let map = tape.constant_map("target", Shape::new(3, 5, 5));
    let names = |error: TapeError, node: &str, value: &str| {
        let message = error.to_string();
        assert!(message.contains(&format!("`{node}`")), "{message}");
        assert!(message.contains(value), "{message}");
    };
    let picture = tape.picture();
    names(
        tape.conv3x3("conv", picture, filter(1, 3, 4), true)
            .unwrap_err(),
        "conv",
        "`picture`",
    );
    names(
        tape.conv3x3("conv", input, filter(1, 4, 4), true)
            .unwrap_err(),
        "conv",
        "4 channels",
    );
    names(
        tape.relu("relu", gram_of_eight).unwrap_err(),
        "relu",
        "`eight`",
    );
    names(tape.gram("gram", input).unwrap_err(), "gram", "`input`");
    names(
        tape.content_loss("content", input, map, 1.0).unwrap_err(),
        "content",
        "`target`",
    );
    names(
        tape.style_loss("style", input, gram_of_eight, 1.0)
            .unwrap_err(),
        "style",
        "`input`",
    );
    names(
        tape.dream_loss("dream", gram_of_eight, 1.0).unwrap_err(),
        "dream",
        "`eight`",
    );
    let pooled = tape.pool("pool1", input, Pooling::Max).unwrap();
    names(
        tape.pool("pool2", pooled, Pooling::Max).unwrap_err(),
        "pool2",
        "3×1×2",
    );
    names(tape.relu("pool1", input).unwrap_err(), "pool1", "two nodes");

    let conv = tape.conv3x3("conv", input, filter(1, 3, 4), true).unwrap();
    let gram = tape.gram("gram", conv).unwrap();
    let error = tape
        .style_loss("style", gram, gram_of_eight, 1.0)
        .unwrap_err();
    names(error, "style", "a Gram matrix of 4 channels");
    // The gradient of a style loss goes to the matrix, and that of a total variation to the picture.
    let target = tape.constant_gram("of the style", 4);
    let style = tape.style_loss("style", gram, target, 1.0).unwrap();
    let tv = tape.tv_loss("tv", 1.0).unwrap();
    for (value, name) in [
        (style, "style"),
        (tv, "tv"),
        (conv, "conv"),
        (target, "of the style"),
        (picture, "picture"),
    ] {
        names(tape.normalise(value, 1.0).unwrap_err(), name, "normalised");
    }
    tape.normalise(gram, 1.0).unwrap();
}
