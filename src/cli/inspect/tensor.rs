//! `impasto inspect tensor`: any value of a step of recipe gatys, as numbers and as a picture.

use std::collections::BTreeSet;

use impasto::graph::{Extent, Op, Program, RunOptions, Strategy, Value, ValueId};
use impasto::image::{FalseColours, MAX_PIXELS, MAX_SIDE, Picture, contact_sheet, save_npy};
use impasto::kernels::conv3x3::Preference;
use impasto::objective::{StyleTape, StyleTargets};
use impasto::paint::gatys;

use super::{check_array, check_layers};
use crate::cli::arguments::{Common, TensorArguments};
use crate::cli::failure::Failure;
use crate::cli::terminal::print;
use crate::cli::wait::wait;
use crate::cli::{network, open_gpu, say, side_file};

/// The least width and height of a channel on the sheet, in pixels: a label goes below it.
const LEAST_CELL: usize = 48;

/// The least width of a matrix, if its entries can be drawn as squares.
const LEAST_MATRIX: usize = 512;

/// Runs the command.
pub fn run(common: &Common, arguments: &TensorArguments) -> Result<(), Failure> {
    check_outputs(arguments)?;
    let content = Picture::load(&arguments.content)?;
    let style = Picture::load(&arguments.style)?;
    let at = match &arguments.at {
        Some(path) => Picture::load(path)?,
        None => content.clone(),
    };
    if (at.width, at.height) != (content.width, content.height) {
        return Err(Failure::bad_input(format!(
            "--at is {}×{} but the content is {}×{}; give both the same size",
            at.width, at.height, content.width, content.height
        )));
    }
    let network = network::load(common)?;
    let mut terms = gatys(network.architecture);
    terms.pooling = arguments.pooling;
    let styles = [(style, 1.0)];
    check_layers(network.architecture, &terms, (&arguments.content, &content))?;
    check_layers(
        network.architecture,
        &terms,
        (&arguments.style, &styles[0].0),
    )?;
    let size = [content.width, content.height];
    let tape = StyleTape::new(&network, &terms, size)?;
    // Scratch memory alone depends on the adapter.
    let program = Program::with_gradient(tape.tape.clone(), u64::MAX);
    if arguments.list {
        return list(&program);
    }
    // clap wants one of --list and --name.
    let name = arguments.name.as_deref().unwrap_or_default();
    let tensor = Tensor::find(&program, name)?;
    let gpu = open_gpu(common)?;
    let options = RunOptions {
        keep: vec![tensor.id],
        preference: Preference::exact(),
        ..RunOptions::default()
    };
    let plain = Strategy::default();
    let values = wait(&gpu, async {
        let exact = &options.preference;
        let targets =
            StyleTargets::measure(&gpu, &network, &terms, &content, &styles, exact, &plain).await?;
        let executable = tape.executable(&gpu, &targets, &plain, &options)?;
        executable.write_picture(&gpu, &at.rgb);
        executable.run(&gpu);
        let values = executable.read(&gpu, tensor.id).await?;
        gpu.check()?;
        Ok::<_, Failure>(values)
    })?;
    if let Some(path) = &arguments.output {
        save_npy(path, &tensor.sides(), &values)?;
    }
    if let Some(path) = &arguments.picture {
        tensor.drawn(&values, |line| say(common, line)).save(path)?;
    }
    Ok(())
}

fn check_outputs(arguments: &TensorArguments) -> Result<(), Failure> {
    let mut inputs = vec![arguments.content.as_path(), &arguments.style];
    inputs.extend(arguments.at.as_deref());
    if let Some(output) = &arguments.output {
        check_array(output, &inputs)?;
        inputs.push(output);
    }
    if let Some(picture) = &arguments.picture {
        side_file::check_picture("picture", picture, &inputs)?;
    }
    Ok(())
}

/// Something with sides that a step reads or writes.
struct Tensor {
    id: ValueId,
    name: String,
    extent: Extent,
    /// The picture itself, which has colours.
    is_picture: bool,
}

