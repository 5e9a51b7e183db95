use super::*;

fn file(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures/proof");
    std::fs::read(folder.join(name)).unwrap()
}

fn proofed(profile: &[u8], mut picture: Picture) -> Picture {
    Proof::new(profile, "press.icc")
        .unwrap()
        .apply(&mut picture);
    picture
}

fn chart() -> Picture {
    Picture::decode(&file("chart.png"), "chart.png").unwrap()
}

/// Differences in steps of 8 bits: their mean, and the largest.
fn away(one: &Picture, other: &Picture) -> (f32, f32) {
    let pairs = one.rgb.iter().zip(&other.rgb);
    let steps = pairs.map(|(a, b)| 255.0 * (a - b).abs());
    let most = steps.clone().fold(0.0, f32::max);
    (steps.sum::<f32>() / one.rgb.len() as f32, most)
}

/// Little CMS rounds inks and colours to 8 bits there, which alone makes a quarter of a step in the mean and, where little
/// ink changes a dark colour much, one or two; both interpolate in tetrahedra, but in tables of other sizes.
#[test]
fn a_chart_is_proofed_as_little_cms_does_it() {
    let theirs = Picture::decode(&file("chart_proofed.png"), "chart_proofed.png").unwrap();
    let (mean, most) = away(&proofed(&file("press.icc"), chart()), &theirs);
    assert!(mean < 0.4 && most < 2.5, "{mean} {most}");
    let (mean, most) = away(&chart(), &theirs);
    assert!(mean > 20.0 && most > 100.0, "{mean} {most}");
}

#[test]
fn what_a_table_holds_does_not_depend_on_the_version_of_its_profile() {
    let second = file("press.icc");
    let mut fourth = second.clone();
    assert_eq!(second[MAJOR_VERSION], SECOND);
    fourth[MAJOR_VERSION] = FOURTH;
    assert!(proofed(&second, chart()) == proofed(&fourth, chart()));
}

#[test]
fn steps_finer_than_eight_bits_stay() {
    let ramp: Vec<f32> = (0..3 * 1000)
        .map(|at| 0.5 + (at % 1000) as f32 / 65_535.0)
        .collect();
    let ramp = Picture {
        width: 1000,
        height: 1,
        rgb: ramp,
    };
    let shown = proofed(&file("press.icc"), ramp);
    let mut steps = shown.rgb[..1000].to_vec();
    steps.dedup();
    assert!(steps.len() > 900, "{}", steps.len());
}

#[test]
fn a_device_that_takes_rgb_is_proofed_too() {
    let (mean, most) = away(&proofed(&SRGB, chart()), &chart());
    assert!(mean < 0.1 && most < 0.5, "{mean} {most}");
    let wide = ColorProfile::new_display_p3().encode().unwrap();
    let (mean, most) = away(&proofed(&wide, chart()), &chart());
    assert!(mean < 0.1 && most < 0.5, "{mean} {most}");
}

#[test]
fn what_is_no_place_for_colours_is_refused() {
    let refusal = |bytes: &[u8]| {
        Proof::new(bytes, "a.icc")
            .err()
            .map(|error| error.to_string())
    };
    let is_no_profile = |bytes: &[u8]| {
        let message = refusal(bytes).unwrap();
        assert!(
            message.contains("`a.icc` is no sound ICC profile"),
            "{message}"
        );
    };
    is_no_profile(b"");
    is_no_profile(b"no profile");
    is_no_profile(&file("chart.png"));
    is_no_profile(&file("press.icc")[..100]);
    let is_no_destination = |bytes: &[u8]| {
        let message = refusal(bytes).unwrap();
        assert!(message.contains("no colours can be converted"), "{message}");
    };
    is_no_destination(&ColorProfile::new_gray_with_gamma(2.2).encode().unwrap());
    for direction in [b"A2B0", b"B2A0"] {
        let mut lacking = file("press.icc");
        let found = lacking.windows(4).position(|tag| tag == direction);
        lacking[found.unwrap()] = b'x';
        is_no_destination(&lacking);
    }
    let missing = Proof::load(Path::new("no such.icc")).err().unwrap();
    assert!(missing.to_string().contains("`no such.icc` cannot be read"));
}

#[test]
fn damaged_profiles_never_panic() {
    let whole = file("press.icc");
    let few = || Picture {
        width: 3,
        height: 1,
        rgb: vec![0.0, 0.5, 1.0, 0.2, 1.0, 0.0, 0.9, 0.1, 1.0],
    };
    let look = |bytes: &[u8]| {
        if let Ok(proof) = Proof::new(bytes, "") {
            let mut picture = few();
            proof.apply(&mut picture);
            assert!(picture.rgb.iter().all(|value| (0.0..=1.0).contains(value)));
        }
    };
    for length in (0..whole.len()).step_by(997).chain(0..300) {
        look(&whole[..length]);
    }
    // The head, the list of tags and the heads of both tables.
    let mft = |kind: &[u8]| whole.windows(4).position(|tag| tag == kind).unwrap();
    let tables = [mft(b"mft2"), mft(b"mft1")].map(|start| start..start + 60);
    for at in (0..220).chain(tables.into_iter().flatten()).step_by(3) {
        for value in [0, 3, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] = value;
            look(&damaged);
        }
    }
}
