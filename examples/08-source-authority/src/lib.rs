//! Lesson 8: an actor that decides which sources a host loads. It lets in what was sealed with its key, and has it opened.

pub mod sealed;

use thespian::prelude::*;

/// What the gate starts with.
#[message]
pub struct Open {
    /// The key with which sources are sealed, in 64 hex digits.
    pub key: String,
}

/// Lets in what was sealed with its key.
pub struct Gate {
    authority: SourceAuthority<Self>,
    key: [u8; sealed::KEY_BYTES],
}

#[actor(parts(authority))]
impl Gate {
    #[start]
    fn new(open: Open) -> Result<Self> {
        let key = sealed::key(&open.key).ok_or_else(|| Error::poison("a key has 64 hex digits"))?;
        Ok(Self { authority: SourceAuthority::new(Self::judge), key })
    }

    /// An error refuses the source, and whoever loads it is told why. The source goes by the hash of what was submitted; what
    /// runs is what is put in its place here.
    fn judge(&mut self, offer: &SourceOffer, ctx: &mut Context) -> Result<Approval> {
        let component = sealed::open(&self.key, offer.bytes()?)
            .ok_or_else(|| Error::poison("it is not sealed with the key of this host"))?;
        offer.replace(&component)?;
        info!(ctx, "let in: {} ({} bytes)", offer.label, component.len());
        Ok(Approval::new().label(offer.label.trim_end_matches(".sealed")))
    }
}

source!(Gate);

#[cfg(test)]
mod tests;
