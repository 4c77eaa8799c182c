//! Lines of core's rules, each with what it is when it is done wrong: what a test must notice.
//!
//! Under its file a mistake has its name, the name of its test, what the lives of the simulation complain of while it is
//! made, then the lines as they are, and those done wrong. Several lines stand below each other, and how deep does not
//! matter. Lines that are not in their file exactly once, or in no function, are an error of the build: add as much of
//! what is around them as tells them apart.

mistakes! {
    "admin.rs" {
        AnswerNoCreator a_creator_that_gets_no_answer "got 0 answers":
            "for creator in self.askers.take(&Subject::Start(address)) {"
            => "for creator in self.askers.take(&Subject::Start(address)).into_iter().skip(1) {";

        HearOfChildrenLate a_child_that_is_heard_of_too_late "which lives":
            r#"ActorEvent::ChildrenEntered { parent, children } => {
                   children.into_iter().for_each(|child| self.family.add(child, Some(parent), "?", None));
               }
               ActorEvent::ChildCreated { parent, child } => self.child_created(parent, *child, effects),"#
            => r#"ActorEvent::ChildrenEntered { .. } => {}
                  ActorEvent::ChildCreated { parent, child } => {
                      self.family.add(child.address, Some(parent), "?", None);
                      self.child_created(parent, *child, effects);
                  }"#;

        PanicOnTheDesk a_panic_on_the_desk "a mistake in the rules of the node":
            "let mut waited = self.sources.unload(source, &mut self.askers, effects);"
            => r#"let mut waited = self.sources.unload(source, &mut self.askers, effects);
                panic!("a mistake in the rules of the node");"#;
    }

    "admin/create.rs" {
        GiveAllRights rights_that_nobody_gave "has rights that nobody gave its source":
            "rights: self.sources.rights_for(create.source, create.creator),"
            => "rights: crate::source::Rights::ALL,";

        CreateTwoOfAName two_actors_of_one_name "there are two actors of the name":
            "match self.names.get(name) {"
            => "match None::<(ActorAddress, bool)> {";
    }

    "admin/ends.rs" {
        AnswerNoMourner a_mourner_that_gets_no_answer "got 0 answers":
            "effects.answer(mourner, Ok(Answer::Ended { reason: reason.clone() }));"
            => "drop((mourner, Answer::Ended { reason: reason.clone() }));";

        HearOfNoPastEnd a_past_end_that_no_monitor_hears_of "which it monitors":
            "effects.push(monitors::down(watcher, target, ExitReason::Unknown));"
            => "";

        KillForStrangers a_kill_by_a_stranger "which is no child of its":
            "if self.family.get(child).is_some_and(|member| member.parent == Some(parent)) {"
            => "if self.family.get(child).is_some() {";

        KillNoChild a_kill_that_is_not_done "has killed it":
            "self.kill(child, Killer::Parent, effects);"
            => "";

        KillNoneAtARestart children_that_outlive_the_restart_that_ends_them "which nobody ends":
            "children.into_iter().for_each(|child| self.kill(child, Killer::Restart, effects));"
            => "";
    }

    "budget.rs" {
        BoundNoBudget a_node_without_a_bound "the node is past its bounds":
            "let sum = used.checked_add(amount).filter(|sum| *sum <= ceiling);
             met = if sum.is_some() { Met::Share } else { Met::Node };
             sum.filter(|sum| self.suits(has, amount, *sum, purpose))"
            => "met = Met::Node;
                used.checked_add(amount)";
    }

    "children.rs" {
        ListInAnotherOrder children_in_another_order "is told of the children":
            "known.listed.insert(known.next_number, (address, label));
             known.numbers.insert(address, known.next_number);"
            => "let number = u64::MAX - known.next_number;
                known.listed.insert(number, (address, label));
                known.numbers.insert(address, number);";

        ListTheGone a_child_that_is_gone_and_listed "is told of the children":
            "known.listed.remove(&number);"
            => "";
    }

    "dead_letters.rs" {
        KeepTheDeadLetters dead_letters_for_who_is_gone "dead letters go to":
            "if self.0 == Some(end.address) {"
            => "if false {";
    }

    "family.rs" {
        ForgetTheChild a_child_that_its_parent_does_not_know "ends before its child":
            "parent.children.insert(address);"
            => "";

        HearOfNoEnd an_end_that_no_parent_hears_of "was told 0 times":
            "effects.notify(parent, address, Body::ChildExited(Box::new(exit)));"
            => "";

        HearTwiceOfAnEnd an_end_that_a_parent_hears_of_twice "hears of":
            "effects.notify(parent, address, Body::ChildExited(Box::new(exit)));"
            => "effects.notify(parent, address, Body::ChildExited(Box::new(exit.clone())));
                effects.notify(parent, address, Body::ChildExited(Box::new(exit)));";

        LetNobodyStart a_restart_that_waits_for_ever "waits for children that are gone":
            "if core::mem::take(&mut member.restarting) {"
            => "if false {";

        ReleaseNoParent an_exit_that_nothing_ends "is exiting and waits for nobody":
            "self.release_if_alone(parent, effects);"
            => "";
    }

    "mailbox.rs" {
        ActivateNobody a_receiver_that_nobody_activates "is not activated":
            "if self.activity == Activity::Idle {
                 self.activity = Activity::Active { again: false };
                 Push::Activate"
            => "if false {
                    Push::Activate";

        BoundNoMailbox a_mailbox_without_a_bound "the mailbox of":
            "self.len < self.limits.len_max && (self.len == 0 || self.bytes + cost <= self.limits.bytes_max)"
            => "true";

        DrainTheNewestFirst messages_that_come_last_first " after ":
            "if batch.is_empty() && self.queue.len() <= max && self.bytes <= DRAIN_BYTES_MAX {"
            => "self.queue.make_contiguous().reverse();
                if batch.is_empty() && self.queue.len() <= max && self.bytes <= DRAIN_BYTES_MAX {";

        KeepTheGrant bytes_that_a_closed_mailbox_keeps "bytes are not given back":
            "self.loan.shrink_queued(0, account);"
            => "";

        LetThePausedSleep a_pause_that_an_exit_request_does_not_end "pauses though it is to exit":
            "return if self.wake() { Push::Activate } else { self.activated() };"
            => "return self.activated();";

        RestUnheard an_alarm_that_nobody_hears_of "sleeps past its wakeup":
            "let has_mark = self.mark.is_some();"
            => "let has_mark = false;";

        SeekNoExitRequest an_exit_request_that_is_not_sought "pauses though it is to exit":
            "let at = self.exit_requested.then(|| self.queue.iter().position(is_exit_request)).flatten();"
            => "let at: Option<usize> = None;";

        UncountNothing places_that_a_mailbox_does_not_give_back "counts":
            "if !envelope.body.has_reserved_slot() {
                 self.len -= 1;"
            => "if false {
                    self.len -= 1;";
    }

    "monitors.rs" {
        HearOfNoDown an_end_that_no_monitor_hears_of "which it monitors":
            "effects.push(down(watcher, address, end.reason.clone()));"
            => "";

        HearTwiceOfADown an_end_that_a_monitor_hears_of_twice "is told of the end of":
            "effects.push(down(watcher, address, end.reason.clone()));"
            => "effects.push(down(watcher, address, end.reason.clone()));
                effects.push(down(watcher, address, end.reason.clone()));";

        KeepTheMonitor a_monitor_that_can_not_be_taken_back "is told of the end of":
            "take(&mut self.watchers, target, watcher);
             take(&mut self.targets, watcher, target);"
            => "";
    }

    "names.rs" {
        KeepTheName a_name_that_is_not_freed "does not get it":
            "if let Some(name) = end.name {"
            => "if let Some(name) = end.name.filter(|_| false) {";

        AnswerBeforeTheStart an_answer_before_the_start "before it has started":
            "self.claims.get(name).map(|claim| (claim.address, claim.started))"
            => "self.claims.get(name).map(|claim| (claim.address, true))";

        AnswerNoQuestioner a_questioner_that_gets_no_answer "has no answer after":
            "for origin in askers.take(&Subject::Name(name.into())) {"
            => "for origin in askers.take(&Subject::Name(name.into())).into_iter().skip(1) {";

        FreeTheNameOfAnother a_name_that_its_actor_loses "is told that":
            "if self.claims.get(name).is_none_or(|claim| claim.address != address) {"
            => "if !self.claims.contains_key(name) {";
    }

    "outbox/draft.rs" {
        KeepWhatAFailedTurnDrew bytes_that_a_failed_turn_keeps "bytes are not given back":
            "self.outbox.loan.settle(0, self.means.account());"
            => "";

        BoundNoChildren children_without_a_bound "children, past its bound":
            "if self.outbox.standing.children.len() + self.outbox.creates >= max {"
            => "if false {";

        BoundNoMonitors monitors_without_a_bound "actors, past its bound":
            "if self.outbox.standing.monitors >= max {"
            => "if false {";

        BoundNoOutbox an_outbox_without_a_bound "the outbox of":
            "if self.outbox.requests.len() >= len_max {"
            => "if false {";

        BoundNoOutboxBytes an_outbox_without_a_bound_in_bytes "the outbox of":
            "if self.outbox.bytes + cost > bytes_max {"
            => "if false {";

        BoundNoWakeups wakeups_without_a_bound "wakeups":
            "if self.outbox.standing.wakeups >= len_max {"
            => "if false {";

        CreateForTheExiting a_child_of_an_actor_that_exits "creates while it exits":
            "Leaving::Exiting => false,"
            => "Leaving::Exiting => true,";

        CreateInTheExitTurn a_child_of_an_exit_turn "creates in its exit turn, and keeps no children":
            "Leaving::ExitTurn => self.outbox.keeps_children,"
            => "Leaving::ExitTurn => true,";

        PanicInTheOutbox a_panic_in_the_outbox "a mistake in the rules of an outbox":
            "self.outbox.requests.push(TurnRequest::Send { target, message });"
            => r#"panic!("a mistake in the rules of an outbox");"#;

        RefuseForAnother poison_in_the_name_of_another "refuses in the name of":
            "let poisoned = Box::new(Poisoned { target: self.me, details, original });"
            => "let poisoned = Box::new(Poisoned { target, details, original });";
    }

    "suitability.rs" {
        TakeAStaleAnswer an_answer_about_a_host_that_has_changed "where its class says no":
            "let is_stale = core::mem::take(&mut class.is_stale);"
            => "let is_stale = false;";

        TakeAnyAnswer an_answer_to_another_question "where its class says no":
            "(requirements == required).then_some(answer)"
            => "Some(answer)";
    }

    "source/registry.rs" {
        KeepWhatIsRefused a_source_that_a_policy_refuses "what its authority refused":
            "Some(entry) if entry.verdict().is_some() => match verdict {"
            => "Some(entry) if entry.verdict().is_some() => match verdict.or(Ok(Verdict::default())) {";

        ApproveAnything a_verdict_that_does_not_count "what its authority refused":
            "let verdict = entry.hopeless.clone().map_or(verdict, Err);"
            => "let verdict = entry.hopeless.clone().map_or(verdict.or(Ok(Verdict::default())), Err);";
    }

    "turn/commit.rs" {
        CountNoChild children_that_are_not_counted "children, past its bound":
            "self.children.add(child.address, core::mem::take(&mut child.options.label));"
            => "";

        HandOverInReverse requests_in_another_order "which it does not monitor":
            "for_admin.into_iter().for_each(|request| self.commit_to_admin(request, effects));"
            => "for_admin.into_iter().rev().for_each(|request| self.commit_to_admin(request, effects));";
    }

    "turn/failing.rs" {
        CountNoFailedStart failed_starts_that_are_not_counted "was restarted":
            "self.counters.restarts += 1;"
            => "";

        ForgetTheConcerned a_turn_that_fails_for_somebody_who_never_hears "is lost: Noted":
            "if let Some(concerned) = fails_for {"
            => "if let Some(concerned) = fails_for.filter(|_| false) {";

        ForgetTheConcernedOfTheEnded an_end_that_the_one_concerned_never_hears_of "is lost: Noted":
            "Some(Current { fails_for: Some(concerned), .. }) => self.tell_concerned(*concerned, why, effects),"
            => "Some(Current { fails_for: Some(_), .. }) => drop(why),";

        KeepTheInstance an_instance_that_is_used_after_its_trap "in a lost instance":
            "if matches!(failure, Failure::Fault(_)) {
                 self.instance = InstanceState::None;"
            => "if matches!(failure, Failure::Fault(_)) {
                    self.instance = InstanceState::Live;";

        KeepTheMessage a_message_that_can_not_be_tried_again "which it could not try again":
            "if let Some(current) = self.current.take() {"
            => "if let Some(current) = self.current.take_if(|_| false) {";

        LoseTheBatch messages_lost_with_their_actor "is lost":
            "for envelope in core::mem::take(&mut self.batch) {"
            => "for envelope in core::mem::take(&mut self.batch).into_iter().skip(1) {";

        PauseForNothing a_restart_without_a_pause "restarts without a pause":
            "} else {
             self.restarts.pause(now);
             }"
            => "}";

        PoisonNobody a_failed_message_that_nobody_hears_of "is lost":
            "Body::Message(original) => self.poison(sender, details, original, effects),"
            => "Body::Message(_) => {}";

        PoisonTwice a_failed_message_that_comes_back_twice "but it is":
            "Body::Message(original) => self.poison(sender, details, original, effects),"
            => "Body::Message(original) => {
                    self.poison(sender, details.clone(), original.clone(), effects);
                    self.poison(sender, details, original, effects);
                }";

        RetryForEver a_message_that_is_tried_a_third_time " after ":
            "current.attempt = 2;"
            => "";
    }

    "turn/held.rs" {
        RetryAtTheBack held_messages_that_change_places " after ":
            "queue.push_front(refused);"
            => "queue.push_back(refused);";
    }

    "turn/leaving.rs" {
        ForgetTheExitFault a_fault_in_an_exit_turn_that_is_not_told "not how its exit turn went":
            "Failure::Fault(_) => ExitReason::Failed(text),"
            => "Failure::Fault(_) => ExitReason::Requested,";

        ForgetTheFailure a_failure_that_is_forgotten "has failed":
            "_ => drop(self.failure.get_or_insert(why)),"
            => "_ => {}";

        PanicInTheExit a_panic_in_an_exit "a mistake in the rules of an actor":
            "self.phase = Phase::Exiting(reason);"
            => r#"panic!("a mistake in the rules of an actor");"#;

        PauseBeforeTheExit an_exit_that_waits_for_a_pause "pauses though it is to exit":
            "let Some(at) = self.batch.iter().position(is_request) else { return false };"
            => "let Some(at) = self.batch.iter().position(|_| false) else { return false };";
    }

    "turn.rs" {
        BuryWhatIsHandled a_message_that_is_handled_and_a_dead_letter "becomes Dead, but it is Some(Handled)":
            "self.commit(now, outbox, effects);"
            => "effects.push(ActorEffect::DeadLetter(current.envelope.clone(), String::new()).into());
                self.commit(now, outbox, effects);";

        HandleWhileExiting an_exiting_actor_that_handles_messages "is exiting and handles":
            "if self.is_exiting() {
                 match &envelope.body {"
            => "if false {
                    match &envelope.body {";

        HearAfterADemonitor an_end_that_nobody_wishes_to_hear_of_any_more "hears of the end of":
            "Body::ActorDown(exit) => return self.monitored.remove(&exit.address),"
            => "Body::ActorDown(exit) => drop(self.monitored.remove(&exit.address)),";

        HearOfThePast an_end_that_is_told_to_the_next_instance "which ended before it started again":
            "Body::ChildExited(exit) => return self.children.end(exit.address),"
            => "Body::ChildExited(exit) => drop(self.children.end(exit.address)),";

        HoldForEver what_is_held_for_ever "does not stop":
            "if now < due {
                 return Next::AwaitRoom(due);"
            => "if true {
                    return Next::AwaitRoom(due);";

        StartBeforeTheEnds a_restart_before_the_children_are_gone "starts again before its child":
            "if paused.is_none() && !self.awaits_children {"
            => "if paused.is_none() {";

        TurnWhileHolding turns_while_messages_are_held "is called while it holds messages":
            "if let Some(due) = self.held.due() {"
            => "if let Some(due) = self.held.due().filter(|_| false) {";

        WakeLast a_wakeup_that_waits_for_an_empty_mailbox "which came after its alarm":
            "let is_woken = self.is_woken();"
            => "let is_woken = self.is_woken() && self.batch.is_empty();";
    }

    "turn/drive.rs" {
        KeepWhatATurnDrew bytes_that_a_turn_keeps "bytes are not given back":
            "lent.settle(0, doer.account());"
            => "";

        KeepExpiredBytes bytes_that_an_expired_hold_keeps "bytes are not given back":
            "doer.account().give_back_queued(envelope.body.cost());"
            => "";

        LoseWhatWaits a_message_lost_in_a_closed_mailbox "is lost":
            "for envelope in doer.close() {"
            => "for envelope in doer.close().into_iter().skip(1) {";

        OvertakeWhatIsHeld messages_that_overtake_what_is_held " after ":
            "if self.turn.holds_for(target) {"
            => "if false {";

        WakeNoMore a_wakeup_without_an_alarm "sleeps past its wakeup":
            "if let Some(due) = self.turn.wakeups.next_due() {"
            => "if let Some(due) = self.turn.wakeups.next_due().filter(|_| false) {";
    }

    "turn/leftover.rs" {
        KeepTheAskerWaiting a_question_that_is_a_dead_letter "waits in vain":
            "Body::Message(original) if original.is_question_of(sender) => {"
            => "Body::Message(original) if false && original.is_question_of(sender) => {";
    }

    "turn/lifetime.rs" {
        EndBeforeTheTime a_transient_actor_that_ends_too_early "ends of itself before its time":
            "may_end && self.due.is_some_and(|due| due <= now)"
            => "may_end && self.due.is_some()";

        OutliveTheTime a_transient_actor_that_never_ends "outlives its time":
            "self.due"
            => "None";

        PauseBeyondTheTime a_pause_beyond_the_time_of_an_actor "pauses beyond its time":
            "let due = self.due.filter(|due| now < *due);"
            => "let due = self.due.filter(|_| false);";
    }

    "turn/wakeups.rs" {
        CountNoWakeup wakeups_that_are_not_counted "wakeups, there are":
            "self.set.as_ref().map_or(0, |set| set.times.len())"
            => "0";

        KeepTheWakeup a_wakeup_that_is_taken_back_and_comes "wakeups, there are":
            "let Some(set) = &mut self.set else { return };
             let Some(due) = set.times.remove(&id) else { return };"
            => "let Some(set) = self.set.as_mut().filter(|_| false) else { return };
                let Some(due) = set.times.remove(&id) else { return };";

        WakeBeforeTheMail a_wakeup_before_what_came_before_it "before what came before its alarm":
            "self.due.first_key_value().is_some_and(|(_, (behind, _))| *behind <= handled)"
            => "!self.due.is_empty() || handled == u64::MAX";

        WakeTooEarly a_wakeup_before_its_time "before its time":
            "&& first.key().0 <= mark.at"
            => "";
    }
}
