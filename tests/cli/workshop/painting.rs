//! A run to which something happens on the way.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Outcome, Workshop};

/// A run that paints.
pub struct Painting(Child);

impl Painting {
    /// Starts the command, which writes the trace `t.csv`, and waits for its third step.
    pub fn start(workshop: &Workshop, command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        let (path, started) = (workshop.path("t.csv"), Instant::now());
        let steps = || std::fs::read_to_string(&path).map_or(0, |text| text.lines().count());
        while steps() < 4 {
            let waited = started.elapsed() < Duration::from_secs(60);
            assert!(
                waited && child.try_wait().unwrap().is_none(),
                "no third step"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        Self(child)
    }

    /// Lets something happen between two steps, while the run stands still.
    pub fn meanwhile(&self, happens: impl FnOnce()) {
        self.send("-STOP");
        happens();
        self.send("-CONT");
    }

    /// Sends a signal.
    pub fn send(&self, signal: &str) {
        let id = self.0.id().to_string();
        let kill = Command::new("kill").args([signal, &id]).status();
        assert!(kill.unwrap().success(), "the run was over before {signal}");
    }

    /// Waits for the end.
    pub fn end(self) -> Outcome {
        Outcome::of(self.0.wait_with_output().unwrap(), &[])
    }
}
