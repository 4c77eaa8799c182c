//! One run: its options, its runtime, its guest, and what it has to say.

use std::cell::OnceCell;

use bytes::Bytes;
use tokio::runtime::Runtime;

use crate::bare::Bare;
use crate::hops;
use crate::options::Options;
use crate::report::Line;

/// Instances that the bare engine has room for: as many as the largest ring has members, and some.
const BARE_INSTANCES_MAX: u32 = 1_200;

/// What every workload works with.
pub struct Bench {
    options: Options,
    /// Where outside callers and bare tasks run: two workers, as the node has.
    pub runtime: Runtime,
    /// The component with the actors.
    pub component: Bytes,
    bare: OnceCell<Bare>,
    failed: Vec<String>,
    bars: usize,
}

impl Bench {
    pub(crate) fn new(options: Options) -> anyhow::Result<Self> {
        let component = thespian_guests::bytes(thespian_guests::BENCH_ACTORS).into();
        Ok(Self {
            options,
            runtime: hops::runtime()?,
            component,
            bare: OnceCell::new(),
            failed: Vec::new(),
            bars: 0,
        })
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.options.wanted.is_empty() || self.options.wanted.iter().any(|wanted| wanted == name)
    }

    /// Whether it was asked for by name.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.options.wanted.iter().any(|wanted| wanted == name)
    }

    /// Whether it only shows that everything works.
    pub fn is_quick(&self) -> bool {
        self.options.quick
    }

    /// `full`, or a little of it.
    pub fn count(&self, full: u64, quick: u64) -> u64 {
        if self.options.quick { quick } else { full }
    }

    /// Measures `once`: a warm-up that does not count, and then `full` repeats.
    ///
    /// # Errors
    /// As `once`.
    pub fn repeat<T>(
        &self,
        full: usize,
        mut once: impl FnMut() -> anyhow::Result<T>,
    ) -> anyhow::Result<Vec<T>> {
        if self.options.quick {
            return Ok(vec![once()?]);
        }
        once()?;
        (0..full).map(|_| once()).collect()
    }

    /// The same guest under nothing but the engine.
    ///
    /// # Errors
    /// The engine does not take it.
    pub fn bare(&self) -> anyhow::Result<&Bare> {
        if let Some(bare) = self.bare.get() {
            return Ok(bare);
        }
        let bare = Bare::new(&self.component, BARE_INSTANCES_MAX)?;
        Ok(self.bare.get_or_init(|| bare))
    }

    /// Shows what came of a variant.
    pub fn report(&mut self, line: &Line) {
        println!("{}", line.json());
        self.say(&line.rows());
        self.bars += line.bars_len();
        self.failed.extend(line.failed_bars());
    }

    /// For people.
    pub fn say(&self, text: &str) {
        if !self.options.json {
            eprintln!("{text}");
        }
    }

    pub(crate) fn finish(&self) {
        self.say(&format!("{} of {} bars passed", self.bars - self.failed.len(), self.bars));
        for failed in &self.failed {
            self.say(&format!("  missed: {failed}"));
        }
    }
}
