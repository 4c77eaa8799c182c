//! Sources that lie, are broken, or would keep the compiler busy: each is refused with a reason, or harmless.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use thespian_bombs::Bomb;

use thespian_host::config::NodeConfig;

use crate::arena::{Arena, Folder, go, run, run_with, within};
use crate::splice::{component, module, with_main_module};

/// Loads it beside the bystander; why it was refused.
async fn refused(arena: &Arena, component: Vec<u8>) -> String {
    let load = arena.client.load("hostile", component, |_| {});
    match arena.beside(load).await {
        Ok(source) => panic!("it was loaded: {source:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_import_that_is_not_in_the_contract_is_named() {
    run(async |arena| {
        let honest = thespian_guests::bytes(thespian_guests::HELLO);
        let text = "wasi:cli/exit@0.2";
        let mut forged = honest.clone();
        let places = honest.windows(text.len()).enumerate().filter(|(_, here)| *here == text.as_bytes());
        for (place, _) in places {
            forged[place..place + 4].copy_from_slice(b"evil");
        }
        let why = refused(arena, forged).await;
        assert!(why.contains("imports what this host does not offer: evil:cli/exit@0.2"), "{why}");
    });
}

#[test]
fn what_is_no_component_is_refused() {
    run(async |arena| {
        let text = b"not a component".to_vec();
        assert!(refused(arena, text).await.contains("not a WebAssembly component"));
        let core = wat::parse_str("(module)").unwrap();
        assert!(refused(arena, core).await.contains("core module"));
        let compiled = [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 4_096]].concat();
        assert!(refused(arena, compiled).await.contains("not a WebAssembly component"));
        let empty = wat::parse_str("(component)").unwrap();
        assert!(refused(arena, empty).await.contains("does not export"));
    });
}

#[test]
fn cut_and_flipped_components_are_refused_or_harmless() {
    let seed: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("again with: SEED={seed} cargo test -p thespian-hostile flipped");
    run(async |arena| {
        let mut random = StdRng::seed_from_u64(seed);
        let small = component("", "");
        let large = thespian_guests::bytes(thespian_guests::HELLO);
        let mut loaded = 0;
        for round in 0..400 {
            // Most of them small, for they compile in no time.
            let honest = if round % 40 == 0 { &large } else { &small };
            let mut broken = honest.clone();
            if round % 4 == 0 {
                broken.truncate(random.random_range(0..honest.len()));
            } else {
                for _ in 0..random.random_range(1..4) {
                    let place = random.random_range(0..broken.len());
                    broken[place] ^= 1 << random.random_range(0..8);
                }
            }
            match within("a load", arena.client.load("broken", broken, |_| {})).await {
                Err(error) => assert!(error.to_string().contains("refused"), "{error}"),
                Ok(source) => {
                    loaded += 1;
                    try_out(arena, &source.hash.to_string()).await;
                }
            }
        }
        println!("{loaded} of 400 could be loaded");
    });
}

/// An actor of whatever class there is gets a message, and ends.
async fn try_out(arena: &Arena, hash: &str) {
    let create =
        thespian_core::wire::control::CreateActor { source: hash.to_owned(), class: None, ..arena.order("") };
    let created = within("a create", arena.client.create_with(create)).await;
    if let Ok((actor, _)) = created {
        arena.client.tell(actor, go(0, "")).await.unwrap();
        within("the kill", arena.client.kill(actor)).await.unwrap();
    }
    arena.client.unload(hash).await.unwrap();
}

#[test]
fn a_component_made_to_measure_is_an_actor() {
    run(async |arena| {
        let source = arena.client.load("honest", component("", ""), |_| {}).await.unwrap();
        assert_eq!(source.info.classes[0].name, "X");
        try_out(arena, &source.hash.to_string()).await;
    });
}

#[test]
fn what_comes_back_names_the_functions_in_which_it_trapped() {
    run(async |arena| {
        // As the compiler names them, and as their author did.
        let [stir, burn] =
            ["stir", "burn"].map(|name| format!("$_ZN7kitchen5stove4{name}17h0123456789abcdefE"));
        let text = module("", &format!("(func {stir} (call {burn})) (func {burn} unreachable)"));
        let (before, handler) = text.split_once("#handle-message").unwrap();
        let handler = handler.replacen("(i32.const 4096)", &format!("(call {stir}) (i32.const 4096)"), 1);
        let text = format!("{before}#handle-message{handler}");
        let bytes = with_main_module(&wat::parse_str(text).unwrap());
        let source = arena.client.load("cook", bytes, |_| {}).await.unwrap();
        let cook = arena.client.create(&source.hash.to_string(), "X").await.unwrap();
        let why = arena.beside(arena.attack(cook, 0, "")).await.unwrap_err();
        assert!(
            why.starts_with("trapped: ") && why.contains("; in kitchen::stove::burn < kitchen::stove::stir"),
            "{why}"
        );
        assert!(why.ends_with("(attempt 2)"), "{why}");
        within("the kill", arena.client.kill(cook)).await.unwrap();
    });
}

#[test]
fn a_description_that_never_ends_is_ended() {
    run(async |arena| {
        let why = refused(arena, component("(loop $on (br $on))", "")).await;
        assert!(why.contains("can't describe itself") && why.contains("CPU time"), "{why}");
        // So is what runs before anything is asked.
        let why = refused(arena, component("", "(func $run (loop $on (br $on))) (start $run)")).await;
        assert!(why.contains("CPU time"), "{why}");
    });
}

#[test]
fn a_description_that_lies_is_refused() {
    run(async |arena| {
        let store =
            |address: u32, value: u32| format!("(i32.store (i32.const {address}) (i32.const {value}))");
        let lies = [
            // The list of classes is longer than memory; longer than a message; empty; all the same.
            (store(1_024 + 28, 1 << 28), "can't describe itself"),
            (store(1_024 + 28, 800) + "(drop (memory.grow (i32.const 16)))", "refused"),
            (store(1_024 + 28, 0), "a source has 1 to"),
            (
                store(1_024 + 28, 2) + "(memory.copy (i32.const 2128) (i32.const 2048) (i32.const 80))",
                "twice",
            ),
            // Its name is no text; lies behind the end; is nothing.
            (store(2_048, 3_000) + &store(2_052, 4) + &store(3_000, 0x80c0_feff), "can't describe itself"),
            (store(2_048, u32::MAX - 1) + &store(2_052, 8), "can't describe itself"),
            (store(2_052, 0), "a class has a name"),
            // It acts on a terminal.
            (store(2_048, 3_000) + &store(2_052, 4) + &store(3_000, 0x4a32_5b1b), "plain characters"),
            // What it takes does.
            (
                store(2_048 + 60, 3_100)
                    + &store(2_048 + 64, 1)
                    + &store(3_100, 3_000)
                    + &store(3_104, 4)
                    + &store(3_000, 0x4a32_5b1b),
                "act on a terminal",
            ),
            // More names than anyone reads.
            (store(2_048 + 60, 32_768) + &store(2_048 + 64, 4_000), "at most"),
            // A case that is none.
            ("(i32.store8 (i32.const 2065) (i32.const 9))".to_owned(), "can't describe itself"),
        ];
        for (lie, because) in lies {
            let why = refused(arena, component(&lie, "")).await;
            assert!(why.contains(because), "{lie}: {why}");
        }
    });
}

#[test]
fn tables_and_memories_beyond_bounds_are_refused() {
    run(async |arena| {
        let tables = "(table 10000000 funcref)".repeat(100);
        for giant in [tables.as_str(), "(table 10000000 funcref)"] {
            let why = refused(arena, component("", giant)).await;
            assert!(why.contains("table"), "{why}");
        }
        let why = refused(arena, component_with_memory(65_536)).await;
        assert!(why.contains("memory"), "{why}");
        // One that grows at run time is refused there.
        let grow = "(loop $on (br_if $on (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable";
        let why = refused(arena, component(grow, "(table $t 1 funcref)")).await;
        assert!(why.contains("table elements wanted"), "{why}");
        let grow = "(loop $on (br_if $on (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
        let why = refused(arena, component(grow, "")).await;
        assert!(why.contains("bytes of memory wanted"), "{why}");
    });
}

/// A component whose memory begins with so many pages.
fn component_with_memory(pages: u32) -> Vec<u8> {
    let one = r#"(memory (export "memory") 1)"#;
    let many = format!(r#"(memory (export "memory") {pages})"#);
    with_main_module(&wat::parse_str(module("", "").replace(one, &many)).unwrap())
}

#[test]
fn bombs_for_the_compiler_are_refused_before_it_sees_them() {
    let locals = |count: usize| "(local i32) ".repeat(count);
    let nested = |opening: &str, times: usize| format!("{}{}", opening.repeat(times), "end ".repeat(times));
    let bombs = [
        format!("(func {})", "i32.const 1 drop ".repeat(700_000)),
        format!("(func {} {})", locals(1_000), nested("loop ", 1_000)),
        format!("(func {} {})", locals(2_000), nested("loop ", 2_000)),
        format!("(func {} {})", locals(5_000), "i32.const 0 if end ".repeat(5_000)),
        format!("(func {} {})", locals(20_000), "i32.const 0 if end ".repeat(20_000)),
        format!("(func {} {})", locals(2_000), "loop end ".repeat(5_000)),
        format!("(func {})", nested("loop ", 60_000)),
        format!("(type (func {} (result {})))", "(param i32) ".repeat(1_000), "i32 ".repeat(1_000)),
        "(func)".repeat(100_000),
    ];
    let bombs: Vec<_> = bombs.iter().map(|bomb| component("", bomb)).collect();
    run(async |arena| {
        for bomb in bombs {
            let (len, asked) = (bomb.len(), Instant::now());
            let why = refused(arena, bomb).await;
            assert!(why.contains("would cost too much to compile"), "{len} bytes: {why}");
            assert!(asked.elapsed() < Duration::from_secs(10), "{len} bytes took {:?}", asked.elapsed());
        }
    });
}

#[test]
fn bombs_that_pass_the_first_look_end_in_a_process_of_their_own() {
    let honest = thespian_guests::bytes(thespian_guests::HELLO);
    // Not the one that all have, or those that can be compiled would be once.
    let code = Folder::new();
    // A bound is as good as a larger one, and each bomb takes as long as it lets it.
    let config = NodeConfig {
        cache_dir: Some(code.0.clone()),
        compile_cpu_ms_max: Some(3_000),
        ..NodeConfig::default()
    };
    run_with(config, async |arena| {
        for bomb in Bomb::ALL {
            let component = bomb.appended_to(&honest, 64 << 10);
            let loaded = arena.beside(arena.client.load("bomb", component, |_| {})).await;
            println!("{bomb:?}: {loaded:?}");
            match loaded {
                // Its code is there, and costs what it is.
                Ok(source) => {
                    arena.client.unload(&source.hash.to_string()).await.unwrap();
                }
                Err(error) => {
                    let why = error.to_string();
                    assert!(why.contains("the component would cost too much to compile"), "{bomb:?}: {why}");
                }
            }
        }
    });
}

#[test]
fn the_costliest_source_that_is_let_in_compiles_beside_others() {
    let loops = format!("(func {} {}) ", "(local i32) ".repeat(900), "loop nop end ".repeat(500));
    let source = component("", &loops.repeat(4));
    run(async |arena| {
        let loaded = arena.beside(arena.client.load("costly", source, |_| {})).await.unwrap();
        assert!(loaded.compile_us < 30_000_000, "{} us", loaded.compile_us);
    });
}
