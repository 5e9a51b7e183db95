//! Colour profiles: whatever a file's numbers mean, they are turned into sRGB, and results say so.
//!
//! Nearly every profile of a screen or camera is three curves and a matrix. Those are computed here, at
//! the precision of 16 bits; profiles that are tables are left to `moxcms`.

mod srgb;

use std::sync::Arc;

use moxcms::{
    BarycentricWeightScale, CicpColorPrimaries, CicpProfile, CmsError, ColorProfile,
    DataColorSpace, Layout, MatrixCoefficients, ToneReprCurve, TransferCharacteristics,
    TransformF32Executor, TransformOptions,
};

use super::png::CodePoints;

pub(super) use self::srgb::{PROFILE as SRGB, encoded, light};

/// How many pixels are converted by a table at a time.
const BLOCK: usize = 4096;

/// Three quarters of an 8-bit step: profiles that call themselves sRGB differ by up to so much.
const SAME: f32 = 0.75 / 255.0;

/// Numbers of one kind into sRGB.
pub(super) enum Conversion {
    /// A curve to light.
    Gray(Curve),
    /// Three curves to light, and from there a matrix.
    Matrix([Curve; 3], [[f64; 3]; 3]),
    /// Anything else.
    Table(Arc<TransformF32Executor>),
}

/// The channels that a file's numbers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channels {
    Gray,
    Rgb,
}

/// The light for each of the 65 536 steps, which includes those of 8 bits.
pub(super) struct Curve(Vec<f32>);

impl Curve {
    fn of(curve: &ToneReprCurve) -> Result<Self, CmsError> {
        let evaluator = curve.make_linear_evaluator()?;
        let light = |step: u16| evaluator.evaluate_value(f32::from(step) / 65_535.0);
        Ok(Self((0..=u16::MAX).map(light).collect()))
    }

    fn light(&self, value: f32) -> f64 {
        // The cast saturates, and takes NaN to 0.
        f64::from(self.0[usize::from((value * 65_535.0).round() as u16)])
    }
}

impl Conversion {
    /// The conversion by an ICC profile of numbers that are `channels`; none if they are sRGB already.
    pub(super) fn of_profile(bytes: &[u8], channels: Channels) -> Result<Option<Self>, CmsError> {
        let profile = ColorProfile::new_from_slice(bytes)?;
        let conversion = match (profile.color_space, channels) {
            (DataColorSpace::Gray, Channels::Gray) => {
                let curve = profile.gray_trc.as_ref().ok_or(CmsError::InvalidProfile)?;
                Self::Gray(Curve::of(curve)?)
            }
            // Gray is also three equal numbers.
            (DataColorSpace::Rgb, _) => Self::of_rgb(&profile)?,
            _ => return Err(CmsError::InvalidProfile),
        };
        conversion.unless_nothing_changes()
    }

    /// The conversion by the code points of a PNG file; none if they are sRGB already.
    pub(super) fn of_code_points(points: CodePoints) -> Result<Option<Self>, CmsError> {
        let [primaries, transfer, matrix, full_range] = points;
        let profile = CicpProfile {
            color_primaries: CicpColorPrimaries::try_from(primaries)?,
            transfer_characteristics: TransferCharacteristics::try_from(transfer)?,
            matrix_coefficients: MatrixCoefficients::try_from(matrix)?,
            full_range: full_range == 1,
        };
        // Without a mapping of tones, pictures of high dynamic range would come out dark or burnt.
        let high_range = matches!(
            profile.transfer_characteristics,
            TransferCharacteristics::Smpte2084 | TransferCharacteristics::Hlg
        );
        if high_range || matrix != 0 || full_range != 1 {
            return Err(CmsError::InvalidCicp);
        }
        Self::of_rgb(&ColorProfile::new_from_cicp(profile))?.unless_nothing_changes()
    }

