//! Actors and clients that pretend, guess or take what is not theirs.

use thespian_core::message::Message;

use crate::arena::{Folder, run, run_with};
use thespian_host::config::NodeConfig;

#[test]
fn nobody_sends_what_only_the_host_may_send() {
    run(async |arena| {
        let forger = arena.raise("Forger", false).await;
        let victim = arena.create("Echo").await;
        let why = arena.beside(arena.attack(forger, 0, &victim.to_string())).await.unwrap_err();
        assert!(why.contains("the host's own"), "{why}");
        for type_name in ["thespian:exit", "thespian:"] {
            let forged = Message::json(type_name, "{}");
            let told = arena.client.tell(victim, forged.clone()).await.unwrap_err().to_string();
            let asked = arena.client.ask(victim, forged.clone(), None).await.unwrap_err().to_string();
            let create =
                thespian_core::wire::control::CreateActor { init: Some(forged), ..arena.order("Echo") };
            let created = arena.client.create_with(create).await.unwrap_err().to_string();
            for refused in [told, asked, created] {
                assert!(refused.contains("the host's own"), "{refused}");
            }
        }
        let actors = arena.client.actors().await.unwrap();
        assert_eq!(actors.iter().find(|actor| actor.address == victim).unwrap().turns, 0);
    });
}

#[test]
fn guessed_addresses_reach_nobody() {
    run(async |arena| {
        let guesser = arena.raise("Guesser", false).await;
        let victim = arena.create("Echo").await;
        let before = arena.status().await.dead_letters;
        for _ in 0..3 {
            let done = arena.beside(arena.attack(guesser, 300, &victim.to_string())).await.unwrap();
            assert!(done["n"].as_u64().unwrap() > 0, "well-formed guesses are taken, and go nowhere");
        }
        let actors = arena.client.actors().await.unwrap();
        let victim = actors.iter().find(|actor| actor.address == victim).unwrap();
        assert_eq!(victim.turns, 0);
        assert!(arena.status().await.dead_letters > before);
    });
}

#[test]
fn files_sockets_names_and_the_environment_are_denied() {
    let folder = Folder::new();
    let config = NodeConfig { data_dir: Some(folder.0.clone()), ..NodeConfig::default() };
    run_with(config, async |arena| {
        let outlaw = arena.raise("Outlaw", false).await;
        let secret = thespian_guests::code_dir().join("key");
        assert!(secret.exists());
        let got = arena.beside(arena.attack(outlaw, 0, secret.to_str().unwrap())).await.unwrap();
        assert_eq!(got["text"], "", "an actor has what it must not have");
    });
}
