//! What actors of the guest SDK send themselves again and again.

use std::time::Duration;

use serde_json::json;
use thespian_conformance::{DEADLINE, World, class, load, message, poison, run, said, until};
use thespian_core::wire::control::CreateActor;

#[test]
fn what_an_actor_begins_in_its_start_comes_again_and_again_also_after_a_trap() {
    run(async {
        let world = World::new().await;
        let client = world.client().await;
        let hash = load(&client, thespian_guests::COMPANY).await;
        let init = Some(message("Rhythm", &json!({ "ms": 20 })));
        let (ticker, _) = client.create_with(CreateActor { init, ..class(&hash, "Ticker") }).await.unwrap();
        let hears = async |instance: u32| {
            client.tell(ticker, message("Hear", &json!(null))).await.unwrap();
            for _ in 0..3 {
                let said = said(client.listen(Some(DEADLINE)).await.unwrap());
                assert_eq!(said, format!("tick in instance {instance}"));
            }
        };
        hears(1).await;
        let back = client.ask(ticker, message("Break", &json!(null)), Some(DEADLINE)).await.unwrap();
        assert!(poison(back).details.contains("trapped"));
        // What was told before the trap is heard first.
        while client.listen(Some(Duration::ZERO)).await.is_ok() {}
        hears(3).await;
        // One timer, that of the last instance.
        until(async || client.actors().await.unwrap()[0].wakeups == 2).await;
    });
}
