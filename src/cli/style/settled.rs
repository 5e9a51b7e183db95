//! What a run makes of the flags that were left to its recipe, for those that go on with it or make it again.

use impasto::objective::Statistics;

use super::StyleJob;
use crate::cli::arguments::{border_name, pooling_name};
use crate::cli::flags::Options;
use crate::cli::memory::OptimiserWish;

impl StyleJob<'_> {
    /// Writes into `options` what was left to the recipe, so that another idea of the recipe changes no run that has begun,
    /// or is made again. Returns the flags that were.
    pub(super) fn settle(&self, options: &mut Options) -> Vec<String> {
        let mut left = Vec::new();
        let mut set = |flag: &str, value: String| {
            if !options.contains_key(flag) {
                options.insert(flag.to_string(), vec![value]);
                left.push(flag.to_string());
            }
        };
        let terms = &self.terms;
        set("style-weight", terms.style_weight.to_string());
        set("tv-weight", terms.tv_weight.to_string());
        set("pooling", pooling_name(terms.pooling).to_string());
        set("style-loss", of_statistics(terms.statistics).to_string());
        // A texture has no content, and what it wants of its border stands in flags of its own.
        if !terms.content.is_empty() {
            set("content-weight", terms.content_weight.to_string());
            set("border", border_name(terms.border).to_string());
            set("detail", self.detail.to_string());
        }
        match self.optimiser {
            OptimiserWish::Adam(settings) => {
                set("optimizer", "adam".to_string());
                set("learning-rate", settings.learning_rate.to_string());
                set("beta1", settings.beta1.to_string());
                set("beta2", settings.beta2.to_string());
                set("epsilon", settings.epsilon.to_string());
            }
            OptimiserWish::Lbfgs { settings, .. } => {
                set("optimizer", "lbfgs".to_string());
                set("learning-rate", settings.learning_rate.to_string());
            }
        }
        set("average", self.average.to_string());
        set("tolerance", self.tolerance.to_string());
        let finish = self.finish.as_ref().and_then(|_| self.scales.last());
        let finish = finish.map_or(0, |scale| scale.steps);
        set("finish", finish.to_string());
        left
    }
}

fn of_statistics(statistics: Statistics) -> &'static str {
    match statistics {
        Statistics::Gram => "gram",
        Statistics::Moments => "wasserstein",
    }
}
