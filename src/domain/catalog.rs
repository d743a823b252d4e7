//! The models of all configured providers, and the choice among them.

use std::cmp::Reverse;

use super::{Credits, FieldError, Model, ProviderName, Request, check};

/// Every model that this gateway can be asked for.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    models: Vec<&'static Model>,
    known: Vec<&'static Model>,
}

impl Catalog {
    /// Offers `models`; `known` are all that old tasks may name.
    #[must_use]
    pub const fn new(models: Vec<&'static Model>, known: Vec<&'static Model>) -> Self {
        Self { models, known }
    }

    /// All models, in the order of the registry.
    #[must_use]
    pub fn models(&self) -> &[&'static Model] {
        &self.models
    }

    /// Their providers, in that order.
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

    /// The model on offer with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&'static Model> {
        self.models.iter().copied().find(|model| model.id == id)
    }

    /// The model to use: the named one, or the cheapest usable one that fits.
    ///
    /// # Errors
    /// What is wrong with the request, field by field, when no model fits.
    pub fn choose(
        &self,
        named: Option<&str>,
        request: &Request,
        usable: impl Fn(&Model) -> bool,
    ) -> Result<&'static Model, Vec<FieldError>> {
        if let Some(id) = named {
            let model = self.find(id).ok_or_else(|| vec![self.unknown_model(id)])?;
            let errors = check(request, model);
            return if errors.is_empty() { Ok(model) } else { Err(errors) };
        }
        self.fitting(request)
            .min_by_key(|model| (!usable(model), model.price(request.resolution)))
            .ok_or_else(|| self.nearest_misses(request))
    }

    /// The cheapest usable model that fits, if there is one.
    #[must_use]
    pub fn cheapest(
        &self,
        request: &Request,
        usable: impl Fn(&Model) -> bool,
    ) -> Option<&'static Model> {
        self.fitting(request)
            .filter(|model| usable(model))
            .min_by_key(|model| model.price(request.resolution))
    }

    fn fitting<'a>(&'a self, request: &'a Request) -> impl Iterator<Item = &'static Model> + 'a {
        self.models.iter().copied().filter(|model| check(request, model).is_empty())
    }

    fn unknown_model(&self, id: &str) -> FieldError {
        let known: Vec<_> = self.models.iter().map(|model| model.id).collect();
        FieldError::new(
            "model",
            format!("There is no model `{id}`; there are {}.", known.join(", ")),
        )
    }

    /// The complaints of the model that fits best: what the client most likely meant. Of several, those
    /// that say more precisely where.
    fn nearest_misses(&self, request: &Request) -> Vec<FieldError> {
        let depth = |error: &FieldError| error.path.len();
        let complaints = self.models.iter().map(|model| check(request, model));
        complaints
            .min_by_key(|errors| (errors.len(), Reverse(errors.iter().map(depth).max())))
            .unwrap_or_else(|| {
                vec![FieldError::new("model", "No provider is configured; tell the operator.")]
            })
    }
}

/// What one upstream job makes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// How many of the images.
    pub images: u32,
    /// At this price.
    pub price: Credits,
}

/// Divides a request into as few upstream jobs as the model can do it in.
#[must_use]
pub fn parts(request: &Request, model: &Model) -> Vec<Part> {
    let (most, each) = (model.images_per_job.max(1), model.price(request.resolution));
    let jobs = request.count.div_ceil(most);
    let images = |number| most.min(request.count - number * most);
    (0..jobs)
        .map(|number| Part { images: images(number), price: each.times(images(number)) })
        .collect()
}
