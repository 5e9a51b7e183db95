//! The two networks impasto knows: which layers they have, in order, and how a user may name them.
//!
//! Both come from Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
//! Recognition" (arXiv 1409.1556), table 1: VGG-16 is configuration D, VGG-19 is configuration E.
//! Only the convolutional part is described; the classifier above `pool5` is never used.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use thiserror::Error;

/// One of the two networks of Simonyan & Zisserman.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Architecture {
    /// Configuration D: 13 convolutions.
    Vgg16,
    /// Configuration E: 16 convolutions.
    Vgg19,
}

/// What a layer does with the feature map below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerKind {
    /// 3×3 convolution, stride 1, zero padding 1.
    Convolution {
        /// C, the channels it reads.
        c_in: usize,
        /// O, the channels it makes.
        c_out: usize,
    },
    /// max(0, x).
    Relu,
    /// 2×2 pooling with stride 2; an odd last row or column is dropped.
    Pool,
}

/// A named step of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// `conv1_1`, `relu1_1`, `pool1` …
    pub name: String,
    /// What it does.
    pub kind: LayerKind,
}

/// The channels of each of the five blocks.
const BLOCK_CHANNELS: [usize; 5] = [64, 128, 256, 512, 512];

static VGG16: LazyLock<Vec<Layer>> = LazyLock::new(|| stack([2, 2, 3, 3, 3]));
static VGG19: LazyLock<Vec<Layer>> = LazyLock::new(|| stack([2, 2, 4, 4, 4]));

/// The layers of a network whose block b has `depths[b]` convolutions.
fn stack(depths: [usize; 5]) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut c_in = 3;
    for (index, (&depth, &c_out)) in depths.iter().zip(&BLOCK_CHANNELS).enumerate() {
        let block = index + 1;
        for step in 1..=depth {
            layers.push(Layer {
                name: format!("conv{block}_{step}"),
                kind: LayerKind::Convolution { c_in, c_out },
            });
            layers.push(Layer {
                name: format!("relu{block}_{step}"),
                kind: LayerKind::Relu,
            });
            c_in = c_out;
        }
        layers.push(Layer {
            name: format!("pool{block}"),
            kind: LayerKind::Pool,
        });
    }
    layers
}

impl Architecture {
    /// Every layer from the picture upwards; the position in this list is the layer's index, and
    /// also its index in torchvision's `features`.
    pub fn layers(self) -> &'static [Layer] {
        match self {
            Self::Vgg16 => &VGG16,
            Self::Vgg19 => &VGG19,
        }
    }

    /// The convolutions in order: layer index, name, channels read and channels made.
    pub fn convolutions(
        self,
    ) -> impl Iterator<Item = (usize, &'static str, usize, usize)> + 'static {
        self.layers()
            .iter()
            .enumerate()
            .filter_map(|(index, layer)| match layer.kind {
                LayerKind::Convolution { c_in, c_out } => {
                    Some((index, layer.name.as_str(), c_in, c_out))
                }
                LayerKind::Relu | LayerKind::Pool => None,
            })
    }

    /// The index of the layer a user means by `name`, or `None` if there is none.
    ///
    /// Case does not matter, `relu` may be left out or shortened, and so may the underscore:
    /// `relu4_2`, `ReLU4-2`, `r42`, `4_2` and `42` are one layer; so are `conv4_2` and `c42`,
    /// `pool4` and `p4`.
    pub fn layer_index(self, name: &str) -> Option<usize> {
        let canonical = canonical_name(name)?;
        self.layers()
            .iter()
            .position(|layer| layer.name == canonical)
    }

    /// As [`Self::layer_index`], with a message for the user.
    ///
    /// # Errors
    /// [`UnknownLayer`] if this network has no such layer.
    pub fn find_layer(self, name: &str) -> Result<usize, UnknownLayer> {
        self.layer_index(name)
            .ok_or_else(|| UnknownLayer::new(self, name))
    }

    /// C of the feature map that leaves the layer at `index`; 3 if the network has no layer
    /// that makes channels up to there.
    pub fn channels(self, index: usize) -> usize {
        self.layers()
            .iter()
            .take(index.saturating_add(1))
            .rev()
            .find_map(|layer| match layer.kind {
                LayerKind::Convolution { c_out, .. } => Some(c_out),
                LayerKind::Relu | LayerKind::Pool => None,
            })
            .unwrap_or(3)
    }

    /// By how much a side of the picture has shrunk when it leaves the layer at `index`:
    /// 2 to the number of poolings up to and including that layer.
    ///
    /// Pooling rounds down, so this is also the smallest picture side, in pixels, that leaves at
    /// least one position in that layer's feature map.
    pub fn downscale(self, index: usize) -> usize {
        let poolings = self
            .layers()
            .iter()
            .take(index.saturating_add(1))
            .filter(|layer| layer.kind == LayerKind::Pool)
            .count();
        1 << poolings
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Vgg16 => "VGG-16",
            Self::Vgg19 => "VGG-19",
        })
    }
}

