//! Frames one after the other in one file: animated GIF and WebP.

use std::io::Cursor;
use std::path::Path;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame, RgbaImage};

use super::webp::animated;
use super::{Attachments, ImageError, Picture, PictureFormat};

/// A format with more than one picture in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnimationFormat {
    /// `.gif`: 256 colours a frame.
    Gif,
    /// `.webp`, lossless.
    WebP,
}

impl AnimationFormat {
    /// The format that the extension of `path` names, if it names one.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_string_lossy().to_ascii_lowercase();
        match extension.as_str() {
            "gif" => Some(Self::Gif),
            "webp" => Some(Self::WebP),
            _ => None,
        }
    }

    /// Whether frames may be transparent; else they are shown as they are over white.
    pub fn holds_alpha(self) -> bool {
        self == Self::WebP
    }

    /// The bytes of a file that shows `frames`, all of one size, for so many milliseconds each, over and over; `origin`
    /// is its name in messages. Each is a picture over white, with its opacity (H,W) if it has any transparency. GIF knows hundredths of a second alone: there it is the nearest of them, and at least
    /// two, since browsers slow down what is faster.
    ///
    /// # Errors
    /// [`ImageError::Unencodable`] if the format cannot hold them, or they are not of one size.
    pub fn encode(
        self,
        frames: &[(Picture, Option<Vec<f32>>)],
        milliseconds: u32,
        origin: &str,
    ) -> Result<Vec<u8>, ImageError> {
        let size = |(frame, _): &(Picture, _)| (frame.width, frame.height);
        // Either format would take them, and no player the file.
        if frames.windows(2).any(|two| size(&two[0]) != size(&two[1])) {
            return Err(unencodable(origin, "its frames are not of one size"));
        }
        match self {
            Self::Gif => gif(frames, milliseconds, origin),
            Self::WebP => webp(frames, milliseconds, origin),
        }
    }
}

/// Milliseconds of the nearest delay that GIF has and browsers show as it is.
fn delay_of_gif(milliseconds: u32) -> u32 {
    (milliseconds.saturating_add(5) / 10).max(2) * 10
}

fn unencodable(origin: &str, reason: impl ToString) -> ImageError {
    ImageError::Unencodable {
        path: origin.to_string(),
        reason: reason.to_string(),
    }
}

fn gif(
    frames: &[(Picture, Option<Vec<f32>>)],
    milliseconds: u32,
    origin: &str,
) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    {
        // Of its speeds the slowest that is not painful: the palette of a dream wants care.
        let mut encoder = GifEncoder::new_with_speed(&mut bytes, 10);
        let refused = |error: image::ImageError| unencodable(origin, error);
        encoder.set_repeat(Repeat::Infinite).map_err(refused)?;
        for (frame, _) in frames {
            let rgb = frame.to_rgb8();
            let rgba = rgb.chunks_exact(3).flat_map(|c| [c[0], c[1], c[2], 255]);
            let (width, height) = (frame.width as u32, frame.height as u32);
            let image = RgbaImage::from_raw(width, height, rgba.collect())
                .ok_or_else(|| unencodable(origin, "its size and its values do not agree"))?;
            let delay = Delay::from_numer_denom_ms(delay_of_gif(milliseconds), 1);
            let frame = Frame::from_parts(image, 0, 0, delay);
            encoder.encode_frame(frame).map_err(refused)?;
        }
    }
    Ok(Cursor::new(bytes).into_inner())
}

fn webp(
    frames: &[(Picture, Option<Vec<f32>>)],
    milliseconds: u32,
    origin: &str,
) -> Result<Vec<u8>, ImageError> {
    let mut stills = Vec::new();
    for (frame, alpha) in frames {
        let attachments = Attachments {
            alpha: alpha.clone(),
            ..Attachments::default()
        };
        stills.push(frame.encode(PictureFormat::WebP, &attachments, origin)?);
    }
    let size = frames
        .first()
        .map_or([1, 1], |(frame, _)| [frame.width, frame.height]);
    animated(&stills, size, milliseconds)
        .ok_or_else(|| unencodable(origin, "its frames do not fit the format"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::AnimationDecoder;
    use image::codecs::gif::GifDecoder;
    use image::codecs::webp::WebPDecoder;

    /// Two frames of one colour each, few enough for any palette.
    fn frames() -> Vec<(Picture, Option<Vec<f32>>)> {
        let frame = |[r, g, b]: [f32; 3]| {
            let rgb = [[r; 15], [g; 15], [b; 15]].concat();
            let (width, height) = (5, 3);
            (Picture { width, height, rgb }, None)
        };
        vec![frame([1.0, 0.0, 0.2]), frame([0.0, 0.4, 1.0])]
    }

    fn check(shown: Vec<Frame>) {
        assert_eq!(shown.len(), 2);
        for (shown, (frame, _)) in shown.iter().zip(frames()) {
            assert_eq!(shown.delay().numer_denom_ms(), (80, 1));
            let rgb: Vec<u8> = shown
                .buffer()
                .pixels()
                .flat_map(|p| [p[0], p[1], p[2]])
                .collect();
            assert_eq!(rgb, frame.to_rgb8());
        }
    }

    #[test]
    fn what_is_written_is_what_others_read() {
        let gif = AnimationFormat::Gif.encode(&frames(), 80, "a.gif").unwrap();
        let shown = GifDecoder::new(Cursor::new(gif)).unwrap().into_frames();
        check(shown.collect_frames().unwrap());
        let webp = AnimationFormat::WebP
            .encode(&frames(), 80, "a.webp")
            .unwrap();
        let decoder = WebPDecoder::new(Cursor::new(webp)).unwrap();
        assert!(decoder.has_animation());
        check(decoder.into_frames().collect_frames().unwrap());
    }

    #[test]
    fn webp_keeps_the_opacity_of_every_frame() {
        let mut frames = frames();
        let opacity = [0.0, 0.2, 1.0].repeat(5);
        frames[1].1 = Some(opacity.clone());
        let webp = AnimationFormat::WebP.encode(&frames, 80, "a.webp").unwrap();
        let decoder = WebPDecoder::new(Cursor::new(webp)).unwrap();
        let shown = decoder.into_frames().collect_frames().unwrap();
        let alpha = |frame: &Frame| -> Vec<u8> { frame.buffer().pixels().map(|p| p[3]).collect() };
        assert_eq!(alpha(&shown[0]), [255; 15]);
        let wanted: Vec<u8> = opacity.iter().map(|a| (a * 255.0) as u8).collect();
        assert_eq!(alpha(&shown[1]), wanted);
    }

    #[test]
    fn frames_of_another_size_are_refused() {
        let mut frames = frames();
        (frames[1].0.width, frames[1].0.height) = (3, 5);
        for format in [AnimationFormat::Gif, AnimationFormat::WebP] {
            let refused = format.encode(&frames, 80, "a").unwrap_err().to_string();
            assert!(refused.contains("not of one size"), "{refused}");
        }
    }

    #[test]
    fn gif_has_the_nearest_delay_that_it_knows() {
        for (milliseconds, shown) in [(0, 20), (8, 20), (17, 20), (33, 30), (36, 40), (83, 80)] {
            let gif = AnimationFormat::Gif.encode(&frames(), milliseconds, "a.gif");
            let decoder = GifDecoder::new(Cursor::new(gif.unwrap())).unwrap();
            for frame in decoder.into_frames().collect_frames().unwrap() {
                let delay = frame.delay().numer_denom_ms();
                assert_eq!(delay, (shown, 1), "{milliseconds}");
            }
        }
    }
}
