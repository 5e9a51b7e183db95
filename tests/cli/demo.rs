//! `impasto demo`: a picture without any argument.

use crate::workshop::Workshop;

#[test]
fn the_demo_needs_no_argument() {
    let workshop = Workshop::new();
    let outcome = workshop.succeed(&["demo", "--size", "32", "--iterations", "1"]);
    assert_eq!(workshop.names(), ["demo.png"]);
    let picture = workshop.picture("demo.png");
    assert_eq!(picture.width.max(picture.height), 32, "{outcome:?}");
    workshop.succeed(&[
        "demo",
        "--size",
        "32",
        "--iterations",
        "0",
        "-o",
        "my demo.jpg",
    ]);
    assert_eq!(workshop.names(), ["demo.png", "my demo.jpg"]);
}
