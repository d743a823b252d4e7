//! The models of all enabled providers, and how one of them is chosen.

use std::cmp::Reverse;

use super::{Credits, FieldError, FieldProblem, ImageRequest, Model, ProviderName, check_request};

/// Every model that this gateway offers.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// The offered models.
    models: Vec<&'static Model>,
    /// These, and models that only old tasks use.
    known: Vec<&'static Model>,
}

impl Catalog {
    /// Offers `models`; `known` also contains the models that only older tasks use.
    #[must_use]
    pub const fn new(models: Vec<&'static Model>, known: Vec<&'static Model>) -> Self {
        Self { models, known }
    }

    /// All offered models, in the order of the registry.
    #[must_use]
    pub fn models(&self) -> &[&'static Model] {
        &self.models
    }

    /// All models, offered or not.
    #[must_use]
    pub fn known(&self) -> &[&'static Model] {
        &self.known
    }

    /// The providers of the offered models, in the same order.
    #[must_use]
    pub fn providers(&self) -> Vec<ProviderName> {
        let mut names: Vec<_> = self.models.iter().map(|model| model.provider).collect();
        names.dedup();
        names
    }

    /// The model with this id, offered or not.
    #[must_use]
    pub fn find_known(&self, id: &str) -> Option<&'static Model> {
        self.known.iter().copied().find(|model| model.id == id)
    }

    /// The offered model with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&'static Model> {
        self.models.iter().copied().find(|model| model.id == id)
    }

    /// The model to use: the named one, or the cheapest usable one that supports the request;
    /// when none is usable, the cheapest one that supports it.
    ///
    /// # Errors
    /// The errors of the request, field by field, when no model supports it.
    pub fn choose(
        &self,
        named: Option<&str>,
        request: &ImageRequest,
        usable: impl Fn(&Model) -> bool,
    ) -> Result<&'static Model, Vec<FieldError>> {
        if let Some(id) = named {
            let model = self.find(id).ok_or_else(|| vec![self.unknown_model(id)])?;
            let errors = check_request(request, model);
            return if errors.is_empty() { Ok(model) } else { Err(errors) };
        }
        self.matching_models(request)
            .min_by_key(|model| (!usable(model), model.price(request.resolution)))
            .ok_or_else(|| self.closest_model_errors(request))
    }

    /// The cheapest usable model that supports the request, if there is one.
    #[must_use]
    pub fn cheapest(
        &self,
        request: &ImageRequest,
        usable: impl Fn(&Model) -> bool,
    ) -> Option<&'static Model> {
        self.matching_models(request)
            .filter(|model| usable(model))
            .min_by_key(|model| model.price(request.resolution))
    }

    fn matching_models<'a>(
        &'a self,
        request: &'a ImageRequest,
    ) -> impl Iterator<Item = &'static Model> + 'a {
        self.models.iter().copied().filter(|model| check_request(request, model).is_empty())
    }

    fn unknown_model(&self, id: &str) -> FieldError {
        let offered: Vec<_> = self.models.iter().map(|model| model.id).collect();
        FieldError::new("model", FieldProblem::UnknownModel { id: id.to_owned(), offered })
    }

    /// The errors of the model with the fewest errors, which the client most likely meant. On a
    /// tie, the errors with the longest path, because they are more precise.
    fn closest_model_errors(&self, request: &ImageRequest) -> Vec<FieldError> {
        let depth = |error: &FieldError| error.path.len();
        let errors_by_model = self.models.iter().map(|model| check_request(request, model));
        errors_by_model
            .min_by_key(|errors| (errors.len(), Reverse(errors.iter().map(depth).max())))
            .unwrap_or_else(|| vec![FieldError::new("model", FieldProblem::NoProvider)])
    }
}

/// The size of one job of a request: how many of its images the job makes, and at what price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobSize {
    /// Number of images.
    pub images: u32,
    /// Price of these images.
    pub price: Credits,
}

/// Splits a request into as few jobs as the model allows.
#[must_use]
pub fn job_sizes(request: &ImageRequest, model: &Model) -> Vec<JobSize> {
    let (most, each) = (model.images_per_job.max(1), model.price(request.resolution));
    let jobs = request.count.div_ceil(most);
    let images = |number| most.min(request.count - number * most);
    (0..jobs)
        .map(|number| JobSize { images: images(number), price: each.times(images(number)) })
        .collect()
}
