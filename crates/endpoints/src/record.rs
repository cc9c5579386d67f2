//! What is stored of an endpoint: what was asked for, and which version is known to serve.
//!
//! Every change is a function from one record to the next, so that what a change does can be read and
//! tested without a database.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::name::{EndpointName, Namespace};
use crate::price::Amount;
use crate::replica::{EndpointId, Generation};
use crate::runtime::Examined;
use crate::spec::Spec;
use crate::status::{Paused, PausedBy, Slept};

/// What is stored of an endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its number, which no other endpoint ever gets.
    pub id: EndpointId,
    /// Whose it is.
    pub namespace: Namespace,
    /// What it is called.
    pub name: EndpointName,
    /// The rest.
    pub body: Body,
    /// What it has cost since it was created.
    pub spent: Amount,
}

/// What is stored of an endpoint as one piece of JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// What is asked for.
    pub spec: Spec,
    /// What the runtime knew of it when it was asked for.
    pub examined: Examined,
    /// Which generation `spec` is.
    pub generation: Generation,
    /// The highest generation that was ever given out.
    pub latest: Generation,
    /// The version that last became ready and passed its checks; `None` until one has.
    pub serving: Option<Version>,
    /// The version that was given up, until another one is asked for.
    pub rejected: Option<Rejected>,
    /// Whether it should run.
    pub wish: Wish,
    /// Counts how often somebody asked for it to be tried: a failure belongs to one attempt.
    pub attempt: u64,
    /// Counts the changes of this record.
    pub edition: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When somebody last changed what is asked for.
    pub updated_at: Timestamp,
    /// From when its time to live counts: created or resumed.
    pub alive_since: Timestamp,
}

/// A spec under its generation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Which generation.
    pub generation: Generation,
    /// The spec that its replicas run with.
    pub spec: Spec,
    /// What one replica takes in memory, as far as that is known.
    pub memory_bytes: Option<u64>,
}

/// A version that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Which one.
    pub generation: Generation,
    /// Why.
    pub why: String,
}

/// Whether an endpoint should run. A deleted one has no record at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// It should.
    Run,
    /// It should not, until somebody resumes it.
    Paused(Paused),
    /// It should not, until a request comes.
    ScaledToZero(Slept),
}

impl Body {
    /// Makes what is stored of a new endpoint, which is to run.
    pub fn new(spec: Spec, examined: Examined, now: Timestamp) -> Self {
        Self {
            spec,
            examined,
            generation: Generation::FIRST,
            latest: Generation::FIRST,
            serving: None,
            rejected: None,
            wish: Wish::Run,
            attempt: 1,
            edition: 1,
            created_at: now,
            updated_at: now,
            alive_since: now,
        }
    }

    /// Returns the generation that serves, or is to serve first.
    pub fn lead(&self) -> Generation {
        self.serving.as_ref().map_or(self.generation, |version| version.generation)
    }

    /// Returns the generation that is to take over from the one that serves, if there is one.
    pub fn candidate(&self) -> Option<Generation> {
        let is_rejected = self.rejected.as_ref().is_some_and(|r| r.generation == self.generation);
        (self.lead() != self.generation && !is_rejected).then_some(self.generation)
    }

    /// Returns the spec of a generation, if it is still known.
    pub fn spec_of(&self, generation: Generation) -> Option<&Spec> {
        if generation == self.generation {
            return Some(&self.spec);
        }
        self.serving.as_ref().filter(|v| v.generation == generation).map(|v| &v.spec)
    }

    /// Returns what one replica of a generation takes in memory, as far as that is known.
    pub fn memory_of(&self, generation: Generation) -> Option<u64> {
        if generation == self.generation {
            return self.examined.memory_bytes;
        }
        self.serving.as_ref().filter(|v| v.generation == generation)?.memory_bytes
    }

    /// Asks for another spec. New replicas come only where the old ones cannot serve it.
    pub fn update(&mut self, spec: Spec, examined: Examined, now: Timestamp) {
        let generation = self.generation_for(&spec);
        self.generation = generation;
        self.latest = self.latest.max(generation);
        if let Some(version) = self.serving.as_mut().filter(|v| v.generation == generation) {
            version.spec = spec.clone();
            version.memory_bytes = examined.memory_bytes;
        }
        if self.rejected.as_ref().is_some_and(|rejected| rejected.generation != generation) {
            self.rejected = None;
        }
        self.spec = spec;
        self.examined = examined;
        self.attempt += 1;
        self.updated_at = now;
    }

