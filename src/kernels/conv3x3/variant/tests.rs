use super::*;

/// With bindings that hold any map.
fn supports(variant: Variant, [width, height]: [usize; 2]) -> bool {
    let adapter = Profile {
        binding_limit: 1 << 40,
        ..Profile::typical_gpu()
    };
    let filter = Filter::on_paper([64, 64]);
    variant.supports(&adapter, &filter, Shape::new(64, height, width))
}

#[test]
fn gemm_folds_workgroups_beyond_the_limit_of_a_dimension() {
    let workgroups = |width, height| Variant::Gemm.workgroups(128, [width, height, 16]);
    assert_eq!(workgroups(16, 8), [1, 2, 1]);
    assert_eq!(workgroups(16, 8 * 65_535), [65_535, 2, 1]);
    assert_eq!(workgroups(16, 8 * 65_536), [32_768, 2, 2]);
    assert_eq!(workgroups(3072, 3072), [36_864, 2, 2]);
    assert!(supports(Variant::Gemm, [3072, 3072]));
    assert!(supports(Variant::Gemm, [16_384, 16_384]));
}

#[test]
fn others_pass_on_maps_with_more_threads_than_a_dispatch_has() {
    assert!(supports(Variant::Plain, [4096, 4095]));
    assert!(!supports(Variant::Plain, [4096, 4096]));
    assert!(supports(Variant::DirectPortable, [4096, 4096]));
    assert!(!supports(Variant::DirectPortable, [8192, 8192]));
    for variant in Variant::ALL {
        let threads = variant.workgroups(256, [3072, 3072, 16]);
        assert!(threads.iter().all(|&count| count <= 65_535), "{variant}");
    }
}
