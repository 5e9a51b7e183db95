//! `--preset`: flags in place of an amount of time.

use std::ffi::OsString;

use impasto::gpu::Gpu;
use impasto::kernels::conv3x3::Preference;
use impasto::net::Network;
use impasto::objective::StyleTerms;
use impasto::paint::{Scale, StyleProblem, StyleRecipe, averaging_over, first_that_fits};

use super::timing::{Paces, Stages};
use super::{JobFinish, Opened, objective, recipe};
use crate::cli::arguments::{Common, Preset, Recipe, StyleArguments};
use crate::cli::duration::minutes;
use crate::cli::failure::Failure;
use crate::cli::memory::{Budget, OptimiserWish};
use crate::cli::resume::Session;
use crate::cli::series::Member;
use crate::cli::{say, tuning};

/// Sizes are not made smaller than this to save time, unless the content is.
const SMALLEST_SIZE: usize = 128;

/// What a preset stands for.
struct Meaning {
    seconds: f64,
    /// The longest side.
    longest: usize,
    iterations: u32,
    /// The longer side of the coarsest scale where that of the recipe is not meant.
    smallest: Option<usize>,
}

impl Preset {
    fn meaning(self, recipe: Recipe) -> Meaning {
        // Adam takes more and shorter steps than L-BFGS, and most of them where they cost least.
        let [draft, standard, fine] = match recipe {
            Recipe::Gatys => [100, 300, 500],
            Recipe::Painterly => [150, 400, 800],
        };
        // The network looks at about 270 pixels at once: on a larger picture a single scale has small strokes only.
        let from_coarse = (recipe == Recipe::Gatys).then_some(256);
        match self {
            Self::Draft => Meaning {
                seconds: 60.0,
                longest: 512,
                iterations: draft,
                smallest: None,
            },
            Self::Standard => Meaning {
                seconds: 5.0 * 60.0,
                longest: 1024,
                iterations: standard,
                smallest: from_coarse,
            },
            Self::Fine => Meaning {
                seconds: 20.0 * 60.0,
                longest: 2048,
                iterations: fine,
                smallest: from_coarse,
            },
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Standard => "standard",
            Self::Fine => "fine",
        }
    }
}

/// A command line without a preset.
pub(super) struct Settled {
    pub(super) arguments: Box<StyleArguments>,
    pub(super) session: Session,
    /// How long it takes, if the size was chosen by that.
    pub(super) seconds: Option<f64>,
}

impl Opened {
    /// The command line with what the preset stands for on this adapter, wherever it says nothing itself. So records
    /// have the flags, and the run made again has them too.
    pub(super) fn settle(
        &mut self,
        common: &Common,
        (preset, arguments): (Preset, &StyleArguments),
        (network, gpu): (&Network, &Gpu),
    ) -> Result<Settled, Failure> {
        let meaning = preset.meaning(arguments.recipe);
        let gives = |flag: &str| self.session.gives(flag);
        let mut flags: Vec<(&str, Vec<OsString>)> = vec![("preset", vec![])];
        let mut said = String::new();
        let mut set = |flag: &'static str, value: String| {
            said += &format!(" --{flag} {value}");
            flags.push((flag, vec![value.into()]));
        };
        if !gives("iterations") {
            set("iterations", meaning.iterations.to_string());
        }
        if let Some(smallest) = meaning.smallest
            && !gives("scales")
            && !gives("smallest")
        {
            set("smallest", smallest.to_string());
        }
        let settled = parsed(&self.session, &flags)?;
        let (mut time, mut reckoned) = (String::new(), None);
        if !gives("size") {
            let question = Question::new(self, common, &settled.arguments, (network, gpu))?;
            let (size, seconds) = question.largest_within(&meaning, common)?;
            said = format!(" --size {size}{said}");
            flags.push(("size", vec![size.to_string().into()]));
            time = format!(", about {}", minutes(seconds));
            reckoned = Some(seconds);
        }
        say(common, format!("preset {}:{said}{time}", preset.name()));
        let mut settled = parsed(&self.session, &flags)?;
        settled.session.repeated = self.session.repeated.take();
        settled.seconds = reckoned;
        Ok(settled)
    }
}

/// The command line with these flags.
fn parsed(session: &Session, flags: &[(&str, Vec<OsString>)]) -> Result<Settled, Failure> {
    let member = Member {
        title: String::new(),
        words: session.style_with(flags),
    };
    let (arguments, session) = member.parse()?;
    Ok(Settled {
        arguments,
        session,
        seconds: None,
    })
}

/// How long a run takes, for every size that it might have.
struct Question<'a> {
    opened: &'a Opened,
    arguments: &'a StyleArguments,
    network: &'a Network,
    gpu: &'a Gpu,
    recipe: StyleRecipe,
    wish: OptimiserWish,
    terms: StyleTerms,
    preference: Preference,
}

impl<'a> Question<'a> {
    fn new(
        opened: &'a Opened,
        common: &Common,
        arguments: &'a StyleArguments,
        (network, gpu): (&'a Network, &'a Gpu),
    ) -> Result<Self, Failure> {
        let recipe = recipe::named(arguments, network.architecture);
        let wish = recipe::optimiser(arguments, &recipe)?;
        let mut terms = objective::terms(arguments, &recipe, network.architecture)?;
        terms.regions = opened.pictures.masks.regions(&arguments.styles);
        let styles = arguments.styles.len();
        terms.parts = objective::parts(arguments, network.architecture, styles)?;
        Ok(Self {
            opened,
            arguments,
            network,
            gpu,
            recipe,
            wish,
            terms,
            preference: tuning::preference(common, gpu.profile(), arguments.variant),
        })
    }

