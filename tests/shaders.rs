//! Every shader is valid WGSL, keeps within what WebGPU guarantees, and says the truth in its header.

#[path = "shaders/translations.rs"]
mod translations;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::Path;

use impasto::gpu::{Access, Kernel};
use impasto::kernels::catalogue;
use naga::valid::{Capabilities, GlobalUse, ModuleInfo, ValidationFlags, Validator};
use wgsl_parse::syntax::TranslationUnit;

/// What a header must tell, beside the title.
const SECTIONS: [&str; 10] = [
    "Math", "Backward", "Layout", "Threads", "Dispatch", "Bindings", "Knobs", "Cost", "Why", "Test",
];
/// A section that a header may have besides.
const POOLING: &str = "Pooling";
const LONGEST_HEADER: usize = 25;
/// Limits that WebGPU guarantees on every adapter.
const STORAGE_BUFFERS: usize = 8;
const WORKGROUP_BYTES: u32 = 16 * 1024;
const WORKGROUP_THREADS: u32 = 256;

/// A file of `shaders/`, parsed.
struct ShaderFile {
    stem: String,
    source: String,
    module: naga::Module,
    info: ModuleInfo,
}

/// A binding as a header and as naga see it: number, name, use.
type Binding = (u32, String, Access);

impl ShaderFile {
    fn header(&self) -> Vec<&str> {
        let lines = self.source.lines();
        lines.take_while(|line| line.starts_with("//")).collect()
    }

    /// The text of each section, continuation lines joined.
    fn sections(&self) -> BTreeMap<&str, String> {
        let mut sections: BTreeMap<&str, String> = BTreeMap::new();
        let mut current = None;
        for line in &self.header()[1..] {
            let text = line.trim_start_matches("//").trim();
            let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
            // A name stands right behind the slashes; a continuation is set in further.
            let is_section = SECTIONS.contains(&first) || first == POOLING;
            if line.starts_with(&format!("// {first} ")) && is_section {
                let twice = sections.insert(first, rest.trim().to_string());
                assert!(twice.is_none(), "{}: {first} stands twice", self.stem);
                current = Some(first);
            } else if let Some(section) = current.and_then(|name| sections.get_mut(name)) {
                section.push(' ');
                section.push_str(text);
            }
        }
        sections
    }

    fn bindings(&self) -> Vec<(naga::Handle<naga::GlobalVariable>, Binding)> {
        let bound = self
            .module
            .global_variables
            .iter()
            .filter_map(|(handle, variable)| {
                let at = variable.binding.as_ref()?;
                assert_eq!(at.group, 0, "{}: a binding outside of group 0", self.stem);
                let access = match variable.space {
                    naga::AddressSpace::Uniform => Access::Uniform,
                    naga::AddressSpace::Storage { access }
                        if access.contains(naga::StorageAccess::STORE) =>
                    {
                        Access::ReadWrite
                    }
                    naga::AddressSpace::Storage { .. } => Access::Read,
                    naga::AddressSpace::Handle => self.texels_access(variable),
                    space => panic!("{}: a binding in {space:?}", self.stem),
                };
                Some((handle, (at.binding, variable.name.clone()?, access)))
            });
        bound.collect()
    }

    /// The only textures there are: matrices of vec4s that are read or written.
    fn texels_access(&self, variable: &naga::GlobalVariable) -> Access {
        let access = match self.module.types[variable.ty].inner {
            naga::TypeInner::Image {
                class:
                    naga::ImageClass::Storage {
                        format: naga::StorageFormat::Rgba32Float,
                        access,
                    },
                ..
            } => access,
            ref other => panic!("{}: a binding of {other:?}", self.stem),
        };
        match access {
            naga::StorageAccess::LOAD => Access::ReadTexels,
            naga::StorageAccess::STORE => Access::WriteTexels,
            other => panic!("{}: texels for {other:?}", self.stem),
        }
    }

    /// What the entry point at `index` touches, itself or through the functions that it calls.
    fn bindings_of(&self, index: usize) -> HashSet<(u32, Access)> {
        let uses = self.info.get_entry_point(index);
        let used = self
            .bindings()
            .into_iter()
            .filter(|(handle, _)| uses[*handle] != GlobalUse::empty());
        used.map(|(_, (number, _, access))| (number, access))
            .collect()
    }
}

fn parse(path: &Path) -> ShaderFile {
    let stem = path.file_stem().unwrap().to_str().unwrap().to_string();
    let source = fs::read_to_string(path).unwrap();
    let module = naga::front::wgsl::parse_str(&source)
        .unwrap_or_else(|error| panic!("{stem}: {}", error.emit_to_string(&source)));
    let everything = Capabilities::SUBGROUP | Capabilities::SHADER_INT64;
    let info =
        validate(&module, &source, everything).unwrap_or_else(|error| panic!("{stem}: {error}"));
    ShaderFile {
        stem,
        source,
        module,
        info,
    }
}