/// A network name that is neither VGG-16 nor VGG-19.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no network `{name}`; choose vgg19 or vgg16")]
pub struct UnknownArchitecture {
    /// What the user wrote.
    pub name: String,
}

impl FromStr for Architecture {
    type Err = UnknownArchitecture;

    /// Reads `vgg16`, `vgg19`, also in capitals and with a hyphen.
    fn from_str(name: &str) -> Result<Self, UnknownArchitecture> {
        match name.to_ascii_lowercase().as_str() {
            "vgg16" | "vgg-16" => Ok(Self::Vgg16),
            "vgg19" | "vgg-19" => Ok(Self::Vgg19),
            _ => Err(UnknownArchitecture {
                name: name.to_owned(),
            }),
        }
    }
}

/// The name as [`Architecture::layers`] spells it, or `None` if `name` has another form.
fn canonical_name(name: &str) -> Option<String> {
    let lowered = name.trim().to_ascii_lowercase();
    let digits_at = lowered
        .find(|c: char| c.is_ascii_digit())
        .unwrap_or(lowered.len());
    let (word, position) = lowered.split_at(digits_at);
    let kind = match word {
        "" | "r" | "relu" => "relu",
        "c" | "conv" => "conv",
        "p" | "pool" => "pool",
        _ => return None,
    };
    let mut numbers = position.chars();
    let block = numbers.next().filter(char::is_ascii_digit)?;
    let step = numbers.as_str().trim_start_matches(['_', '-', '.']);
    match (kind, step) {
        ("pool", "") => Some(format!("pool{block}")),
        ("pool", _) | (_, "") => None,
        (kind, step) => Some(format!("{kind}{block}_{step}")),
    }
}

/// A layer name that the network does not have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{architecture} has no layer `{name}`{}; its layers run from conv1_1 and relu1_1 to {last}, with pool1 to pool5 between the blocks",
    hint(suggestions)
)]
pub struct UnknownLayer {
    /// The network that was searched.
    pub architecture: Architecture,
    /// What the user wrote.
    pub name: String,
    /// The nearest layers, nearest first; at most three, and none if nothing is near.
    pub suggestions: Vec<String>,
    /// The last ReLU of the network.
    pub last: String,
}

impl UnknownLayer {
    fn new(architecture: Architecture, name: &str) -> Self {
        // A number alone means a ReLU, so that is what it is compared with.
        let wanted = canonical_name(name).unwrap_or_else(|| name.trim().to_ascii_lowercase());
        let mut near: Vec<(usize, &str)> = architecture
            .layers()
            .iter()
            .map(|layer| {
                (
                    strsim::damerau_levenshtein(&wanted, &layer.name),
                    layer.name.as_str(),
                )
            })
            .filter(|&(distance, _)| distance <= 2)
            .collect();
        // Stable, and later layers first: a name that is too deep is the usual mistake.
        near.reverse();
        near.sort_by_key(|&(distance, _)| distance);
        let last = architecture
            .layers()
            .iter()
            .rfind(|layer| layer.kind == LayerKind::Relu);
        Self {
            architecture,
            name: name.to_owned(),
            suggestions: near
                .into_iter()
                .take(3)
                .map(|(_, name)| name.to_owned())
                .collect(),
            last: last.map(|layer| layer.name.clone()).unwrap_or_default(),
        }
    }
}

