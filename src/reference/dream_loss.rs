//! The dream objective: whatever a layer sees, it should see more of it (Mordvintsev, Olah & Tyka, "Inceptionism", 2015).
//!
//! Unlike the losses this one is to be *maximised*; the recipe that climbs chooses the sign, here it is a plain value.
//! google/deepdream climbs ½‖F‖², whose direction is that of mean(F²); neural-dream the norm ‖F‖, of which
//! √mean(F²) is a fixed share; the TensorFlow tutorial mean(F). Where only some channels count, the functions are given
//! those alone, see [`chosen`].

/// weight · mean(F²) over the C·M entries of `features`, (C, H, W).
pub fn value(features: &[f64], weight: f64) -> f64 {
    weight * features.iter().map(|f| f * f).sum::<f64>() / features.len() as f64
}

/// gF = weight · 2F / (C·M).
pub fn gradient(features: &[f64], weight: f64) -> Vec<f64> {
    let factor = 2.0 * weight / features.len() as f64;
    features.iter().map(|f| factor * f).collect()
}

/// weight · √mean(F²).
pub fn root_value(features: &[f64], weight: f64) -> f64 {
    weight * value(features, 1.0).sqrt()
}

/// gF = weight · F / (C·M · √mean(F²)), 0 where all of F is.
pub fn root_gradient(features: &[f64], weight: f64) -> Vec<f64> {
    let root = root_value(features, 1.0);
    let factor = if root > 0.0 { 0.5 * weight / root } else { 0.0 };
    gradient(features, factor)
}

/// weight · mean(F).
pub fn mean_value(features: &[f64], weight: f64) -> f64 {
    weight * features.iter().sum::<f64>() / features.len() as f64
}

/// gF = weight / (C·M).
pub fn mean_gradient(features: &[f64], weight: f64) -> Vec<f64> {
    vec![weight / features.len() as f64; features.len()]
}

/// These channels of `features`, of M = `pixels` entries each.
pub fn chosen(features: &[f64], pixels: usize, channels: &[usize]) -> Vec<f64> {
    let planes = channels.iter();
    planes
        .flat_map(|channel| &features[channel * pixels..(channel + 1) * pixels])
        .copied()
        .collect()
}

/// The gradient of all `count` channels from that of the [`chosen`]: 0 in the others.
pub fn spread(gradient: &[f64], pixels: usize, channels: &[usize], count: usize) -> Vec<f64> {
    let mut all = vec![0.0; count * pixels];
    for (channel, plane) in channels.iter().zip(gradient.chunks_exact(pixels)) {
        all[channel * pixels..(channel + 1) * pixels].copy_from_slice(plane);
    }
    all
}