    fn of_rgb(profile: &ColorProfile) -> Result<Self, CmsError> {
        // What results say they are in, so that another program comes back to the same colours.
        let srgb = ColorProfile::new_from_slice(&SRGB)?;
        let curves = (&profile.red_trc, &profile.green_trc, &profile.blue_trc);
        let tabular = profile.lut_a_to_b_perceptual.is_some();
        if let ((Some(red), Some(green), Some(blue)), false) = (curves, tabular) {
            let curves = [Curve::of(red)?, Curve::of(green)?, Curve::of(blue)?];
            return Ok(Self::Matrix(curves, profile.transform_matrix(&srgb).v));
        }
        let options = TransformOptions {
            prefer_fixed_point: false,
            // Else a table would be read at 256 steps, fewer than pictures of 16 bits have.
            barycentric_weight_scale: BarycentricWeightScale::High,
            ..TransformOptions::default()
        };
        let table = profile.create_transform_f32(Layout::Rgb, &srgb, Layout::Rgb, options)?;
        Ok(Self::Table(table))
    }

    /// Converts pixels, of which gray has three equal numbers; the result is in \[0,1\], so colours that
    /// sRGB cannot show become the nearest in each channel.
    pub(super) fn apply(&self, pixels: &[[f32; 3]]) -> Result<Vec<[f32; 3]>, CmsError> {
        match self {
            Self::Gray(curve) => {
                let gray = |pixel: &[f32; 3]| [srgb::encoded(curve.light(pixel[0])); 3];
                Ok(pixels.iter().map(gray).collect())
            }
            Self::Matrix(curves, matrix) => {
                let colour = |pixel: &[f32; 3]| {
                    let light: [f64; 3] = std::array::from_fn(|c| curves[c].light(pixel[c]));
                    matrix
                        .map(|[r, g, b]| srgb::encoded(r * light[0] + g * light[1] + b * light[2]))
                };
                Ok(pixels.iter().map(colour).collect())
            }
            Self::Table(table) => {
                let mut converted = vec![[0.0; 3]; pixels.len()];
                for (from, to) in pixels.chunks(BLOCK).zip(converted.chunks_mut(BLOCK)) {
                    table.transform(from.as_flattened(), to.as_flattened_mut())?;
                }
                for value in converted.as_flattened_mut() {
                    *value = super::unit(*value);
                }
                Ok(converted)
            }
        }
    }

    /// None if the numbers are sRGB but for the rounding in a profile: then they are left alone, so
    /// that nothing is lost.
    fn unless_nothing_changes(self) -> Result<Option<Self>, CmsError> {
        let levels = (0..=16).map(|step| step as f32 / 16.0);
        let probes: Vec<[f32; 3]> = match self {
            Self::Gray(_) => levels.map(|level| [level; 3]).collect(),
            _ => levels
                .flat_map(|v| {
                    [
                        [v, v, v],
                        [v, 0.0, 0.0],
                        [0.0, v, 0.0],
                        [0.0, 0.0, v],
                        [1.0, v, 0.0],
                    ]
                })
                .collect(),
        };
        let shown = self.apply(&probes)?;
        let mut pairs = probes.as_flattened().iter().zip(shown.as_flattened());
        let same = pairs.all(|(stored, shown)| (stored - shown).abs() <= SAME);
        Ok((!same).then_some(self))
    }
}

#[cfg(test)]
mod tests {
    use moxcms::{LutDataType, LutStore, LutType, LutWarehouse, Matrix3d};

    use super::*;

    fn display_p3() -> Vec<u8> {
        ColorProfile::new_display_p3().encode().unwrap()
    }

    #[test]
    fn what_is_srgb_already_is_left_alone() {
        let srgb = Conversion::of_profile(&SRGB, Channels::Rgb).unwrap();
        assert!(srgb.is_none());
        assert!(Conversion::of_code_points([1, 13, 0, 1]).unwrap().is_none());
        let wide = Conversion::of_profile(&display_p3(), Channels::Rgb).unwrap();
        assert!(wide.is_some());
    }

