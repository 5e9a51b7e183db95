//! `impasto dream --zoom` beside frames that are not its own, or no pictures any more.

use crate::workshop::Workshop;
use impasto::image::PictureFile;

/// A zoom of a moment to `output`.
fn zoom<'a>(output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let words = "dream content.png --layer relu1_1 --octaves 1 --iterations 1 --zoom 3";
    let words = words.split(' ').chain(["-o", output]);
    words.chain(more.iter().copied()).collect()
}

/// A picture of 32×24 to dream of.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    workshop.paint("content.png", 32, 24, 0);
    workshop
}

#[test]
fn a_frame_of_another_size_is_refused() {
    let workshop = workshop();
    workshop.paint("z-0002.png", 24, 32, 1);
    let expected = ["`z-0002.png` is 24×32", "32×24", "delete it"];
    for more in [&[][..], &["--no-record"], &["--dry-run"]] {
        workshop.refuse(&zoom("z.webp", more), 4, &expected);
    }
    // Where no frame is gone on from it, a film would show it all the same.
    let last = zoom("z.gif", &["--no-record", "--frames=1..1"]);
    workshop.refuse(&last, 4, &expected);
    let frames_alone = zoom("z.png", &["--no-record", "--frames=1..1"]);
    workshop.succeed(&frames_alone);
    // Formats without records have a size as well.
    workshop.paint("b-0003.bmp", 24, 32, 1);
    workshop.refuse(&zoom("b.bmp", &[]), 4, &["`b-0003.bmp` is 24×32"]);
}

#[test]
fn a_frame_without_a_record_is_no_frame_of_a_dream_that_keeps_them() {
    let workshop = workshop();
    workshop.paint("z-0002.png", 32, 24, 1);
    let expected = ["`z-0002.png` has no record", "delete it", "--no-record"];
    workshop.refuse(&zoom("z.gif", &[]), 4, &expected);
    let foreign = workshop.read("z-0002.png");
    workshop.succeed(&zoom("z.gif", &["--no-record"]));
    assert!(workshop.read("z-0002.png") == foreign);
    // Where frames hold no record, none is missed.
    workshop.succeed(&zoom("b.bmp", &["--frames=1..2"]));
    let outcome = workshop.succeed(&zoom("b.bmp", &[]));
    let said = "frames that are there already: 2";
    assert!(outcome.stderr.contains(said), "{outcome:?}");
}

/// What nobody can fetch again, the program makes again.
#[test]
fn a_damaged_frame_is_to_be_deleted_and_made_again() {
    let workshop = workshop();
    workshop.succeed(&zoom("z.gif", &[]));
    let [sound, film] = ["z-0002.png", "z.gif"].map(|name| workshop.read(name));
    for damaged in [&sound[..sound.len() / 2], b"", b"no picture"] {
        workshop.write("z-0002.png", damaged);
        let expected = ["`z-0002.png`", "delete it", "makes it again"];
        workshop.refuse(&zoom("z.gif", &[]), 4, &expected);
    }
    std::fs::remove_file(workshop.path("z-0002.png")).unwrap();
    workshop.succeed(&zoom("z.gif", &[]));
    assert!(workshop.read("z-0002.png") == sound && workshop.read("z.gif") == film);
}

/// What is transparent in the frames is so in a film that can hold it.
#[test]
fn a_film_keeps_opacity_or_says_that_it_cannot() {
    let workshop = Workshop::new();
    workshop.fetch("tests/pictures/transparent.png", "content.png");
    let outcome = workshop.succeed(&zoom("z.webp", &[]));
    assert!(!outcome.stderr.contains("transparency"), "{outcome:?}");
    let alpha = |name: &str| {
        PictureFile::load(&workshop.path(name))
            .unwrap()
            .attachments
            .alpha
    };
    let first = alpha("z-0001.png");
    assert!(first.is_some() && first == alpha("z.webp"));
    let outcome = workshop.succeed(&zoom("z.gif", &[]));
    let note = "note: `z.gif` cannot hold transparency, so its frames are laid over white";
    assert!(outcome.stderr.contains(note), "{outcome:?}");
}
