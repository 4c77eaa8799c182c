//! Draws who created whom.

use std::collections::{BTreeMap, BTreeSet};

use thespian_core::address::ActorAddress;
use thespian_core::wire::control::ActorStatus;

/// Levels that are drawn; what is deeper is listed at the deepest.
const DEPTH_MAX: usize = 100;

struct Undrawn<'a> {
    actor: &'a ActorStatus,
    /// Characters before its branch: the lines of its parents' later siblings.
    stem: String,
    depth: usize,
    is_last: bool,
}

/// Each actor behind its branch, every child below its parent. An actor whose parent is not among them is a root.
pub(super) fn lines(actors: &[ActorStatus]) -> Vec<(String, &ActorStatus)> {
    let known: BTreeSet<ActorAddress> = actors.iter().map(|actor| actor.address).collect();
    let mut children: BTreeMap<Option<ActorAddress>, Vec<&ActorStatus>> = BTreeMap::new();
    for actor in actors {
        let parent = actor.parent.filter(|parent| known.contains(parent));
        children.entry(parent).or_default().push(actor);
    }
    let mut lines = Vec::with_capacity(actors.len());
    // No recursion: actors may be nested deeply. The last that waits is drawn next.
    let mut waiting = Vec::new();
    wait(&mut waiting, children.remove(&None), "", 0);
    while let Some(Undrawn { actor, stem, depth, is_last }) = waiting.pop() {
        let (branch, below) = match (depth, is_last) {
            (0, _) => (String::new(), String::new()),
            (DEPTH_MAX.., _) => (format!("{stem}└─ "), stem),
            (_, true) => (format!("{stem}└─ "), format!("{stem}   ")),
            (_, false) => (format!("{stem}├─ "), format!("{stem}│  ")),
        };
        lines.push((branch, actor));
        wait(&mut waiting, children.remove(&Some(actor.address)), &below, depth + 1);
    }
    lines
}

fn wait<'a>(waiting: &mut Vec<Undrawn<'a>>, actors: Option<Vec<&'a ActorStatus>>, stem: &str, depth: usize) {
    let actors = actors.unwrap_or_default().into_iter().rev().enumerate();
    waiting.extend(actors.map(|(from_end, actor)| Undrawn {
        actor,
        stem: stem.to_string(),
        depth,
        is_last: from_end == 0,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use thespian_core::address::HostId;
    use thespian_core::log_level::LogLevel;
    use thespian_core::source::SourceHash;
    use thespian_core::wire::control::ActorPhase;

    fn actor(id: u128, parent: Option<u128>) -> ActorStatus {
        let address = |id| ActorAddress::new(HostId(1), id);
        ActorStatus {
            address: address(id),
            class: id.to_string(),
            source: SourceHash([0; 32]),
            parent: parent.map(address),
            name: None,
            phase: ActorPhase::Running,
            incarnation: 1,
            restarts: 0,
            mailbox_len: 0,
            mailbox_bytes: 0,
            turns: 0,
            poisoned: 0,
            wakeups: 0,
            children: 0,
            is_orphan: false,
            sent: 0,
            undelivered: 0,
            busy_us: 0,
            memory_bytes: 0,
            log_level: LogLevel::Info,
            in_turn_ms: None,
            oldest_ms: None,
            waits: None,
        }
    }

    #[test]
    fn every_child_hangs_below_its_parent() {
        let parents =
            [(1, None), (2, Some(1)), (3, Some(2)), (4, Some(1)), (5, None), (6, Some(9)), (7, Some(6))];
        let actors: Vec<_> = parents.into_iter().map(|(id, parent)| actor(id, parent)).collect();
        let drawn: Vec<_> = lines(&actors).into_iter().map(|(branch, actor)| branch + &actor.class).collect();
        assert_eq!(drawn, ["1", "├─ 2", "│  └─ 3", "└─ 4", "5", "6", "└─ 7"]);
    }

    #[test]
    fn a_long_line_of_descent_is_drawn_in_bounds() {
        let actors: Vec<_> = (1..=10_000).map(|id| actor(id, (id > 1).then(|| id - 1))).collect();
        let lines = lines(&actors);
        assert_eq!(lines.len(), actors.len());
        assert!(lines.iter().all(|(branch, _)| branch.len() < 8 * DEPTH_MAX));
    }
}
