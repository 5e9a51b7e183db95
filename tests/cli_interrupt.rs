//! Ctrl-C while `impasto style` paints.
#![cfg(unix)]

mod cli_support;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cli_support::{Outcome, Workshop};

const STYLE: [&str; 6] = [
    "style",
    "content.png",
    "--style",
    "style.png",
    "-o",
    "out.png",
];

fn start(workshop: &Workshop, flags: &[&str]) -> Child {
    let endless = ["--iterations", "1000000", "--trace", "t.csv"];
    workshop
        .command(&[&STYLE[..], &endless, flags].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_until(child: &mut Child, what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        if started.elapsed() > Duration::from_secs(60) || child.try_wait().unwrap().is_some() {
            let _ = child.kill();
            panic!("the run ended or took too long before {what}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn send(signal: &str, child: &Child) {
    let id = child.id().to_string();
    let status = Command::new("kill").args([signal, &id]).status().unwrap();
    assert!(status.success());
}

fn paint_and_stop(workshop: &Workshop, signal: &str) -> Outcome {
    let mut child = start(workshop, &[]);
    let path = workshop.path("t.csv");
    wait_until(&mut child, "its third step", || {
        std::fs::read_to_string(&path).is_ok_and(|text| text.lines().count() > 3)
    });
    send(signal, &child);
    Outcome::of(child.wait_with_output().unwrap(), &STYLE)
}

#[test]
fn what_was_painted_so_far_is_saved_whole() {
    for signal in ["-INT", "-TERM"] {
        let workshop = Workshop::with_pictures();
        workshop.write("out.png", b"what was here before");
        let [content, style] = ["content.png", "style.png"].map(|name| workshop.read(name));
        let outcome = paint_and_stop(&workshop, signal);
        outcome.refused(130, &["interrupted after step", "`out.png`", "saved"]);
        let picture = workshop.picture("out.png");
        assert_eq!((picture.width, picture.height), (40, 32));
        assert!(picture.rgb != workshop.picture("content.png").rgb);
        let trace = String::from_utf8(workshop.read("t.csv")).unwrap();
        assert!(trace.ends_with('\n'), "{trace}");
        let steps = trace.lines().count() - 1;
        let said = format!("after step {steps};");
        assert!(outcome.stderr.contains(&said), "{steps} rows, {outcome:?}");
        assert!(workshop.read("content.png") == content);
        assert!(workshop.read("style.png") == style);
        assert_eq!(
            workshop.names(),
            ["content.png", "out.png", "style.png", "t.csv"]
        );
    }
}
