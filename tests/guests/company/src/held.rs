//! A base, a stash, and messages that are needed first.

use thespian::prelude::*;

use crate::Said;

/// Adds to a count.
#[message]
pub struct Add {
    /// How much.
    pub n: u64,
}

/// Asks for the count.
#[message]
pub struct HowMany;

/// Counts.
#[derive(Default)]
pub struct Counter {
    count: u64,
}

#[actor]
impl Counter {
    #[receive]
    fn add(&mut self, add: Add) {
        self.count += add.n;
    }

    #[receive]
    fn how_many(&mut self, _: HowMany) -> Said {
        Said { text: format!("{} by the base", self.count) }
    }

    #[receive]
    fn rest(&mut self, _: RawMessage) {}
}

/// Counts as its base does, but for what it handles itself.
#[derive(Default)]
pub struct Department {
    counter: Counter,
}

/// Asks a [`Department`] for its name.
#[message]
pub struct Who;

#[actor(base = counter)]
impl Department {
    #[receive]
    fn who(&mut self, _: Who) -> Said {
        Said { text: "the department".into() }
    }

    /// Twice as much as its base would.
    #[receive]
    fn add(&mut self, add: Add) {
        self.counter.add(Add { n: add.n * 2 });
    }
}

/// Opens a [`Door`].
#[message]
pub struct Open;

/// Goes through a [`Door`].
#[message]
pub struct Enter {
    /// Whoever is nobody is refused.
    pub name: String,
}

/// Lets people in when it is open.
#[derive(Default)]
pub struct Door {
    is_open: bool,
    entered: u32,
    stash: Stash,
}

#[actor(parts(stash))]
impl Door {
    #[receive]
    fn open(&mut self, _: Open) {
        self.is_open = true;
        self.stash.unstash_all();
    }

    #[receive]
    fn enter(&mut self, enter: Enter, ctx: &mut Context) -> Result<Option<Said>> {
        if !self.is_open {
            return self.stash.put(ctx, &enter).map(|()| None);
        }
        if enter.name == "nobody" {
            return Err(Error::new("nobody has no name"));
        }
        assert!(enter.name != "ghost", "a ghost");
        self.entered += 1;
        Ok(Some(Said { text: format!("{} is number {}", enter.name, self.entered) }))
    }
}

/// One of what a [`Setting`] needs.
#[message]
pub struct Place {
    /// Where.
    pub place: String,
}

/// One of what a [`Setting`] needs.
#[message]
pub struct Time {
    /// When.
    pub time: String,
}

/// One of what a [`Setting`] needs, which also says who is to hear that it is ready.
#[message]
pub struct Cast {
    /// Who plays.
    pub cast: String,
    /// Who hears.
    pub hears: Option<Address>,
}

/// Asks a [`Setting`] for a line.
#[message]
pub struct Line {
    /// Which.
    pub number: u32,
}

/// Says nothing before it has a place, a time and a cast.
pub struct Setting {
    initializing: Initializing<Self>,
    known: Vec<String>,
    hears: Option<Address>,
}

#[actor(parts(initializing))]
impl Setting {
    #[start]
    fn new() -> Self {
        let initializing = Initializing::new(Self::ready).needs::<Place>().needs::<Time>().needs::<Cast>();
        Self { initializing, known: Vec::new(), hears: None }
    }

    #[receive]
    fn place(&mut self, place: Place) {
        self.known.push(place.place);
    }

    #[receive]
    fn time(&mut self, time: Time) {
        self.known.push(time.time);
    }

    #[receive]
    fn cast(&mut self, cast: Cast, ctx: &mut Context) {
        self.known.push(cast.cast);
        self.hears = Some(cast.hears.unwrap_or_else(|| ctx.sender().clone()));
    }

    fn ready(&mut self, ctx: &mut Context) -> Result {
        let Some(hears) = &self.hears else { return Err(Error::poison("ready without a cast")) };
        ctx.send(hears, &Said { text: format!("ready: {}", self.known.join(", ")) })
    }

    #[receive]
    fn line(&mut self, line: Line) -> Said {
        Said { text: format!("line {} of {}", line.number, self.known.len()) }
    }
}
