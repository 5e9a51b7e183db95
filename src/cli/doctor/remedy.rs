//! What to install so that there is an adapter, by operating system.

/// A system with its own way to install a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    Debian,
    Fedora,
    Arch,
    MacOs,
    Windows,
}

/// What is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Any adapter, a software one will do.
    Any,
    /// That of a graphics card.
    Card,
}

impl System {
    const ALL: [Self; 5] = [
        Self::Debian,
        Self::Fedora,
        Self::Arch,
        Self::MacOs,
        Self::Windows,
    ];

    /// What this program runs on, as far as it is known here.
    pub fn of_this_machine() -> Option<Self> {
        if cfg!(target_os = "macos") {
            return Some(Self::MacOs);
        }
        if cfg!(windows) {
            return Some(Self::Windows);
        }
        // Where freedesktop.org has it, and where it lies if an administrator wrote none.
        let files = ["/etc/os-release", "/usr/lib/os-release"];
        let texts = files.map(std::fs::read_to_string).into_iter().flatten();
        texts.map(|text| Self::of(&text)).next().flatten()
    }

    /// The system of an `os-release` file: by its own name, else by that of one that it is like.
    pub fn of(os_release: &str) -> Option<Self> {
        let value = |key: &str| {
            let lines = os_release.lines().map(str::trim);
            let mut values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            values.next().unwrap_or_default().trim_matches(['"', '\''])
        };
        let names = [value("ID"), value("ID_LIKE")];
        let mut names = names.iter().flat_map(|names| names.split_whitespace());
        names.find_map(|name| match name {
            "debian" | "ubuntu" => Some(Self::Debian),
            "fedora" | "rhel" | "centos" => Some(Self::Fedora),
            "arch" => Some(Self::Arch),
            _ => None,
        })
    }

    /// All, `first` at the top.
    pub fn all_from(first: Option<Self>) -> impl Iterator<Item = Self> {
        let others = Self::ALL.into_iter();
        let others = others.filter(move |system| Some(*system) != first);
        first.into_iter().chain(others)
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debian => "Debian, Ubuntu",
            Self::Fedora => "Fedora",
            Self::Arch => "Arch",
            Self::MacOs => "macOS",
            Self::Windows => "Windows",
        }
    }

    /// What to do there.
    pub fn remedy(self, need: Need) -> &'static str {
        match (self, need) {
            (Self::Debian, Need::Any) => "sudo apt-get install mesa-vulkan-drivers libvulkan1",
            (Self::Debian, Need::Card) => {
                "mesa-vulkan-drivers for AMD and Intel, nvidia-driver (Debian, non-free) or `sudo ubuntu-drivers install` for NVIDIA"
            }
            (Self::Fedora, Need::Any) => "sudo dnf install mesa-vulkan-drivers vulkan-loader",
            (Self::Fedora, Need::Card) => {
                "mesa-vulkan-drivers for AMD and Intel, akmod-nvidia of RPM Fusion for NVIDIA"
            }
            (Self::Arch, Need::Any) => "sudo pacman -S vulkan-icd-loader vulkan-swrast",
            (Self::Arch, Need::Card) => {
                "vulkan-radeon for AMD, vulkan-intel for Intel, nvidia-utils for NVIDIA"
            }
            (Self::MacOs, _) => {
                "nothing: Metal is a part of macOS; if it is missing, update the system"
            }
            (Self::Windows, Need::Any) => {
                "nothing on Windows 10 and later, which have DX12; if it is missing, install the driver of the card's vendor"
            }
            (Self::Windows, Need::Card) => "the driver of the card's vendor: AMD, Intel or NVIDIA",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_told_by_their_name_or_by_what_they_are_like() {
        for (os_release, system) in [
            (
                "NAME=\"Debian GNU/Linux\"\nID=debian\n",
                Some(System::Debian),
            ),
            ("ID=ubuntu\nID_LIKE=debian\n", Some(System::Debian)),
            (
                "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n",
                Some(System::Debian),
            ),
            ("ID='fedora'\nVERSION_ID=44\n", Some(System::Fedora)),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
                Some(System::Fedora),
            ),
            ("ID_LIKE=arch\nID=manjaro\n", Some(System::Arch)),
            // Its own name goes before that of others, and others' fields are none.
            ("ID_LIKE=fedora\nID=arch\n", Some(System::Arch)),
            ("VARIANT_ID=debian\nID=nixos\n", None),
            ("", None),
        ] {
            assert_eq!(System::of(os_release), system, "{os_release}");
        }
    }

    #[test]
    fn the_system_that_runs_it_comes_first() {
        let all: Vec<System> = System::all_from(Some(System::Arch)).collect();
        assert_eq!(all[0], System::Arch);
        assert_eq!(all.len(), System::ALL.len());
        assert_eq!(System::all_from(None).count(), System::ALL.len());
        for system in all {
            for need in [Need::Any, Need::Card] {
                assert!(!system.remedy(need).is_empty());
            }
        }
    }
}