impl Tensor {
    /// All of a program: scratch memory has no meaning, and a loss is one number.
    fn all(program: &Program) -> Vec<Self> {
        let steps = program.steps.iter();
        let touched = steps.flat_map(|step| step.reads.iter().chain([&step.write]));
        let ids: BTreeSet<ValueId> = touched.copied().collect();
        let tensors = ids.into_iter().map(|id| {
            let value = program.value(id);
            Self {
                id,
                name: name(program, value),
                extent: value.extent,
                is_picture: id == program.tape.picture(),
            }
        });
        tensors
            .filter(|tensor| !tensor.sides().is_empty())
            .collect()
    }

    fn find(program: &Program, name: &str) -> Result<Self, Failure> {
        let mut all = Self::all(program);
        let distance = |tensor: &Self| strsim::damerau_levenshtein(name, &tensor.name);
        all.sort_by_key(distance);
        // A step has a picture at least.
        let nearest = all.swap_remove(0);
        if nearest.name == name {
            return Ok(nearest);
        }
        Err(Failure::usage(format!(
            "--name `{name}` is nothing that a step computes, perhaps `{}`; --list shows all",
            nearest.name
        )))
    }

    /// Sides of the array; none of what has no sides.
    fn sides(&self) -> Vec<usize> {
        match self.extent {
            Extent::Picture { height, width } => vec![3, height, width],
            Extent::Map(shape) => vec![shape.channels, shape.height, shape.width],
            Extent::Gram(channels) => vec![channels, channels],
            Extent::Moments(channels) => vec![channels + 1, channels],
            Extent::Loss(_) | Extent::Workspace(_) => vec![],
        }
    }

    fn said_sides(&self) -> String {
        let sides: Vec<String> = self.sides().iter().map(usize::to_string).collect();
        sides.join("x")
    }

    /// A picture of its values; says through `say` what is not on it.
    fn drawn(&self, values: &[f32], say: impl FnOnce(String)) -> Picture {
        let colours = FalseColours::of(values);
        let title = format!(
            "{}, {}, white is {:.3e}",
            self.name,
            self.said_sides(),
            colours.peak
        );
        match (self.extent, &self.sides()[..]) {
            (Extent::Picture { height, width }, _) if self.is_picture => Picture {
                width,
                height,
                rgb: values.to_vec(),
            },
            (Extent::Picture { height, width }, _) => colours.around_grey(values, [width, height]),
            (_, &[channels, height, width]) => {
                let side = LEAST_CELL.div_ceil(width.min(height));
                let fit = channels.min(room([side * width, side * height]));
                if fit < channels {
                    say(format!(
                        "note: the picture has room for {fit} of {channels} channels; --output has all"
                    ));
                }
                let planes = values.chunks(width * height).take(fit).enumerate();
                let cells: Vec<(String, Picture)> = planes
                    .map(|(channel, plane)| {
                        let picture = colours.picture(plane, [width, height], side);
                        (channel.to_string(), picture)
                    })
                    .collect();
                contact_sheet(&title, &cells, fit.isqrt())
            }
            (_, &[rows, columns]) => {
                let side = (LEAST_MATRIX / columns).max(1);
                let matrix = colours.picture(values, [columns, rows], side);
                contact_sheet(&title, &[(String::new(), matrix)], 1)
            }
            // There are no others, see `Tensor::all`.
            _ => colours.around_grey(&[0.0; 3], [1, 1]),
        }
    }
}

/// Name of a value. A convolution with its ReLU fused leaves what comes out of the ReLU, and that is what its name
/// says; its gradient has gone back through the ReLU, and is that of the convolution.
fn name(program: &Program, value: &Value) -> String {
    let producer = value.producer.map(|node| &program.tape.nodes()[node].op);
    match producer {
        Some(Op::Conv3x3 { relu: true, .. }) => value.name.replace("conv", "relu"),
        _ => value.name.clone(),
    }
}

/// How many pictures of this size a sheet can show as a square.
fn room([width, height]: [usize; 2]) -> usize {
    // Gaps and a label, generously.
    let cell = [width + 16, height + 48];
    let along = |side: usize| MAX_SIDE as usize / side;
    let most = (along(cell[0]) * along(cell[1])) as u64;
    most.min(MAX_PIXELS / (cell[0] * cell[1]) as u64).max(1) as usize
}

fn list(program: &Program) -> Result<(), Failure> {
    for tensor in Tensor::all(program) {
        print(format!("{:<32} {}", tensor.name, tensor.said_sides()))?;
    }
    Ok(())
}
