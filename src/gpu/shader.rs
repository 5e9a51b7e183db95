//! What a shader says about itself.

use std::borrow::Cow;

use super::Shader;

/// An `override` of a shader: a value that the host may set when it compiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Override {
    /// Its name.
    pub name: &'static str,
    /// Its value if the host sets none, as it is written.
    pub default: &'static str,
}

const UNPACK: &str = "unpack2x16float(";

/// `unpack2x16float` in integers, for zeros and normal halves; kernels are given no others.
const UNPACK_IN_INTEGERS: &str = "
fn unpack_in_integers(pair: u32) -> vec2f {
    let halves = vec2u(pair << 16u, pair & 0xffff0000u);
    let bits = (halves & vec2u(0x80000000u)) | ((halves & vec2u(0x7fff0000u)) >> vec2u(3u));
    return bitcast<vec2f>(bits) * 0x1p112f; // the bias of the exponent is smaller by 112
}
";

impl Shader {
    /// What is compiled: the text of the file, but for an adapter that cannot unpack halves (Mesa's software
    /// Vulkan without 16-bit numbers) with the same in integers.
    pub(super) fn text(&self, unpacks_halves: bool) -> Cow<'static, str> {
        if unpacks_halves || !self.source.contains(UNPACK) {
            return Cow::Borrowed(self.source);
        }
        let text = self.source.replace(UNPACK, "unpack_in_integers(");
        Cow::Owned(text + UNPACK_IN_INTEGERS)
    }

    /// The section `name` of the header, continuation lines joined; empty if there is none.
    pub fn section(&self, name: &str) -> String {
        let header = self.source.lines();
        let header = header.map_while(|line| line.strip_prefix("//"));
        // A section begins with its name one blank in, and goes on as long as lines begin further in.
        let begins = |line: &str| {
            let text = line.strip_prefix(' ').unwrap_or_default();
            text.split(' ').next() == Some(name)
        };
        let mut lines = header.skip_while(|line| !begins(line));
        let first = lines.next().unwrap_or_default().trim_start();
        let rest = lines.take_while(|line| line.starts_with("  "));
        let words = first.strip_prefix(name).into_iter().chain(rest);
        let words: Vec<&str> = words.flat_map(str::split_whitespace).collect();
        words.join(" ")
    }

    /// Every `override`, in the order of the file.
    pub fn overrides(&self) -> Vec<Override> {
        let statement = |line: &'static str| {
            let (name, rest) = line.strip_prefix("override ")?.split_once(':')?;
            let (_, rest) = rest.split_once('=')?;
            let (default, _) = rest.split_once(';')?;
            Some(Override {
                name: name.trim(),
                default: default.trim(),
            })
        };
        self.source.lines().filter_map(statement).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_unpacked_in_integers_where_the_adapter_cannot() {
        let shader = Shader {
            stem: "a",
            source: "fn low(pair: u32) -> f32 { return unpack2x16float(pair).x; }\n",
        };
        assert_eq!(shader.text(true), shader.source);
        let text = shader.text(false);
        assert!(!text.contains(UNPACK), "{text}");
        assert!(
            text.contains("return unpack_in_integers(pair).x;"),
            "{text}"
        );
        let other = Shader {
            source: "// nothing to unpack",
            ..shader
        };
        assert_eq!(other.text(false), other.source);
    }

    #[test]
    fn sections_are_joined_and_overrides_found() {
        let shader = Shader {
            stem: "a",
            source: "// a — does a\n//\n// Math      y = x\n// Why       one\n//           two\n// Test      t\n\noverride WIDTH: u32 = 8u;\noverride DEPTH: u32 = 4u; // how deep; no more\n",
        };
        assert_eq!(shader.section("Math"), "y = x");
        assert_eq!(shader.section("Why"), "one two");
        assert_eq!(shader.section("Test"), "t");
        assert_eq!(shader.section("Cost"), "");
        let found = shader.overrides();
        let pairs: Vec<_> = found.iter().map(|o| (o.name, o.default)).collect();
        assert_eq!(pairs, [("WIDTH", "8u"), ("DEPTH", "4u")]);
    }
}
