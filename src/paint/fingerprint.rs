//! What a run was made from, in 64 letters each: enough to notice that something is not the same.

use sha2::{Digest, Sha256};

use crate::gpu::Recording;
use crate::image::Picture;
use crate::net::Network;

/// Of a picture: its size and its values, whatever the file that it came from.
pub fn of_picture(picture: &Picture) -> String {
    let mut fingerprint = Fingerprint::default();
    fingerprint.text(&format!("{}×{}", picture.width, picture.height));
    fingerprint.floats(&picture.rgb);
    fingerprint.finish()
}

/// Of a network: its layers and weights, unless it is known by one already.
pub fn of_network(network: &Network) -> String {
    if let Some(known) = network.known_fingerprint() {
        return known.to_owned();
    }
    let mut fingerprint = Fingerprint::default();
    fingerprint.text(&network.architecture.to_string());
    for filter in network.filters() {
        fingerprint.floats(&filter.weight);
        fingerprint.floats(&filter.bias);
    }
    fingerprint.finish()
}

/// Of the kernels of a step, by name and in order.
pub fn of_kernels(recording: &Recording) -> String {
    let mut fingerprint = Fingerprint::default();
    for info in recording.infos() {
        fingerprint.text(&info.label);
        fingerprint.text(&info.kernel);
    }
    fingerprint.finish()
}

/// A SHA-256 over texts and numbers.
#[derive(Default)]
struct Fingerprint(Sha256);

impl Fingerprint {
    fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }

    fn floats(&mut self, values: &[f32]) {
        self.0.update((values.len() as u64).to_le_bytes());
        for piece in values.chunks(1 << 14) {
            let bytes: Vec<u8> = piece.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.0.update(&bytes);
        }
    }

    fn finish(self) -> String {
        let digest = self.0.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_or_a_side_makes_another_picture() {
        let picture = |width, height, first| Picture {
            width,
            height,
            rgb: vec![first, 0.5, 0.5, 0.5, 0.5, 0.5],
        };
        let fingerprint = of_picture(&picture(2, 1, 0.5));
        assert_eq!(fingerprint.len(), 64);
        assert_eq!(of_picture(&picture(2, 1, 0.5)), fingerprint);
        assert_ne!(of_picture(&picture(1, 2, 0.5)), fingerprint);
        let nearly = f32::from_bits(0.5_f32.to_bits() + 1);
        assert_ne!(of_picture(&picture(2, 1, nearly)), fingerprint);
    }
}
