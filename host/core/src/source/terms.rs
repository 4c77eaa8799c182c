//! The terms of an offer.

use super::Rights;
use super::admission::Occasion;
use crate::address::ActorAddress;

/// The terms on which a source is offered.
#[derive(Clone, Copy, Debug)]
pub struct OfferTerms {
    /// The rights that whoever offers it gives its actors where nobody else has a say.
    pub given: Rights,
    /// The rights that it may have of those that its manifest wants; absent: all.
    pub allowed: Option<Rights>,
    /// Whether it comes with a manifest.
    pub has_manifest: bool,
    /// The actor that offers it; absent: a program outside, or it was there before.
    pub loader: Option<ActorAddress>,
    /// Where whoever offers it receives, that or a program outside.
    pub by: Option<ActorAddress>,
    /// How it comes to be judged.
    pub occasion: Occasion,
}

impl Default for OfferTerms {
    fn default() -> Self {
        let (given, allowed, has_manifest) = (Rights::NONE, None, false);
        Self { given, allowed, has_manifest, loader: None, by: None, occasion: Occasion::Load }
    }
}
