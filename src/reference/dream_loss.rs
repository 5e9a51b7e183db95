//! The dream objective: whatever a layer sees, it should see more of it (Mordvintsev, Olah & Tyka, "Inceptionism", 2015).
//!
//! Unlike the losses this one is to be *maximised*; the recipe that climbs chooses the sign, here it is a plain value.

/// weight · mean(F²) over the C·M entries of `features`, (C, H, W).
pub fn value(features: &[f64], weight: f64) -> f64 {
    weight * features.iter().map(|f| f * f).sum::<f64>() / features.len() as f64
}

/// gF = weight · 2F / (C·M).
pub fn gradient(features: &[f64], weight: f64) -> Vec<f64> {
    let factor = 2.0 * weight / features.len() as f64;
    features.iter().map(|f| factor * f).collect()
}