    #[test]
    fn the_embedded_profile_is_always_the_same() {
        let again = ColorProfile::new_from_slice(&SRGB).unwrap();
        assert_eq!(again.color_space, DataColorSpace::Rgb);
        assert_eq!(SRGB[24..26], 1999_u16.to_be_bytes());
    }

    /// The lightness of a table of two steps is the mean of R, G and B.
    #[test]
    fn by_a_table_steps_finer_than_eight_bits_stay() {
        let corners = (0..8_u32).flat_map(|corner| {
            let lightness = 65_280 * corner.count_ones() / 3;
            [lightness as u16, 32_768, 32_768]
        });
        let ends = [0, u16::MAX].repeat(3);
        let table = LutDataType {
            num_input_channels: 3,
            num_output_channels: 3,
            num_clut_grid_points: 2,
            matrix: Matrix3d::IDENTITY,
            num_input_table_entries: 2,
            num_output_table_entries: 2,
            input_table: LutStore::Store16(ends.clone()),
            clut_table: LutStore::Store16(corners.collect()),
            output_table: LutStore::Store16(ends),
            lut_type: LutType::Lut16,
        };
        let mut profile = ColorProfile::new_srgb();
        profile.pcs = DataColorSpace::Lab;
        profile.lut_a_to_b_perceptual = Some(LutWarehouse::Lut(table));
        let ramp: Vec<[f32; 3]> = (0..1000)
            .map(|step| [0.5 + step as f32 / 65_535.0; 3])
            .collect();
        let conversion = Conversion::of_rgb(&profile).unwrap();
        assert!(matches!(conversion, Conversion::Table(_)));
        let mut shown: Vec<f32> = conversion
            .apply(&ramp)
            .unwrap()
            .iter()
            .map(|pixel| pixel[1])
            .collect();
        shown.dedup();
        assert!(shown.len() > 900 && shown.is_sorted(), "{}", shown.len());
    }

    #[test]
    fn greys_stay_and_colours_move() {
        let wide = Conversion::of_profile(&display_p3(), Channels::Rgb)
            .unwrap()
            .unwrap();
        let colours = [
            [0.5; 3],
            [0.0; 3],
            [1.0; 3],
            [0.5, 0.4, 0.4],
            [0.0, 1.0, 0.0],
        ];
        let shown = wide.apply(&colours).unwrap();
        for (shown, stored) in shown[..3]
            .as_flattened()
            .iter()
            .zip(colours[..3].as_flattened())
        {
            assert!((shown - stored).abs() < 0.25 / 255.0, "{shown} {stored}");
        }
        assert!(shown[3][0] > 0.505 && shown[3][1] < 0.4, "{:?}", shown[3]);
        // Out of reach, so clamped.
        assert_eq!(shown[4], [0.0, 1.0, 0.0]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let gray = ColorProfile::new_gray_with_gamma(2.2).encode().unwrap();
        assert!(Conversion::of_profile(&gray, Channels::Rgb).is_err());
        assert!(Conversion::of_profile(&gray, Channels::Gray).is_ok());
        assert!(Conversion::of_profile(b"no profile", Channels::Rgb).is_err());
        // High dynamic range, video range, a matrix, and numbers without a meaning.
        for points in [
            [9, 16, 0, 1],
            [9, 18, 0, 1],
            [1, 13, 0, 0],
            [1, 13, 1, 1],
            [77, 99, 0, 1],
        ] {
            assert!(Conversion::of_code_points(points).is_err(), "{points:?}");
        }
    }

    #[test]
    fn damaged_profiles_never_panic() {
        let whole = display_p3();
        let colours = [[0.1, 0.5, 0.9]; 3];
        for length in 0..whole.len() {
            let _ = Conversion::of_profile(&whole[..length], Channels::Rgb);
        }
        for at in (0..whole.len()).step_by(5) {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = value;
                if let Ok(Some(conversion)) = Conversion::of_profile(&damaged, Channels::Rgb) {
                    let shown = conversion.apply(&colours).unwrap_or_default();
                    assert!(shown.as_flattened().iter().all(|v| (0.0..=1.0).contains(v)));
                }
            }
        }
    }
}
