//! Counts instructions in the text of AMD's assembly, as RADV prints it: labels `BB3:`, one instruction
//! a line, comments behind `;`.

use std::collections::HashMap;

/// Instructions of a kernel by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Vector instructions of the main loop, the halves of a dual one counted apart.
    pub vector: usize,
    /// Fused multiply-adds among them.
    pub fma: usize,
    /// Pairs in one instruction (RDNA3), in the whole kernel.
    pub dual: usize,
}

impl Counts {
    /// Multiply-adds per vector instruction of the main loop; none without such a loop.
    pub fn fma_share(&self) -> Option<f64> {
        (self.fma > 0).then(|| self.fma as f64 / self.vector as f64)
    }
}

/// Counts the instructions of `assembly`. The main loop is the stretch from a label to a branch back
/// to it that holds the most multiply-adds, the innermost one if there are several.
pub fn counts(assembly: &str) -> Counts {
    let lines: Vec<&str> = assembly
        .lines()
        .map(|line| line.split(';').next().unwrap_or_default().trim())
        .collect();
    let mut labels = HashMap::new();
    let mut main_loop: &[&str] = &[];
    for (index, line) in lines.iter().enumerate() {
        if let Some(label) = line.strip_suffix(':') {
            labels.insert(label, index);
        }
        let Some(&start) = branch_target(line).and_then(|target| labels.get(target)) else {
            continue;
        };
        let candidate = &lines[start..=index];
        let rank = |stretch: &[&str]| (multiply_adds(stretch), usize::MAX - stretch.len());
        if rank(candidate) > rank(main_loop) {
            main_loop = candidate;
        }
    }
    Counts {
        vector: operations(main_loop)
            .filter(|name| name.starts_with("v_"))
            .count(),
        fma: multiply_adds(main_loop),
        dual: lines
            .iter()
            .filter(|line| line.starts_with("v_dual_"))
            .count(),
    }
}

/// `BB1` of `s_cbranch_scc0 BB1`.
fn branch_target(line: &str) -> Option<&str> {
    let (name, target) = line.split_once(' ')?;
    let branches = name.starts_with("s_branch") || name.starts_with("s_cbranch");
    branches.then(|| target.trim())
}

/// Names of instructions; `::` joins the halves of a dual one.
fn operations<'a>(lines: &[&'a str]) -> impl Iterator<Item = &'a str> {
    let halves = lines.iter().flat_map(|line| line.split("::"));
    halves.filter_map(|half| half.split_whitespace().next())
}

fn multiply_adds(lines: &[&str]) -> usize {
    const NAMES: [&str; 4] = ["v_fma", "v_dual_fma", "v_pk_fma", "v_mad_f32"];
    operations(lines)
        .filter(|operation| NAMES.iter().any(|name| operation.starts_with(name)))
        .count()
}
