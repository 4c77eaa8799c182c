//! Who writes how much to the log, when an operator says so: running actors hear of it at once, others when they start.

use alloc::boxed::Box;

use super::Admin;
use crate::askers::Askers;
use crate::concern::{Concern, End};
use crate::effect::{Effect, Effects};
use crate::life::LifeEffect;
use crate::log_level::{LevelScope, LogLevel, LogLevels};
use crate::question::{Answer, MetBound, Origin, Refusal};

impl Admin {
    /// The same, whose actors begin with the level that the configuration says.
    #[must_use]
    pub fn with_log_level(self, configured: LogLevel) -> Self {
        Self { log_levels: LogLevels::new(configured), ..self }
    }

    /// The levels that are set.
    #[must_use]
    pub const fn log_levels(&self) -> &LogLevels {
        &self.log_levels
    }

    pub(super) fn log_level_asked(
        &mut self,
        origin: Origin,
        scope: LevelScope,
        level: Option<LogLevel>,
        effects: &mut Effects,
    ) {
        let before = self.log_levels.clone();
        let set = self.set_log_level(scope, level);
        if set.is_ok() {
            let now = &self.log_levels;
            let changed = self.family.iter().filter_map(|(address, member)| {
                let level = now.of(address, member.source);
                let was = before.of(address, member.source);
                (level != was).then_some(Effect::Life(LifeEffect::SetLogLevel { address, level }))
            });
            effects.extend(changed);
        }
        effects.answer(origin, set.map(|()| Answer::LogLevels(Box::new(self.log_levels.clone()))));
    }

    fn set_log_level(&mut self, scope: LevelScope, level: Option<LogLevel>) -> Result<(), Refusal> {
        match scope {
            LevelScope::Node => self.log_levels.set_node(level),
            LevelScope::Source(source) => {
                self.sources.check_known(source)?;
                if level.is_some() && !self.log_levels.has_room_for(source) {
                    return Err(Refusal::LimitReached(MetBound::LogLevels));
                }
                self.log_levels.set_source(source, level);
            }
            LevelScope::Actor(target) if self.family.get(target).is_some() => {
                self.log_levels.set_actor(target, level);
            }
            LevelScope::Actor(target) => return Err(Refusal::TargetDead { target }),
        }
        Ok(())
    }
}

impl Concern for LogLevels {
    fn ended(&mut self, end: End<'_>, _askers: &mut Askers, _effects: &mut Effects) {
        self.set_actor(end.address, None);
    }
}
