//! Who writes how much to the log, when an operator says so: running actors hear of it at once, others when they start.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use super::{Admin, answer};
use crate::effect::Effect;
use crate::event::Asker;
use crate::limits::LOG_LEVEL_SOURCES_MAX;
use crate::log_level::{LogLevel, LogLevels, LogScope};
use crate::wire::control::{ActorLogLevel, ControlError, LogLevelsStatus, Reply, SourceLogLevel};

impl Admin {
    /// The same, whose actors begin with the level that the configuration says.
    #[must_use]
    pub fn with_log_level(self, configured: LogLevel) -> Self {
        Self { log_levels: LogLevels::new(configured), ..self }
    }

    /// What is set.
    #[must_use]
    pub const fn log_levels(&self) -> &LogLevels {
        &self.log_levels
    }

    /// The same for people and programs.
    #[must_use]
    pub fn log_levels_status(&self) -> LogLevelsStatus {
        let (node, configured) = self.log_levels.node();
        let sources = self.log_levels.sources().map(|(source, level)| SourceLogLevel { source, level });
        let actors = self.log_levels.actors().map(|(actor, level)| ActorLogLevel { actor, level });
        LogLevelsStatus { node, configured, sources: sources.collect(), actors: actors.collect() }
    }

    pub(super) fn log_level_asked(
        &mut self,
        asker: Asker,
        scope: &LogScope,
        level: Option<LogLevel>,
        effects: &mut Vec<Effect>,
    ) {
        let before = self.log_levels.clone();
        let reply = self.set_log_level(scope, level);
        if reply.is_ok() {
            let now = &self.log_levels;
            let changed = self.family.iter().filter_map(|(address, member)| {
                let level = now.of(address, member.source);
                let was = before.of(address, member.source);
                (level != was).then_some(Effect::SetLogLevel { address, level })
            });
            effects.extend(changed);
        }
        let reply = reply.map(|()| Reply::LogLevels(Box::new(self.log_levels_status())));
        answer(asker, reply, effects);
    }

    fn set_log_level(&mut self, scope: &LogScope, level: Option<LogLevel>) -> Result<(), ControlError> {
        match scope {
            LogScope::Node => self.log_levels.set_node(level),
            LogScope::Source(source) => {
                let source = self.sources.find(source)?;
                if level.is_some() && !self.log_levels.has_room_for(source) {
                    let text = format!("{LOG_LEVEL_SOURCES_MAX} sources have a log level of their own");
                    return Err(ControlError::LimitReached(text));
                }
                self.log_levels.set_source(source, level);
            }
            LogScope::Actor(target) if self.family.get(*target).is_some() => {
                self.log_levels.set_actor(*target, level);
            }
            LogScope::Actor(target) => return Err(ControlError::TargetDead { target: *target }),
        }
        Ok(())
    }
}
