//! Doors and their roles: each lets in whom it should, and none lets do what it does not cover.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use serde_json::json;
use thespian_conformance::{Probe, TempDir, World, run, trusting};
use thespian_core::message::Message;
use thespian_core::role::Role;
use thespian_core::source::Rights;
use thespian_core::wire::control::ControlError;
use thespian_host::client::{Client, ClientError};
use thespian_host::config::ControlSocket;
use thespian_host::node::Node;
use thespian_host::shell::Shell;
use thespian_host::store::{private_dir, token_path};

/// The roles that a request takes and that the connection has, and where another would be let in.
fn forbidden<T>(outcome: Result<T, ClientError>) -> Option<(Role, Role, String)> {
    match outcome {
        Err(ClientError::Node(ControlError::Forbidden { needs, has, way, .. })) => Some((needs, has, way)),
        _ => None,
    }
}

async fn with_tcp() -> World {
    World::with(|config| config.listen = Some("127.0.0.1:0".parse().unwrap())).await
}

/// A client that shows the token of this role.
async fn of(world: &World, role: Role, endpoint: Option<&str>) -> Result<Client, ClientError> {
    let (address, token) = world.shell.tcp().unwrap();
    let token = token_path(token.parent().unwrap(), role);
    Client::connect_tcp(address, &token, endpoint).await
}

#[test]
fn each_token_may_what_its_role_covers_and_is_told_where_the_rest_is() {
    run(async {
        let world = with_tcp().await;
        let probe = world.probe().await;
        let component = thespian_guests::bytes(thespian_guests::HELLO);
        for role in Role::ALL {
            let client = of(&world, role, None).await.unwrap();
            assert_eq!(client.role(), role);
            let mut refused = Vec::new();
            let mut note = |needs: Role, outcome: Option<(Role, Role, String)>| {
                if let Some((needed, has, way)) = outcome {
                    assert_eq!((needed, has), (needs, role));
                    assert!(way.contains("control.sock") && way.contains("token"), "{way}");
                    refused.push(needs);
                } else {
                    assert!(role.may(needs), "{role} did what takes {needs}");
                }
            };
            note(Role::Read, forbidden(client.status().await));
            note(Role::Read, forbidden(client.sources().await));
            let ask = Message::json("Do", json!([]).to_string());
            note(Role::Talk, forbidden(client.tell(probe.address, ask).await));
            note(Role::Load, forbidden(client.load("hello", component.clone(), |_| {}).await));
            note(Role::Operate, forbidden(client.update_capability("gpu", None).await));
            let covered = |needed: &Role| role.may(*needed);
            assert!(!refused.iter().any(covered), "{role} was refused {refused:?}");
        }
        // A load that is refused takes none of its bytes, and the connection goes on.
        let talker = of(&world, Role::Talk, None).await.unwrap();
        let refused = talker.load_with("hello", component, Rights::default(), |_| {}).await;
        assert!(forbidden(refused).is_some());
        assert!(Probe { client: talker, address: probe.address }.answers().await);
    });
}

#[test]
fn a_further_socket_has_its_role_and_mode_and_goes_with_the_node() {
    run(async {
        let folder = TempDir::new();
        private_dir(folder.path()).unwrap();
        let path = folder.path().join("look.sock");
        let socket = ControlSocket {
            path: path.clone(),
            role: Role::Read,
            mode: "0660".to_owned().try_into().unwrap(),
            group: Some(std::fs::metadata(folder.path()).unwrap().gid().to_string()),
        };
        let world = World::with(|config| config.control.socket = vec![socket]).await;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        let client = Client::connect(&path, None).await.unwrap();
        assert_eq!(client.role(), Role::Read);
        client.status().await.unwrap();
        let (needs, _, way) = forbidden(client.stop().await).unwrap();
        assert_eq!(needs, Role::Operate);
        assert!(way.ends_with("control.sock"), "{way}");
        let World { node, shell, .. } = world;
        node.stop().await;
        shell.close().await;
        assert!(!path.exists());
    });
}

#[test]
fn the_endpoint_of_a_name_belongs_to_a_role() {
    run(async {
        let world = with_tcp().await;
        let talker = of(&world, Role::Talk, Some("desk")).await.unwrap();
        let again = of(&world, Role::Talk, Some("desk")).await.unwrap();
        let operator = of(&world, Role::Operate, Some("desk")).await.unwrap();
        assert_eq!(again.endpoint(), talker.endpoint());
        assert_ne!(operator.endpoint(), talker.endpoint());
        let why = of(&world, Role::Read, Some("desk")).await.err().unwrap().to_string();
        assert!(why.contains("the role `read` receives nothing"), "{why}");
    });
}

#[test]
fn whoever_may_load_gives_no_rights_and_takes_none_away() {
    run(async {
        let world = with_tcp().await;
        let component = thespian_guests::bytes(thespian_guests::PROBE);
        let rights = Rights { status: true, ..Rights::default() };
        let loader = of(&world, Role::Load, None).await.unwrap();
        let (needs, ..) =
            forbidden(loader.load_with("probe", component.clone(), rights, |_| {}).await).unwrap();
        assert_eq!(needs, Role::Operate);
        let operator = of(&world, Role::Operate, None).await.unwrap();
        let loaded = operator.load_with("probe", component.clone(), rights, |_| {}).await.unwrap();
        assert!(loader.load("probe", component, |_| {}).await.unwrap().already);
        let address = operator.create(&loaded.hash.to_string(), "Probe").await.unwrap();
        let probe = Probe { client: operator, address };
        probe.tell(json!([{ "status": { "about": address.to_string() } }])).await;
        assert!(probe.answers().await);
        let known = probe.client.sources().await.unwrap();
        assert!(known.iter().any(|source| source.hash == loaded.hash && source.rights == rights));
    });
}

#[test]
fn whoever_has_the_weakest_door_keeps_no_operator_out() {
    run(async {
        let world = with_tcp().await;
        let mut readers = Vec::new();
        let refused = loop {
            match of(&world, Role::Read, None).await {
                Ok(reader) => readers.push(reader),
                Err(why) => break why.to_string(),
            }
        };
        assert!(refused.contains("as many connections as it takes"), "{refused}");
        world.client().await.status().await.unwrap();
    });
}

#[test]
fn tokens_are_new_at_each_start_unless_they_are_kept() {
    run(async {
        let folder = TempDir::new();
        let read = || Role::ALL.map(|role| std::fs::read_to_string(token_path(folder.path(), role)).unwrap());
        let mut seen = Vec::new();
        for keep_tokens in [false, true, false] {
            let mut config = trusting(folder.path());
            config.listen = Some("127.0.0.1:0".parse().unwrap());
            config.control.keep_tokens = keep_tokens;
            let node = Node::start(config.clone()).unwrap();
            let shell = Shell::serve(&node, &config).await.unwrap();
            seen.push(read());
            node.stop().await;
            shell.close().await;
        }
        assert_eq!(seen[0], seen[1]);
        assert!(seen[1].iter().zip(&seen[2]).all(|(kept, new)| kept != new));
        assert!(seen[0].iter().collect::<std::collections::BTreeSet<_>>().len() == Role::ALL.len());
    });
}