fn hint(suggestions: &[String]) -> String {
    match suggestions {
        [] => String::new(),
        [only] => format!(" (did you mean {only}?)"),
        [first @ .., last] => format!(" (did you mean {} or {last}?)", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_stand_in_the_published_order() {
        let names = |architecture: Architecture| -> Vec<&str> {
            let layers = architecture.layers().iter();
            layers.map(|layer| layer.name.as_str()).collect()
        };
        assert_eq!(
            names(Architecture::Vgg16)[..6],
            [
                "conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1"
            ]
        );
        assert_eq!(names(Architecture::Vgg16).len(), 31);
        assert_eq!(names(Architecture::Vgg19).len(), 37);
        assert_eq!(
            names(Architecture::Vgg19)[34..],
            ["conv5_4", "relu5_4", "pool5"]
        );
        assert_eq!(Architecture::Vgg16.layer_index("relu5_3"), Some(29));
    }

    #[test]
    fn convolutions_chain_their_channels() {
        for (architecture, count, parameters) in [
            (Architecture::Vgg16, 13, 14_714_688),
            (Architecture::Vgg19, 16, 20_024_384),
        ] {
            let mut channels = 3;
            let mut total = 0;
            for (_, _, c_in, c_out) in architecture.convolutions() {
                assert_eq!(c_in, channels);
                total += c_in * c_out * 9 + c_out;
                channels = c_out;
            }
            assert_eq!(architecture.convolutions().count(), count);
            assert_eq!(total, parameters, "{architecture}");
        }
    }

    #[test]
    fn a_layer_has_several_spellings() {
        let network = Architecture::Vgg19;
        let relu = network.layer_index("relu4_2");
        assert!(relu.is_some());
        for alias in [
            "ReLU4_2",
            "r42",
            "r4_2",
            "4_2",
            "42",
            "4-2",
            "relu42",
            " relu4.2 ",
        ] {
            assert_eq!(network.layer_index(alias), relu, "{alias}");
        }
        assert_eq!(network.layer_index("c42"), network.layer_index("conv4_2"));
        assert_eq!(network.layer_index("P4"), network.layer_index("pool4"));
        for wrong in [
            "", "_", "relu", "relu4", "relu6_1", "relu0_1", "pool6", "pool4_1", "relu4_22", "fc6",
            "4_", "é", "relu٤_2", "42x",
        ] {
            assert_eq!(network.layer_index(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_unknown_layer_is_named_with_its_network_and_its_neighbours() {
        let error = Architecture::Vgg16.find_layer("relu5_4").unwrap_err();
        assert_eq!(
            error.to_string(),
            "VGG-16 has no layer `relu5_4` (did you mean relu5_3, relu5_2 or relu5_1?); its layers \
             run from conv1_1 and relu1_1 to relu5_3, with pool1 to pool5 between the blocks"
        );
        let error = Architecture::Vgg19.find_layer("rleu4_2").unwrap_err();
        assert_eq!(error.suggestions[0], "relu4_2");
        let error = Architecture::Vgg19.find_layer("inception4c").unwrap_err();
        assert!(error.suggestions.is_empty());
        assert!(error.to_string().contains("`inception4c`; its layers"));
    }

    #[test]
    fn depth_decides_the_smallest_picture_and_the_channels() {
        let network = Architecture::Vgg19;
        for (name, downscale, channels) in [
            ("conv1_1", 1, 64),
            ("relu1_2", 1, 64),
            ("pool1", 2, 64),
            ("relu2_1", 2, 128),
            ("relu4_2", 8, 512),
            ("relu5_4", 16, 512),
            ("pool5", 32, 512),
        ] {
            let index = network.find_layer(name).unwrap();
            assert_eq!(network.downscale(index), downscale, "{name}");
            assert_eq!(network.channels(index), channels, "{name}");
        }
    }

    #[test]
    fn networks_are_named_as_on_the_command_line() {
        assert_eq!("VGG-16".parse(), Ok(Architecture::Vgg16));
        assert_eq!("vgg19".parse(), Ok(Architecture::Vgg19));
        let error = "resnet".parse::<Architecture>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no network `resnet`; choose vgg19 or vgg16"
        );
    }
}
