//! Which changes of a spec need new replicas.

use super::{Image, Model, Spec};

impl Spec {
    /// Returns whether replicas of `self` cannot serve `next`.
    ///
    /// The model, the image and its variables are in the replica; how many there are, who may ask
    /// them, what they cost and for how long is not.
    pub fn needs_new_replicas(&self, next: &Self) -> bool {
        // No `..`: a new field must decide.
        let Self {
            model,
            image,
            settings,
            scaling: _,
            access: _,
            labels: _,
            budget: _,
            time_to_live: _,
            opaque: _,
        } = self;
        !same_model(model, &next.model)
            || !same_image(image, &next.image)
            || settings != &next.settings
    }

    /// Returns whether both load the same model, so that their embeddings should agree.
    pub fn is_same_model(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

fn same_model(old: &Model, new: &Model) -> bool {
    // The task decides the shape of answers, which is made before a replica is asked.
    let Model { repository, revision, task: _, framework } = old;
    (repository, revision, framework) == (&new.repository, &new.revision, &new.framework)
}

fn same_image(old: &Image, new: &Image) -> bool {
    let Image { kind, url, health_route: _, variables } = old;
    (kind, url, variables) == (&new.kind, &new.url, &new.variables)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use serde_json::json;

    use crate::price::Amount;
    use crate::spec::{Access, ImageKind, Opaque, Scaling, Spec};

    type Change = (&'static str, fn(&mut Spec), bool);

    const CHANGES: &[Change] = &[
        ("nothing", |_| {}, false),
        ("repository", |s| s.model.repository = "c/d".to_owned(), true),
        ("revision", |s| s.model.revision = Some("main".to_owned()), true),
        ("framework", |s| s.model.framework = Some("pytorch".to_owned()), true),
        ("task", |s| s.model.task = Some("sentence-embeddings".to_owned()), false),
        ("image", |s| s.image.kind = ImageKind::Tei, true),
        ("url", |s| s.image.url = Some("ghcr.io/x:1".to_owned()), true),
        ("health route", |s| s.image.health_route = Some("/health".to_owned()), false),
        ("variable", |s| drop(s.image.variables.0.insert("A".to_owned(), "b".to_owned())), true),
        ("settings", |s| s.settings.max_batch_tokens = NonZeroU32::new(9), true),
        ("scaling", |s| s.scaling = Scaling::new(0, 5, None).unwrap(), false),
        ("access", |s| s.access = Access::Private, false),
        ("labels", |s| s.labels.instance_size = "x2".to_owned(), false),
        ("budget", |s| s.budget = Some(Amount::from_cents(4)), false),
        ("time to live", |s| s.time_to_live = Some(Duration::from_secs(9)), false),
        ("opaque", |s| s.opaque = Opaque(json!({"tags": ["x"]})), false),
    ];

    #[test]
    fn only_what_is_in_a_replica_needs_new_ones() {
        for (what, change, needs) in CHANGES {
            let old = Spec::for_tests("a/b");
            let mut new = old.clone();
            change(&mut new);
            assert_eq!(old.needs_new_replicas(&new), *needs, "{what}");
            assert_eq!(new.needs_new_replicas(&old), *needs, "{what}, back");
        }
    }
}
