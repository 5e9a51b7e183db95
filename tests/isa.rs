//! What AMD's compiler makes of the kernels that a real GPU runs. Needs Mesa's RADV, but no GPU.

#[path = "../benches/isa/mod.rs"]
#[allow(dead_code, reason = "the bench prints more than is held here")]
mod isa;

use impasto::kernels::catalogue_of_real_gpus;

/// This very test runs twice: here, and in a process of its own with the environment for RADV, which
/// must be there before the Vulkan loader is.
#[test]
fn no_kernel_of_a_real_gpu_spills_on_rdna2() {
    if std::env::var_os(isa::FAMILY_VARIABLE).is_some() {
        return hold_the_figures();
    }
    let mut processes = isa::RDNA2.processes();
    let Some(process) = processes.first_mut() else {
        println!("tests/isa.rs {}", isa::DRIVER_MISSING);
        return;
    };
    let this = [
        "--exact",
        "no_kernel_of_a_real_gpu_spills_on_rdna2",
        "--nocapture",
    ];
    let output = process.args(this).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    // A name that the harness does not know would pass as well.
    assert!(said.contains("conv3x3_gemm"), "{said}");
}

fn hold_the_figures() {
    let driver = isa::Driver::open().unwrap();
    println!("{}", driver.name);
    let mut faults = Vec::new();
    for kernel in catalogue_of_real_gpus() {
        // Elsewhere memory sets the pace, not arithmetic.
        let is_product = [
            "conv3x3_gemm",
            "conv3x3_direct_portable",
            "conv3x3_from_rgb",
            "conv3x3_winograd_multiply_tiled",
            "gram_tiled",
            "gram_gradient_portable",
        ];
        for (name, knobs) in isa::forms(kernel) {
            let (figures, _) = isa::compile(&driver, kernel, &knobs).unwrap();
            println!("{name}: {figures:?}");
            if figures.vector_spills + figures.scalar_spills > 0 {
                faults.push(format!("{name} spills: {figures:?}"));
            }
            let share = figures.counts.fma_share().unwrap_or(0.0);
            if is_product.contains(&kernel.shader.stem) && (share < 0.75 || figures.waves < 8) {
                faults.push(format!("{name} wastes the hardware: {figures:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_main_loop_is_the_one_with_the_most_multiply_adds() {
    let assembly = "
BB0:
	v_mov_b32_e32 v0, 0                                  ; 7e000280
BB1:
	v_fma_f32 v1, v2, v3, v1                             ; d54b0001 04060702
	s_cbranch_scc1 BB9                                   ; bf850012
BB2:
	v_fmac_f32_e32 v1, v2, v3                            ; 56020702
	v_dual_fmac_f32 v4, v5, v6 :: v_dual_mul_f32 v7, v8, v9
	v_fmac_f32_e32 v1, v2, v3                            ; v_fma in a comment does not count
	s_cbranch_scc0 BB2                                   ; bf84fffc
	s_branch BB3                                         ; bf820000
BB3:
	v_fma_f32 v1, v2, v3, v1                             ; d54b0001 04060702
	s_endpgm                                             ; bf810000
BB9:
";
    let counts = isa::counts(assembly);
    let expected = isa::Counts {
        vector: 4,
        fma: 3,
        dual: 1,
    };
    assert_eq!(counts, expected);
    assert_eq!(counts.fma_share(), Some(0.75));
    assert_eq!(isa::counts("BB0:\n\ts_endpgm").fma_share(), None);
}
