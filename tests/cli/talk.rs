//! What the command says: suggestions for what is misspelt, as much as -q and -v ask for, and no escape sequences where
//! nobody reads them.

use crate::workshop::{Outcome, Workshop};

/// On layers near the picture, because the depth of the network is nothing but time here.
fn style<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    let style = [
        "style",
        "content.png",
        "--style=style.png",
        "--recipe=gatys",
        "--style-layer=relu1_1",
        "--content-layer=relu1_1",
        "--iterations=12",
        "-o",
        "out.png",
    ];
    [&style[..], flags].concat()
}

#[test]
fn what_is_misspelt_is_answered_with_what_was_meant() {
    let workshop = Workshop::with_pictures();
    let picture = ["style", "content.png", "--style=style.png", "-o", "out.png"];
    for (wrong, words) in [
        (&["stile"][..], ["stile", "'style'"]),
        (&["inspect", "featurs"], ["featurs", "'features'"]),
        (&["weights", "lst"], ["lst", "'list'"]),
        (&["--itarations=3"], ["--itarations", "'--iterations'"]),
        (&["--recipe=gatis"], ["gatis", "'gatys'"]),
        (&["--preset=drafd"], ["drafd", "'draft'"]),
        (&["--optimizer=adan"], ["adan", "'adam'"]),
        (&["--style-loss=gramm"], ["gramm", "'gram'"]),
        (&["--color=conten"], ["conten", "did you mean content?"]),
        (&["--pooling=agv"], ["agv", "did you mean avg?"]),
        (&["--border=warp"], ["warp", "did you mean wrap?"]),
        (&["--model=vgg91"], ["vgg91", "did you mean vgg19?"]),
        (&["--style-layer=relu1_7"], ["relu1_7", "did you mean relu"]),
        (
            &["--content-layer=rleu4_2"],
            ["rleu4_2", "did you mean relu4_2"],
        ),
    ] {
        let is_flag = wrong[0].starts_with('-');
        let arguments = match is_flag {
            true => [&picture[..], wrong].concat(),
            false => wrong.to_vec(),
        };
        workshop.refuse(&arguments, 2, &words);
    }
    let dream = ["dream", "content.png", "-o", "out.png", "--preset=classik"];
    workshop.refuse(&dream, 2, &["classik", "'classic'"]);
}

#[test]
fn quiet_runs_say_nothing_and_verbose_ones_more() {
    let workshop = Workshop::with_pictures();
    let quiet = workshop.succeed(&style(&["-q"]));
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    let usual = workshop.succeed(&style(&[]));
    let verbose = workshop.succeed(&style(&["-v"]));
    assert!(!usual.stderr.contains("forecast"), "{usual:?}");
    assert!(verbose.stderr.contains("forecast"), "{verbose:?}");
    let lines = |outcome: &Outcome| outcome.stderr.lines().count();
    assert!(lines(&usual) > 2 && lines(&verbose) > lines(&usual));
    // Errors are said all the same, and both at once is a mistake.
    workshop.refuse(&style(&["-q", "--memory=1MiB"]), 5, &["--memory"]);
    workshop.refuse(&style(&["-q", "-v"]), 2, &["--quiet"]);
}

