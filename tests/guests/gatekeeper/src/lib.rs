//! Actors that judge sources, load them and hear of them. Tests say by the label of a source what is to become of it.

use thespian::OfferId;
use thespian::prelude::*;

/// What a gate is to do when it starts.
#[message]
struct Begin {
    /// Whether it makes itself the authority.
    registers: bool,
}

/// Judges each source by its label: `no...` is refused, `trap...` traps, `masked...` runs without its first byte, `rights...` gets
/// all rights, and everything else is let in as it is.
struct Gate {
    authority: SourceAuthority<Self>,
    judged: Vec<String>,
}

/// Which labels has it judged?
#[message]
struct WhatWasJudged;
/// These, in this order.
#[message]
struct Judged {
    labels: Vec<String>,
}

const RIGHTS: [&str; 6] = ["dead-letters", "capabilities", "status", "shutdown", "authority", "sources"];

#[actor(parts(authority))]
impl Gate {
    #[start]
    fn new(begin: Option<Begin>, ctx: &mut Context) -> Result<Self> {
        if begin.is_some_and(|begin| begin.registers) {
            ctx.register_authority(true)?;
        }
        Ok(Self { authority: SourceAuthority::new(Self::judge), judged: Vec::new() })
    }

    fn judge(&mut self, offer: &SourceOffer, _: &mut Context) -> Result<Approval> {
        let label = offer.label.as_str();
        self.judged.push(label.to_string());
        let all = RIGHTS.iter().fold(Approval::new(), |approval, right| approval.right(*right));
        match label {
            _ if label.starts_with("no") => Err(Error::poison(format!("`{label}` is not ours"))),
            _ if label.starts_with("trap") => panic!("`{label}` is too much"),
            _ if label.starts_with("rights") => Ok(all),
            _ if label.starts_with("masked") => {
                let mut bytes = offer.bytes()?;
                bytes.remove(0);
                offer.replace(&bytes)?;
                Ok(Approval::new().label("unmasked"))
            }
            _ => Ok(Approval::new()),
        }
    }

    #[receive]
    fn what_was_judged(&mut self, _: WhatWasJudged) -> Judged {
        Judged { labels: self.judged.clone() }
    }
}

/// Judges nothing but what it is told to, and by hand.
#[derive(Default)]
struct Clerk;

/// Make yourself the authority, or end that.
#[message]
struct Register {
    on: bool,
}
/// What is in your hands?
#[message]
struct WhatIsThere;
/// These offers.
#[message]
struct InHands {
    offers: Vec<Held>,
}
/// An offer.
#[message]
struct Held {
    number: u64,
    label: String,
    size: u64,
}
/// Approve the offer of this number, whoever has it.
#[message]
struct Approve {
    number: u64,
}
/// Done.
#[message]
struct Done;

#[actor]
impl Clerk {
    #[receive]
    fn register(&mut self, register: Register, ctx: &mut Context) -> Result<Done> {
        ctx.register_authority(register.on)?;
        Ok(Done)
    }

    #[receive]
    fn what_is_there(&mut self, _: WhatIsThere, ctx: &mut Context) -> InHands {
        let mut offers = Vec::new();
        let mut after = None;
        while let Some(offer) = ctx.next_offer(after) {
            after = Some(offer.id);
            offers.push(Held { number: offer.id.number(), label: offer.label, size: offer.size });
        }
        InHands { offers }
    }

    #[receive]
    fn approve(&mut self, approve: Approve, ctx: &mut Context) -> Result<Done> {
        ctx.judge_source(OfferId::from_number(approve.number), Ok(&Approval::new()))?;
        Ok(Done)
    }
}

/// Loads sources, creates from them, unloads them, and hears of them.
#[derive(Default)]
struct Porter {
    asker: Option<Address>,
    seen: Vec<Update>,
}

/// A source was loaded, or why not.
#[message]
struct Outcome {
    hash: String,
    why_not: Option<String>,
}
/// Create an actor.
#[message]
struct Beget {
    hash: String,
    class: String,
}
/// It is here.
#[message]
struct Child {
    address: String,
}
/// Unload a source.
#[message]
struct Unload {
    hash: String,
}
/// Hear of sources, or no longer.
#[message]
struct Watch {
    on: bool,
}
/// What have you heard?
#[message]
struct WhatWasHeard;
/// This.
#[message]
struct Heard {
    updates: Vec<Update>,
}
/// A source came or went.
#[message]
#[derive(Clone)]
struct Update {
    hash: String,
    info: String,
    loaded: bool,
}

#[actor]
impl Porter {
    /// Of type `Load`: the bytes of a source.
    #[receive]
    fn load(&mut self, load: RawMessage, ctx: &mut Context) -> Result {
        self.asker = Some(ctx.sender().clone());
        ctx.load_source(&load.payload, &LoadSource::new("by an actor").allow("status")).map(drop)
    }

    #[receive]
    fn loaded(&mut self, loaded: LoadedSource, ctx: &mut Context) -> Result {
        match &self.asker {
            Some(asker) => ctx.send(asker, &Outcome { hash: loaded.hash, why_not: loaded.outcome.err() }),
            None => Ok(()),
        }
    }

    #[receive]
    fn beget(&mut self, beget: Beget, ctx: &mut Context) -> Result<Child> {
        let child = Create::class(beget.class).source(beget.hash).create(ctx)?;
        Ok(Child { address: child.to_string() })
    }

    #[receive]
    fn unload(&mut self, unload: Unload, ctx: &mut Context) -> Result<Done> {
        ctx.unload_source(&unload.hash)?;
        Ok(Done)
    }

    #[receive]
    fn watch(&mut self, watch: Watch, ctx: &mut Context) -> Result<Done> {
        ctx.notify_on_sources(watch.on)?;
        Ok(Done)
    }

    #[receive]
    fn update(&mut self, update: SourceUpdate) {
        self.seen.push(Update { hash: update.hash, info: update.info, loaded: update.loaded });
    }

    #[receive]
    fn what_was_heard(&mut self, _: WhatWasHeard) -> Heard {
        Heard { updates: self.seen.clone() }
    }
}

source!(Gate, Clerk, Porter);
