//! A run of `impasto style` between its command line and its device.

use std::path::Path;

use impasto::gpu::Gpu;
use impasto::net::Network;

use super::files::{check_outputs, mask_files};
use super::masks::say_if_lost;
use super::objective::{Remedies, check_sides, parts, terms};
use super::pictures::Pictures;
use super::recipe::{self, settle_scales};
use super::style_masks::say_if_mingled;
use super::{Motif, StyleJob, keeping, paint};
use crate::cli::arguments::{Common, StyleArguments};
use crate::cli::checkpoint::Inputs;
use crate::cli::colour;
use crate::cli::failure::Failure;
use crate::cli::memory::OptimiserWish;
use crate::cli::pictures::Output;
use crate::cli::record::Draft;
use crate::cli::resume::Session;
use crate::cli::say;

/// A run whose pictures are read, and whose output can be written.
pub struct Opened {
    pub(super) session: Session,
    pub(super) pictures: Pictures,
    output: Output,
}

impl Opened {
    /// Reads the pictures that the flags name.
    pub fn new(
        common: &Common,
        arguments: &StyleArguments,
        session: Session,
    ) -> Result<Self, Failure> {
        let output = check_outputs(arguments)?;
        colour::check(arguments)?;
        let pictures = Pictures::load(common, arguments, &session)?;
        Ok(Self {
            session,
            pictures,
            output,
        })
    }

    /// The run with its result called `title` in what is said of it.
    pub fn called(self, title: Option<&str>) -> Self {
        Self {
            output: self.output.called(title),
            ..self
        }
    }

    /// Paints with a network and a device that are there already.
    pub fn paint(
        mut self,
        common: &Common,
        arguments: &StyleArguments,
        (network, gpu): (&Network, &Gpu),
    ) -> Result<(), Failure> {
        let settled = match arguments.preset {
            Some(preset) => {
                let settled = self.settle(common, (preset, arguments), (network, gpu))?;
                self.session = settled.session;
                Some((settled.arguments, settled.seconds))
            }
            None => None,
        };
        let (arguments, reckoned) = match &settled {
            Some((settled, seconds)) => (&**settled, *seconds),
            None => (arguments, None),
        };
        let job = self.job(common, arguments, network)?;
        let job = StyleJob {
            reckoned,
            ..job.on(common, arguments, gpu)
        };
        paint(common, gpu, network, job)
    }

    /// Everything that can be settled, or refused, without a device.
    pub fn job<'a>(
        self,
        common: &Common,
        arguments: &'a StyleArguments,
        network: &Network,
    ) -> Result<StyleJob<'a>, Failure> {
        let Self {
            mut session,
            mut pictures,
            output,
        } = self;
        let attachments = pictures.fit(common, arguments)?;
        let output = output.with(common, attachments, arguments.depth)?;
        let architecture = network.architecture;
        let recipe = recipe::named(arguments, architecture);
        let mut terms = terms(arguments, &recipe, architecture)?;
        terms.regions = pictures.masks.regions(&arguments.styles);
        terms.parts = parts(arguments, architecture, arguments.styles.len())?;
        let of_network = (architecture, &terms);
        let of_pictures = (&pictures.sources, pictures.size);
        let sizes = recipe::sizes(arguments, &recipe, of_network, of_pictures)?;
        settle_scales(&mut session, sizes.len());
        output.check_size(pictures.sources.sizes(pictures.size).0)?;
        let names = arguments.styles.iter().map(|style| Path::new(&style.name));
        check_sides(
            architecture,
            &terms,
            (arguments.content(), names),
            (&pictures.sources, &sizes),
            Remedies {
                content: "a larger picture or --size",
                style: match arguments.style_size {
                    Some(_) => "a larger --style-size or --style-scale",
                    None => "a larger --size or --style-scale",
                },
            },
        )?;
        let size = pictures.sources.sizes(pictures.size).0;
        say_if_lost(common, arguments, of_network, size);
        let sizes_of_styles = pictures.sources.sizes(pictures.size).1;
        say_if_mingled(common, arguments, of_network, &sizes_of_styles);
        if let [size] = sizes[..] {
            // They are looked at in no other size.
            (pictures.sources.content, pictures.sources.styles) = pictures.sources.at(size);
        }
        let (content, styles) = pictures.sources.at(pictures.size);
        let styles = styles.iter().map(|(style, _)| style);
        let looked_at = std::iter::once(&content).chain(styles);
        let inputs = Inputs::new(network, looked_at.chain(pictures.masks.all()))
            .seen_through(pictures.proof.as_ref());
        let of_files = (pictures.inputs.clone(), arguments.seed);
        let to_files = (&inputs, &output);
        let record = Draft::new(
            common,
            arguments.recording,
            &mut session,
            of_files,
            to_files,
        )?;
        let ground = pictures.ground();
        let output = pictures.in_colour(arguments, output)?.on_ground(ground);
        let motif = Motif {
            start: pictures.start(arguments),
            detail: recipe::detail(arguments, &recipe, &terms),
            plotted: format!("recipe {}", arguments.recipe.name()),
            sources: pictures.sources,
        };
        let (to, of_network) = ((&session, output), (architecture, terms));
        let job = StyleJob::new(arguments, to, &recipe, of_network, &sizes, motif)?;
        let record = job.described(record);
        let mut names: Vec<&Path> = arguments.proof.as_deref().into_iter().collect();
        names.push(arguments.content());
        names.extend(arguments.styles.iter().map(|style| Path::new(&style.name)));
        names.extend(mask_files(arguments));
        let keeping = keeping(common, arguments, &session, (inputs, &names), &job)?;
        say_what_is_idle(common, arguments, &session, &job);
        Ok(StyleJob {
            keeping,
            record: Some(record),
            resumed: session.resumed,
            ..job
        })
    }
}

/// Says which flags do nothing here. They are not refused: another value of a flag that is swept may want them.
fn say_what_is_idle(
    common: &Common,
    arguments: &StyleArguments,
    session: &Session,
    job: &StyleJob<'_>,
) {
    let is_lbfgs = |wish: &OptimiserWish| matches!(wish, OptimiserWish::Lbfgs { .. });
    let finish = job.finish.as_ref();
    let has_lbfgs = is_lbfgs(&job.optimiser) || finish.is_some_and(|of| is_lbfgs(&of.optimiser));
    if let Some(history) = arguments
        .history
        .filter(|_| session.gives_now("history") && !has_lbfgs)
    {
        say(
            common,
            format!("note: --history {history} does nothing here, as no step is made by L-BFGS"),
        );
    }
    let is_one_size = job.scales.len() == 1;
    if let Some(detail) = arguments
        .detail
        .filter(|_| session.gives_now("detail") && is_one_size)
    {
        say(
            common,
            format!("note: --detail {detail} does nothing here, as no size comes before another"),
        );
    }
}