#[test]
fn no_escape_sequences_go_where_no_terminal_is() {
    let workshop = Workshop::with_pictures();
    for flags in [&[][..], &["-v"], &["--no-such-flag"], &["--help"]] {
        let outcome = workshop.run(&style(flags));
        assert!(!outcome.stderr.contains('\x1b'), "{outcome:?}");
        assert!(!outcome.stdout.contains('\x1b'), "{outcome:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_terminal_has_a_bar_with_escape_sequences_unless_no_color_is_set() {
    use crate::workshop::terminal::in_terminal;

    let workshop = Workshop::with_pictures();
    let run = |variable: Option<(&str, &str)>| {
        let mut command = workshop.command(&style(&[]));
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
        command.envs(variable);
        let (said, status) = in_terminal(&mut command);
        assert!(status.success(), "{said}");
        assert!(said.contains("/12  loss "), "no bar in {said:?}");
        assert!(said.contains("out.png after 12 steps"), "{said:?}");
        said
    };
    assert!(run(None).contains('\x1b'));
    // Set and empty is not set.
    assert!(run(Some(("NO_COLOR", ""))).contains('\x1b'));
    let plain = run(Some(("NO_COLOR", "1")));
    assert!(!plain.contains('\x1b'), "{plain:?}");
    let plain = run(Some(("TERM", "dumb")));
    assert!(!plain.contains('\x1b'), "{plain:?}");
}

/// A number below zero is a value of its flag, and no flag of its own.
#[test]
fn negative_numbers_are_refused_by_the_name_of_their_flag() {
    let workshop = Workshop::with_pictures();
    let style = ["style", "content.png", "--style=style.png", "-o", "out.png"];
    for flag in [
        "--seed",
        "--finish",
        "--history",
        "--save-every",
        "--smallest",
        "--size",
    ] {
        let arguments = [&style[..], &[flag, "-1"]].concat();
        workshop.refuse(&arguments, 2, &[flag, "-1", "`impasto style --help`"]);
    }
    let dream = ["dream", "content.png", "-o", "out.png"];
    for flag in ["--jitter", "--octaves", "--fps", "--seed"] {
        let arguments = [&dream[..], &[flag, "-1"]].concat();
        workshop.refuse(&arguments, 2, &[flag, "-1", "`impasto dream --help`"]);
    }
}

#[test]
fn help_is_a_word_too() {
    let workshop = Workshop::new();
    for (words, flags) in [
        (&["help"][..], &["--help"][..]),
        (&["help", "style"], &["style", "--help"]),
        (&["help", "inspect", "plan"], &["inspect", "plan", "--help"]),
    ] {
        let [said, wanted] = [words, flags].map(|words| workshop.succeed(words).stdout);
        assert!(said == wanted && said.contains("Usage: impasto"), "{said}");
    }
    workshop.refuse(&["help", "stile"], 2, &["stile", "'style'"]);
}

/// What clap and Rust say of values is for those who know them.
#[test]
fn advice_on_values_holds() {
    let workshop = Workshop::with_pictures();
    let picture = ["style", "--style=style.png", "-o", "out.png"];
    let with = |words: &[&'static str]| [&picture[..], words].concat();
    let dash = ["--flag=-value", "./-name"];
    workshop.refuse(&with(&["-dash.png"]), 2, &dash);
    workshop.refuse(&with(&["content.png", "--seed", "-x"]), 2, &dash);
    workshop.refuse(&with(&["./-dash.png"]), 4, &["-dash.png` does not exist"]);
    let size = |size| with(&["content.png", "--size", size]);
    workshop.refuse(&size("48x36"), 2, &["'48x36'", "it is no whole number"]);
    let seed = with(&["content.png", "--seed=99999999999999999999"]);
    workshop.refuse(&seed, 2, &["it is too large"]);
}

#[test]
fn flags_that_do_nothing_are_named() {
    let workshop = Workshop::with_pictures();
    let noted = |flags: &[&str], note: &str| {
        let outcome = workshop.succeed(&style(&[flags, &["--dry-run"]].concat()));
        outcome.stderr.contains(note)
    };
    let history = "note: --history 7 does nothing here";
    assert!(!noted(&["--history=7"], history));
    let adam = ["--history=7", "--optimizer=adam"];
    assert!(noted(&adam, history));
    assert!(!noted(&[&adam[..], &["--finish=3"]].concat(), history));
    let detail = "note: --detail 0.5 does nothing here";
    assert!(noted(&["--detail=0.5"], detail));
    assert!(!noted(&["--detail=0.5", "--scales=2"], detail));
}
