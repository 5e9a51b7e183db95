//! Weights stay on the device from one executable to the next that wants them, and no longer.

use impasto::gpu::{Gpu, GpuOptions};
use impasto::graph::{Executable, Program, RunOptions, Tape};
use impasto::kernels::conv3x3::{Preference, Variant};
use impasto::kernels::pool2::Pooling;
use impasto::shape::Border;

use crate::pooling::{picture, pooling_variants, tape};
use crate::support::open;
use crate::{bits, run};

fn build(gpu: &Gpu, tape: &Tape, variant: Variant) -> Executable {
    let program = Program::with_gradient(tape.clone(), gpu.binding_limit());
    let options = RunOptions {
        preference: Preference {
            wish: Some(variant),
            ..Preference::default()
        },
        ..RunOptions::default()
    };
    Executable::build(gpu, program, &options).unwrap()
}

/// Bytes on the device, once it has done with everything.
fn held(gpu: &Gpu) -> u64 {
    gpu.wait();
    gpu.allocated_bytes()
}

fn outcome(gpu: &Gpu, executable: &Executable) -> (Vec<u32>, Vec<u32>) {
    let (totals, gradient) = run(gpu, executable, &picture());
    (bits(&totals), bits(&gradient))
}

#[test]
fn executables_share_their_weights() {
    let Some(&winograd) = pooling_variants().last() else {
        return;
    };
    let tape = tape(Pooling::Max, Border::Zero);
    let gpu = open(&GpuOptions::default());
    // Once before, as recordings hold scratch memory that was outgrown while they were made.
    drop(build(&gpu, &tape, winograd));
    let first = build(&gpu, &tape, winograd);
    let expected = outcome(&gpu, &first);
    let (alone, memory) = (held(&gpu), first.memory());

    // They stay when nobody has them, beside scratch memory, and the next finds them there.
    drop(first);
    let left = held(&gpu);
    assert!(left >= memory.weights, "{left} bytes are left");
    let second = build(&gpu, &tape, winograd);
    assert!(outcome(&gpu, &second) == expected);
    assert_eq!(held(&gpu), alone);
    assert_eq!(second.memory(), memory);

    let third = build(&gpu, &tape, winograd);
    assert!(outcome(&gpu, &third) == expected);
    assert!(outcome(&gpu, &second) == expected);
    assert_eq!(held(&gpu) - alone, alone - left);
}

#[test]
fn what_the_next_program_does_not_want_is_given_back() {
    let Some(&winograd) = pooling_variants().last() else {
        return;
    };
    let tape = tape(Pooling::Max, Border::Zero);
    let gpu = open(&GpuOptions::default());
    let first = build(&gpu, &tape, Variant::Direct);
    let expected = outcome(&gpu, &first);
    drop(first);
    // Without scratch memory: the direct kernel too may have some, for copies of what it reads.
    gpu.release();
    let direct = held(&gpu);
    drop(build(&gpu, &tape, winograd));
    let with_scratch = held(&gpu);
    gpu.release();
    let scratch = with_scratch - held(&gpu);
    // 36 frequencies for 9 weights.
    let weights = with_scratch - scratch;
    assert!(weights >= 4 * direct, "{weights} bytes after {direct}");
    let last = build(&gpu, &tape, Variant::Direct);
    assert!(outcome(&gpu, &last) == expected);
    drop(last);
    gpu.release();
    assert_eq!(held(&gpu), direct);
}