    /// The largest size that takes no more time than is meant and fits in memory, or the smallest if none does; and the
    /// seconds that it takes.
    fn largest_within(&self, meaning: &Meaning, common: &Common) -> Result<(usize, f64), Failure> {
        let pictures = &self.opened.pictures;
        let longest = pictures.size.min(meaning.longest);
        let (_, finish) = self.stages(longest)?;
        let stages = Stages {
            network: self.network,
            gpu: self.gpu,
            scales: (&self.terms, self.wish),
            finish: finish
                .as_ref()
                .map(|finish| (&finish.terms, finish.optimiser)),
            sources: &pictures.sources,
            preference: &self.preference,
            budget: Budget::new(self.arguments.memory, self.gpu.profile()).bytes,
        };
        let paces = stages.timed(common, longest, self.arguments.dry_run)?;
        let mut last = (longest, 0.0);
        for size in candidates(longest) {
            let seconds = self.seconds(&paces, size, [1.0; 2])?;
            last = (size, seconds);
            if seconds > meaning.seconds {
                continue;
            }
            let Some(costs) = self.costs(size)? else {
                continue;
            };
            last.1 = self.seconds(&paces, size, costs)?;
            if last.1 <= meaning.seconds {
                break;
            }
        }
        Ok(last)
    }

    /// Seconds of a run of this `size` whose steps take so many times as long as if everything were kept, before the finish
    /// and in it.
    fn seconds(&self, paces: &Paces, size: usize, costs: [f64; 2]) -> Result<f64, Failure> {
        let sources = &self.opened.pictures.sources;
        let (scales, finish) = self.stages(size)?;
        let last = scales.len() - 1;
        // To look at the pictures of a scale takes about as long as a step.
        let of_scale = |(index, scale): (usize, &Scale)| {
            let is_finish = finish.is_some() && index == last;
            let of_step = paces.seconds(is_finish, sources.sizes(scale.size).0);
            (scale.steps + 1) as f64 * of_step * costs[usize::from(is_finish)]
        };
        Ok(scales.iter().enumerate().map(of_scale).sum())
    }

    fn stages(&self, size: usize) -> Result<(Vec<Scale>, Option<JobFinish>), Failure> {
        let of_network = (self.network.architecture, &self.terms);
        let of_pictures = (&self.opened.pictures.sources, size);
        let sizes = recipe::sizes(self.arguments, &self.recipe, of_network, of_pictures)?;
        recipe::stages(self.arguments, &self.recipe, of_network, &sizes)
    }

    /// How many times as long a step takes as if everything were kept, before the finish and in it, in the ways that fit in
    /// memory; `None` if one has none.
    fn costs(&self, size: usize) -> Result<Option<[f64; 2]>, Failure> {
        let average = self.arguments.descent.average;
        let average = average.unwrap_or(self.recipe.average);
        let (scales, finish) = self.stages(size)?;
        let steps = scales.last().map_or(0, |scale| scale.steps);
        let averages = averaging_over(steps, average).is_some();
        let usual = self.cost(size, (&self.terms, self.wish), averages)?;
        let last = match &finish {
            Some(finish) => self.cost(size, (&finish.terms, finish.optimiser), false)?,
            None => usual,
        };
        Ok(usual.zip(last).map(|(usual, last)| [usual, last]))
    }

    fn cost(
        &self,
        size: usize,
        (terms, wish): (&StyleTerms, OptimiserWish),
        averages: bool,
    ) -> Result<Option<f64>, Failure> {
        let (content, styles) = self.opened.pictures.sources.sizes(size);
        let problem = StyleProblem {
            network: self.network,
            terms,
            preference: &self.preference,
            size: content,
            styles: &styles,
            averages,
            report_every: 1,
        };
        let adapter = self.gpu.profile();
        let budget = Budget::new(self.arguments.memory, adapter);
        let found = first_that_fits(&problem, adapter, &wish.settings(), budget.bytes)?;
        Ok(found.ok().map(|forecast| forecast.way.cost()))
    }
}

/// Longer sides from `longest` down, √2 apart where they are not that of the content.
fn candidates(longest: usize) -> Vec<usize> {
    let ladder = (0..).map(|i| (2048.0 / 2f64.powf(f64::from(i) / 2.0)).round() as usize);
    let below = ladder.take_while(|&size| size >= SMALLEST_SIZE);
    let below = below.filter(|&size| size < longest);
    std::iter::once(longest).chain(below).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_a_ladder_below_the_content() {
        assert_eq!(candidates(512), [512, 362, 256, 181, 128]);
        assert_eq!(candidates(400), [400, 362, 256, 181, 128]);
        assert_eq!(candidates(100), [100]);
        assert_eq!(candidates(2048).len(), 9);
    }

    #[test]
    fn a_finer_preset_is_more_of_everything() {
        for recipe in [Recipe::Gatys, Recipe::Painterly] {
            let [draft, standard, fine] = [Preset::Draft, Preset::Standard, Preset::Fine]
                .map(|preset| preset.meaning(recipe));
            for [less, more] in [[&draft, &standard], [&standard, &fine]] {
                assert!(less.seconds < more.seconds);
                assert!(less.longest < more.longest);
                assert!(less.iterations < more.iterations);
            }
        }
    }
}
