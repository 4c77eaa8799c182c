//! The sources that an actor under test is to judge, and what it gives of those that it loads.

use crate::bindings::thespian::actor::sources::Offer;
use crate::bindings::thespian::actor::types as wit;
use crate::host::Answer;
use crate::sources::LoadSource;

/// The sources in the hands of an actor under test, and what it gives of the next that it loads.
#[derive(Debug, Default)]
pub(super) struct TestSources {
    offers: Vec<TestOffer>,
    given: Vec<u8>,
    /// The number of the last offer.
    last: u64,
    /// How many it has loaded.
    pub(super) loads: u64,
}

#[derive(Debug)]
struct TestOffer {
    offer: Offer,
    bytes: Vec<u8>,
    replaced: Option<Vec<u8>>,
}

impl TestSources {
    /// A source is offered. Returns what the actor is told.
    pub(super) fn add(&mut self, load: &LoadSource, bytes: Vec<u8>) -> wit::SourceCheck {
        self.last += 1;
        let LoadSource { label, manifest, signatures, allow } = load.clone();
        let offer = Offer {
            id: self.last,
            hash: format!("{:064x}", self.last),
            size: bytes.len() as u64,
            label: label.clone(),
            rights: allow.unwrap_or_default(),
            manifest,
            signatures,
            loader: None,
        };
        let check = wit::SourceCheck { hash: offer.hash.clone(), data: Vec::new(), info: label };
        self.offers.push(TestOffer { offer, bytes, replaced: None });
        check
    }

    fn of(&mut self, offer: u64) -> Result<&mut TestOffer, wit::Error> {
        let found = self.offers.iter_mut().find(|held| held.offer.id == offer);
        found.ok_or_else(|| wit::Error::Invalid(format!("offer {offer} is not in the actor's hands")))
    }

    /// The first behind this one.
    pub(super) fn next(&self, after: u64) -> Answer {
        let next = self.offers.iter().find(|held| held.offer.id > after);
        Answer::Offer(next.map(|held| Box::new(held.offer.clone())))
    }

    pub(super) fn read(&mut self, offer: u64, at: u64, len: u32) -> Result<Answer, wit::Error> {
        let bytes = &self.of(offer)?.bytes;
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        let end = at.saturating_add(len as usize).min(bytes.len());
        Ok(Answer::Bytes(bytes[at..end].to_vec()))
    }

    pub(super) fn replace(&mut self, offer: u64, at: u64, part: &[u8]) -> Result<Answer, wit::Error> {
        let offer = self.of(offer)?;
        if at == 0 && part.is_empty() {
            offer.replaced = None;
            return Ok(Answer::Done);
        }
        put(offer.replaced.get_or_insert_default(), at, part)
    }

    /// The bytes that were put in the place of an offer.
    pub(super) fn replaced(&mut self, offer: u64) -> Option<Vec<u8>> {
        self.of(offer).ok()?.replaced.clone()
    }

    pub(super) fn give(&mut self, at: u64, part: &[u8]) -> Result<Answer, wit::Error> {
        put(&mut self.given, at, part)
    }

    /// The bytes that were given of a source.
    pub(super) fn take_given(&mut self) -> Result<Vec<u8>, wit::Error> {
        if self.given.is_empty() {
            return Err(wit::Error::Invalid("nothing of a source was given".to_string()));
        }
        Ok(std::mem::take(&mut self.given))
    }

    /// An offer was judged: it is in nobody's hands any more.
    pub(super) fn judged(&mut self, offer: u64) {
        self.offers.retain(|held| held.offer.id != offer);
    }
}

fn put(bytes: &mut Vec<u8>, at: u64, part: &[u8]) -> Result<Answer, wit::Error> {
    let at = usize::try_from(at).ok().filter(|at| *at <= bytes.len());
    let at = at.ok_or_else(|| wit::Error::Invalid("there would be a gap".to_string()))?;
    bytes.truncate(at);
    bytes.extend_from_slice(part);
    Ok(Answer::Done)
}