fn validate(
    module: &naga::Module,
    source: &str,
    capabilities: Capabilities,
) -> Result<ModuleInfo, String> {
    // WebGPU guarantees that halves can be unpacked; where wgpu does not, it is done in integers.
    let capabilities = capabilities | Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    if capabilities.contains(Capabilities::SUBGROUP) {
        validator
            .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
            .subgroup_operations(naga::valid::SubgroupOperationSet::all());
    }
    let outcome = validator.validate(module);
    outcome.map_err(|error| error.emit_to_string(source))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shader_files() -> Vec<ShaderFile> {
    let mut paths: Vec<_> = fs::read_dir(root().join("shaders"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "wgsl"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths.iter().map(|path| parse(path)).collect()
}

fn kernels_of(stem: &str) -> Vec<&'static Kernel> {
    let all = catalogue().into_iter();
    all.filter(|kernel| kernel.shader.stem == stem).collect()
}

#[test]
fn headers_are_complete_and_short() {
    for file in shader_files() {
        let header = file.header();
        let title = format!("// {} — ", file.stem);
        assert!(
            header[0].starts_with(&title),
            "{}: the title does not begin with the name",
            file.stem
        );
        assert!(
            header.len() <= LONGEST_HEADER,
            "{}: {} lines of header",
            file.stem,
            header.len()
        );
        let sections = file.sections();
        for name in SECTIONS {
            let text = sections.get(name).map_or("", String::as_str);
            assert!(
                !text.is_empty(),
                "{}: nothing is said about {name}",
                file.stem
            );
        }
    }
}

/// Browsers read WGSL by its grammar, which wants parentheses where operators of two kinds meet; naga, which reads all
/// shaders here, goes by a ranking of its own.
#[test]
fn shaders_keep_to_the_grammar() {
    let parsed = |source: &str| source.parse::<TranslationUnit>().map(|_| ());
    assert!(parsed("fn f() { let a = b == c & !d; }").is_err());
    assert!(parsed("fn f() { let a = b || !c && d; }").is_err());
    for file in shader_files() {
        if let Err(error) = parsed(&file.source) {
            panic!("{}: {error}", file.stem);
        }
    }
}

/// `0 p: uniform  1 x: read  2 y: read_write`, over all entry points of the file.
#[test]
fn headers_name_the_bindings() {
    for file in shader_files() {
        let text = &file.sections()["Bindings"];
        let words: Vec<_> = text.split_whitespace().collect();
        let stated: HashSet<Binding> = words
            .chunks(3)
            .map(|words| {
                let &[number, name, access] = words else {
                    panic!("{}: `{text}` is no list of bindings", file.stem);
                };
                let access = match access {
                    "uniform" => Access::Uniform,
                    "read" => Access::Read,
                    "read_write" => Access::ReadWrite,
                    "read_texels" => Access::ReadTexels,
                    "write_texels" => Access::WriteTexels,
                    other => panic!("{}: `{other}` is no use of a binding", file.stem),
                };
                let number: u32 = number
                    .parse()
                    .unwrap_or_else(|_| panic!("{}: `{number}`", file.stem));
                (number, name.trim_end_matches(':').to_string(), access)
            })
            .collect();
        let found = file.bindings().into_iter().map(|(_, binding)| binding);
        assert_eq!(stated, found.collect(), "{}", file.stem);
    }
}

#[test]
fn headers_name_the_knobs() {
    for file in shader_files() {
        let text = &file.sections()["Knobs"];
        let (overrides, constants) = text.split_once("text:").unwrap_or((text, ""));
        let stated: BTreeSet<_> = knob_names(overrides).collect();
        let found = file.module.overrides.iter();
        let found: BTreeSet<_> = found.filter_map(|(_, knob)| knob.name.as_deref()).collect();
        assert_eq!(stated, found, "{}", file.stem);
        if stated.is_empty() {
            let none = text.starts_with("none") || !constants.is_empty();
            assert!(none, "{}: a file without overrides says `none`", file.stem);
        }
        for name in knob_names(constants) {
            let constant = format!("const {name} = ");
            assert!(
                file.source.contains(&constant),
                "{}: there is no constant {name}",
                file.stem
            );
        }
    }
}

/// Words in capitals.
fn knob_names(text: &str) -> impl Iterator<Item = &str> {
    let is_capital = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    text.split(move |c: char| !(is_capital(c) || c.is_ascii_lowercase()))
        .filter(move |word| word.len() > 1 && word.starts_with(|c: char| c.is_ascii_uppercase()))
        .filter(move |word| word.chars().all(is_capital))
}

/// `tests/kernels.rs::relu`.
#[test]
fn headers_name_a_test_that_exists() {
    for file in shader_files() {
        let text = &file.sections()["Test"];
        let named = text
            .split_whitespace()
            .next()
            .unwrap_or("")
            .trim_end_matches([',', ';', ':']);
        let Some((path, function)) = named.split_once("::") else {
            panic!(
                "{}: `{text}` does not begin with a test like tests/kernels.rs::relu",
                file.stem
            );
        };
        let tests = fs::read_to_string(root().join(path))
            .unwrap_or_else(|error| panic!("{}: `{path}`: {error}", file.stem));
        assert!(
            tests.contains(&format!("#[test]\nfn {function}(")),
            "{}: there is no test `{function}` in {path}",
            file.stem
        );
    }
}

#[test]
fn the_catalogue_lists_every_entry_point_once() {
    let mut in_shaders = Vec::new();
    for file in shader_files() {
        let entries = file.module.entry_points.iter();
        in_shaders.extend(entries.map(|entry| (file.stem.clone(), entry.name.clone())));
    }
    let mut in_catalogue: Vec<_> = catalogue()
        .into_iter()
        .map(|kernel| (kernel.shader.stem.to_string(), kernel.entry.to_string()))
        .collect();
    in_shaders.sort();
    in_catalogue.sort();
    assert_eq!(in_shaders, in_catalogue);
}

#[test]
fn kernels_bind_what_their_entry_points_use() {
    for file in shader_files() {
        for kernel in kernels_of(&file.stem) {
            let mut entries = file.module.entry_points.iter();
            let index = entries
                .position(|entry| entry.name == kernel.entry)
                .unwrap();
            let bound: HashSet<_> = kernel.bindings.iter().copied().collect();
            assert_eq!(bound, file.bindings_of(index), "{}", kernel.name());
            assert_eq!(
                bound.len(),
                kernel.bindings.len(),
                "{} binds twice",
                kernel.name()
            );
        }
    }
}

#[test]
fn kernels_declare_what_not_every_adapter_has() {
    for file in shader_files() {
        let works_with = |capabilities| validate(&file.module, &file.source, capabilities).is_ok();
        let needs_subgroups = !works_with(Capabilities::SHADER_INT64);
        let needs_int64 = !works_with(Capabilities::SUBGROUP);
        for kernel in kernels_of(&file.stem) {
            assert_eq!(kernel.needs_subgroups, needs_subgroups, "{}", kernel.name());
            assert_eq!(kernel.needs_int64(), needs_int64, "{}", kernel.name());
        }
    }
}

#[test]
fn entry_points_keep_within_the_guaranteed_limits() {
    for file in shader_files() {
        for (index, entry) in file.module.entry_points.iter().enumerate() {
            let name = format!("{}.{}", file.stem, entry.name);
            let bindings = file.bindings_of(index).into_iter();
            let storage = bindings
                .filter(|&(_, access)| access != Access::Uniform)
                .count();
            assert!(
                storage <= STORAGE_BUFFERS,
                "{name}: {storage} storage buffers"
            );
            let (bytes, threads) = workgroup_bytes_and_threads(&file, &entry.name);
            assert!(
                bytes <= WORKGROUP_BYTES,
                "{name}: {bytes} bytes of workgroup memory"
            );
            assert!(threads <= WORKGROUP_THREADS, "{name}: {threads} threads");
        }
    }
}

/// Bytes of workgroup memory and threads, with every override at its default.
fn workgroup_bytes_and_threads(file: &ShaderFile, entry: &str) -> (u32, u32) {
    let at_defaults = naga::back::pipeline_constants::process_overrides(
        &file.module,
        &file.info,
        Some((naga::ShaderStage::Compute, entry)),
        &naga::back::PipelineConstants::default(),
    );
    let (module, info) = at_defaults.unwrap_or_else(|error| panic!("{}: {error}", file.stem));
    let uses = info.get_entry_point(0);
    let used = module.global_variables.iter().filter(|(handle, variable)| {
        variable.space == naga::AddressSpace::WorkGroup && uses[*handle] != GlobalUse::empty()
    });
    let sizes = used.map(|(_, variable)| module.types[variable.ty].inner.size(module.to_ctx()));
    (
        sizes.sum(),
        module.entry_points[0].workgroup_size.iter().product(),
    )
}
