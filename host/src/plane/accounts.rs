//! The accounts of a node: one for each source that has anything here, one for all programs outside, and one for the node itself.
//!
//! A message is paid for by whoever sends it until it is accepted, then by its receiver; an actor by its source, also after
//! that is unloaded.

use std::sync::Arc;

use dashmap::DashMap;
use foldhash::fast::RandomState;
use thespian_core::budget::{Account, Holdings, NodeBudget};
use thespian_core::source::SourceHash;

/// All that draws on a node's budget.
pub(crate) struct Accounts {
    budget: Arc<NodeBudget>,
    outside: Arc<Account>,
    own: Arc<Account>,
    /// Of sources that are loaded or have anything left.
    sources: DashMap<SourceHash, Arc<Account>, RandomState>,
}

impl Accounts {
    pub(super) fn new(budget: Arc<NodeBudget>) -> Self {
        let outside = Arc::new(Account::new(budget.clone()));
        let own = Arc::new(Account::new(budget.clone()));
        Self { budget, outside, own, sources: DashMap::with_hasher(RandomState::default()) }
    }

    pub(crate) const fn budget(&self) -> &Arc<NodeBudget> {
        &self.budget
    }

    /// That of the node itself: it compiles, and has sources describe themselves.
    pub(crate) const fn own(&self) -> &Arc<Account> {
        &self.own
    }

    /// That of programs outside.
    pub(crate) const fn outside(&self) -> &Arc<Account> {
        &self.outside
    }

    /// That of a source.
    pub(crate) fn of(&self, source: SourceHash) -> Arc<Account> {
        if let Some(account) = self.sources.get(&source) {
            return account.clone();
        }
        self.sources.entry(source).or_insert_with(|| Arc::new(Account::new(self.budget.clone()))).clone()
    }

    /// The same, if there is one.
    pub(crate) fn known(&self, source: SourceHash) -> Option<Arc<Account>> {
        self.sources.get(&source).map(|account| account.clone())
    }

    /// Lets go of accounts on which nothing is left and nobody draws, of sources that are not loaded. Says whose they were.
    pub(crate) fn tidy(&self, is_loaded: impl Fn(SourceHash) -> bool) -> Vec<SourceHash> {
        let mut gone = Vec::new();
        self.sources.retain(|source, account| {
            let is_used = Arc::strong_count(account) > 1 || account.has() != Holdings::default();
            let stays = is_used || is_loaded(*source);
            if !stays {
                gone.push(*source);
            }
            stays
        });
        gone
    }
}
