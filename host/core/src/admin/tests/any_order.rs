//! Events in any order, also in those that no host makes.

use super::*;

#[test]
fn no_order_of_events_makes_it_panic_however_nonsensical() {
    for seed in 0..300_u64 {
        let mut node = node();
        let mut state = seed;
        let mut draw = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        for _ in 0..200 {
            let event = any_event(&mut node, &mut draw);
            node.now = node.now + core::time::Duration::from_millis(draw(3_000));
            node.handle(event);
        }
        assert!(node.admin.waiting.values().map(Create::cost).sum::<usize>() == node.admin.waiting_bytes);
    }
}

/// Events about actors, sources and askers that may be known or not. Only new addresses are new: that is the host's
/// promise.
fn any_event(node: &mut Node, draw: &mut impl FnMut(u64) -> u64) -> Event {
    let known = ActorAddress::new(HostId(1), u128::from(draw(1 + node.next_id as u64 * 5 / 4)));
    let hash = if draw(2) == 0 { SOURCE } else { SourceHash([draw(3) as u8; 32]) };
    let asker = Asker(draw(node.next_asker + 2));
    let reasons = [ExitReason::Requested, ExitReason::Failed("f".into()), ExitReason::Killed("k".into())];
    match draw(14) {
        0 => Event::SourceOffered {
            asker: node.asker(),
            hash,
            label: String::new(),
            size: 1,
            rights: Rights::default(),
        },
        1 => Event::SourceJudged { hash, verdict: if draw(4) > 0 { Ok(()) } else { Err(String::new()) } },
        2 => {
            let outcome = if draw(4) > 0 { Ok(info()) } else { Err(String::new()) };
            Event::SourceValidated { hash, outcome, compile_us: 0 }
        }
        3 => Event::UnloadAsked { asker, source: if draw(2) == 0 { hash.to_string() } else { "é".into() } },
        4 | 5 => {
            let (asker, address) = (node.asker(), node.address());
            let class = (draw(2) == 0).then(|| "plain".to_string());
            let source = hash.to_string();
            let create = CreateActor {
                source,
                class,
                requirements: Vec::new(),
                init: None,
                on_trap: None,
                name: None,
            };
            Event::CreateAsked { asker, address, create }
        }
        6 => Event::ChildrenEntered { parent: known, children: vec![node.address(), node.address()] },
        7 => {
            let (address, class) = (known, "plain".to_string());
            let source = (draw(2) == 0).then_some(hash);
            let child = CreateChild { address, source, class, options: CreateOptions::default() };
            Event::ChildCreated { parent: known, child: Box::new(child) }
        }
        8 => Event::ActorStarted { address: known },
        9 => Event::ActorExiting { address: known, with_children: draw(2) == 0 },
        10 => Event::ActorEnded { address: known, reason: reasons[draw(3) as usize].clone() },
        11 => Event::ExitAsked { asker, target: known, recursive: draw(2) == 0 },
        12 if draw(30) == 0 => Event::StopAsked { asker },
        12 => Event::KillAsked { asker, target: known },
        _ if draw(2) == 0 => Event::AskerLeft { asker },
        _ => Event::TimePassed,
    }
}