    fn generation_for(&self, spec: &Spec) -> Generation {
        // Back to what serves: its replicas are still there.
        if let Some(version) = &self.serving
            && !version.spec.needs_new_replicas(spec)
        {
            return version.generation;
        }
        // The very spec that was given up is asked for again: that is a wish to try again.
        let is_retry = self.rejected.is_some() && self.spec == *spec;
        if self.spec.needs_new_replicas(spec) || is_retry {
            return self.latest.next();
        }
        self.generation
    }

    /// Stops it until somebody resumes it.
    pub fn pause(&mut self, by: PausedBy, now: Timestamp) {
        self.wish = Wish::Paused(Paused { by, at: now });
        self.updated_at = now;
    }

    /// Stops it until a request comes.
    pub fn sleep(&mut self, why: Slept, now: Timestamp) {
        self.wish = Wish::ScaledToZero(why);
        self.updated_at = now;
    }

    /// Runs it because a request came.
    pub fn wake(&mut self) {
        self.wish = Wish::Run;
        self.attempt += 1;
    }

    /// Runs it because somebody asked for it. Its time to live begins again.
    pub fn resume(&mut self, now: Timestamp) {
        self.wake();
        self.alive_since = now;
        self.updated_at = now;
    }

    /// Makes a generation the one that serves.
    pub fn promote(&mut self, generation: Generation) {
        if generation != self.generation {
            return;
        }
        let memory_bytes = self.examined.memory_bytes;
        self.serving = Some(Version { generation, spec: self.spec.clone(), memory_bytes });
        self.rejected = None;
    }

    /// Gives a generation up, so that the one before it goes on serving.
    pub fn roll_back(&mut self, generation: Generation, why: String) {
        if generation == self.generation {
            self.rejected = Some(Rejected { generation, why });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Body;
    use crate::clock::Timestamp;
    use crate::replica::Generation;
    use crate::runtime::Examined;
    use crate::spec::{Scaling, Spec};

    const NOW: Timestamp = Timestamp::from_millis(1);

    fn serving(repository: &str) -> Body {
        let mut body = Body::new(Spec::for_tests(repository), Examined::default(), NOW);
        body.promote(Generation(1));
        body
    }

    #[test]
    fn a_change_of_scaling_keeps_the_generation() {
        let mut body = serving("a/b");
        let mut spec = body.spec.clone();
        spec.scaling = Scaling::new(0, 3, None).unwrap();
        body.update(spec.clone(), Examined::default(), NOW);
        assert_eq!((body.generation, body.candidate()), (Generation(1), None));
        assert_eq!(body.serving.unwrap().spec, spec);
    }

    #[test]
    fn another_model_is_a_candidate_until_it_is_promoted() {
        let mut body = serving("a/b");
        body.update(Spec::for_tests("c/d"), Examined::default(), NOW);
        assert_eq!((body.lead(), body.candidate()), (Generation(1), Some(Generation(2))));
        body.promote(Generation(2));
        assert_eq!((body.lead(), body.candidate()), (Generation(2), None));
    }

    #[test]
    fn what_was_given_up_is_tried_again_only_when_it_is_asked_for_again() {
        let mut body = serving("a/b");
        body.update(Spec::for_tests("c/d"), Examined::default(), NOW);
        body.roll_back(Generation(2), "does not load".to_owned());
        assert_eq!((body.lead(), body.candidate()), (Generation(1), None));

        let mut scaled = body.spec.clone();
        scaled.scaling = Scaling::new(1, 2, None).unwrap();
        body.update(scaled.clone(), Examined::default(), NOW);
        assert_eq!(body.candidate(), None, "scaling does not bring a broken version back");
        body.update(scaled, Examined::default(), NOW);
        assert_eq!(body.candidate(), Some(Generation(3)));
    }

    #[test]
    fn going_back_to_what_serves_needs_no_replica_and_no_number_comes_twice() {
        let mut body = serving("a/b");
        body.update(Spec::for_tests("c/d"), Examined::default(), NOW);
        body.update(Spec::for_tests("a/b"), Examined::default(), NOW);
        assert_eq!((body.generation, body.candidate()), (Generation(1), None));
        body.update(Spec::for_tests("e/f"), Examined::default(), NOW);
        assert_eq!(body.candidate(), Some(Generation(3)));
    }

    #[test]
    fn a_late_promotion_or_rollback_of_an_older_version_changes_nothing() {
        let mut body = serving("a/b");
        body.update(Spec::for_tests("c/d"), Examined::default(), NOW);
        body.update(Spec::for_tests("e/f"), Examined::default(), NOW);
        let before = body.clone();
        body.promote(Generation(2));
        body.roll_back(Generation(2), "late".to_owned());
        assert_eq!(body, before);
    }
}
