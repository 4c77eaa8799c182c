//! Components made of components: trees that double, what no actor may have so much of, and what lacks the contract.

use std::time::{Duration, Instant};

use crate::arena::{Arena, go, run, until};
use crate::splice::component;

/// The guest's export, of an instance that has none of its functions: such a component is looked at as a whole.
const SHELL: &str = r#"(component $none) (instance $none (instantiate $none))
    (export "thespian:actor/guest@0.1.1" (instance $none))"#;

/// One component calls another by way of a text: the smallest form of what other languages' tools make.
const NESTED: &str = r#"
(component
  (component $lib
    (core module $m
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
      (func (export "len") (param i32 i32) (result i32) local.get 1))
    (core instance $i (instantiate $m))
    (func $len (param "s" string) (result u32)
      (canon lift (core func $i "len") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
    (export "len" (func $len)))
  (component $user
    (import "len" (func $len (param "s" string) (result u32)))
    (core module $libc
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024))
    (core instance $libc (instantiate $libc))
    (core func $len (canon lower (func $len) (memory (core memory $libc "memory"))))
    (core module $m
      (import "" "len" (func $len (param i32 i32) (result i32)))
      (func (export "run") (result i32) (call $len (i32.const 0) (i32.const 3))))
    (core instance $i (instantiate $m (with "" (instance (export "len" (func $len))))))
    (func (export "start") (result u32) (canon lift (core func $i "run"))))
  (instance $l (instantiate $lib))
  (instance $u (instantiate $user (with "len" (func $l "len"))))
  (export "thespian:actor/guest@0.1.1" (instance $u)))"#;

async fn refused(arena: &Arena, text: &str) -> String {
    let bytes = wat::parse_str(text).unwrap();
    let (len, asked) = (bytes.len(), Instant::now());
    let why = match arena.beside(arena.client.load("hostile", bytes, |_| {})).await {
        Ok(source) => panic!("it was loaded: {source:?}"),
        Err(error) => error.to_string(),
    };
    assert!(asked.elapsed() < Duration::from_secs(10), "{len} bytes took {:?}", asked.elapsed());
    why
}

#[test]
fn components_within_a_component_are_refused_for_what_they_lack_of_the_contract_in_one_line() {
    run(async |arena| {
        let why = refused(arena, NESTED).await;
        let lacks = "`thespian:actor/guest@0.1` lacks `describe`, `handle-message`, `handle-event`";
        assert!(why.contains(lacks) && !why.contains('\n'), "{why}");
        let why = refused(arena, &NESTED.replace("guest@0.1.1", "guest@0.2.0")).await;
        assert!(why.contains("`thespian:actor/guest@0.2.0`, of another version"), "{why}");
        // What it exports has another type than the contract's function of that name.
        let why = refused(arena, &NESTED.replace("\"start\"", "\"describe\"")).await;
        assert!(why.contains("lacks `start`"), "{why}");
        assert_eq!(arena.client.status().await.unwrap().compiler.failures, 0);
    });
}

/// Each of so many levels instantiates the one below it twice: once as it is, and once as `again` says.
fn doubling(levels: usize, lowest: &str, again: impl Fn(usize) -> String) -> String {
    let mut tree = format!("(component $c0 {lowest})");
    for level in 1..levels {
        let below = level - 1;
        tree = format!("(component $c{level} {tree} (instance (instantiate $c{below})) {})", again(below));
    }
    let top = levels - 1;
    format!("(component {tree} (instance (instantiate $c{top})) {} {SHELL})", again(top))
}

#[test]
fn what_this_host_does_not_run_is_named_in_words_of_its_own() {
    // A module, and what it is refused for.
    let modules = [
        ("(func $f (return_call $f))", "tail calls"),
        ("(tag $t) (func (throw $t))", "exceptions of WebAssembly"),
        ("(func (try_table (catch_all 0)))", "exceptions of WebAssembly"),
        ("(type $s (struct (field i32))) (func (param (ref null $s)))", "garbage collection"),
        ("(func (drop (ref.i31 (i32.const 0))))", "garbage collection"),
        ("(func (param anyref))", "garbage collection"),
        ("(memory 1 1 shared)", "threads"),
        ("(memory 1) (func (drop (i32.atomic.load (i32.const 0))))", "threads"),
        ("(memory i64 1)", "64-bit memories"),
        ("(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))", "relaxed SIMD"),
        ("(func (param i64) (drop (drop (i64.mul_wide_s (local.get 0) (local.get 0)))))", "wide arithmetic"),
        ("(type $f (func)) (type $c (cont $f)) (func (param (ref null $c)))", "stack switching"),
        ("(memory 1 (pagesize 1))", "pages of another size"),
    ];
    run(async |arena| {
        for (module, what) in modules {
            let why = refused(arena, &format!("(component (core module {module}) {SHELL})")).await;
            assert!(why.contains(&format!("uses {what}, which this host does not run")), "{module}: {why}");
        }
        let waits = "(core func $c (canon task.cancel))";
        let why = refused(arena, &format!("(component {waits} {SHELL})")).await;
        assert!(why.contains("uses functions that wait (WASI 0.3), which"), "{why}");
    });
}

#[test]
fn trees_of_components_that_double_at_each_level_are_refused_before_the_compiler_sees_them() {
    let twice = |level: usize| format!("(instance (instantiate $c{level}))");
    let through_another = |level: usize| {
        format!(
            "(component $by{level} (alias outer 1 $c{level} (component $x)) (instance (instantiate $x)))
             (instance (instantiate $by{level}))"
        )
    };
    let module = "(core module $m (memory 1)) (core instance (instantiate $m))";
    run(async |arena| {
        for levels in [9, 25, 50] {
            let why = refused(arena, &doubling(levels, "", twice)).await;
            assert!(why.contains("instances of components, at most 256 are allowed"), "{why}");
        }
        let why = refused(arena, &doubling(25, "", through_another)).await;
        assert!(why.contains("instances of components, at most 256 are allowed"), "{why}");
        let why = refused(arena, &doubling(4, module, twice)).await;
        assert!(why.contains("has 16 memories, at most 8 are allowed"), "{why}");
        // Below an argument it is not known what there is.
        let argument = format!(
            "(component {module} (component $c {module})
               (component $d (import \"x\" (component $x)) (instance (instantiate $x)) (instance (instantiate $x)))
               (instance (instantiate $d (with \"x\" (component $c)))) {SHELL})"
        );
        let why = refused(arena, &argument).await;
        assert!(why.contains("instantiates a component that comes in as an argument"), "{why}");
    });
}

#[test]
fn what_the_engine_adds_between_components_counts_too() {
    // Between each of them and the next the engine puts a module of its own.
    let link = |number: usize| {
        format!(
            r#"(component $c{number} (import "f" (func $f (param "n" u32) (result u32)))
                 (core func $f (canon lower (func $f)))
                 (core module $m (import "" "f" (func $f (param i32) (result i32)))
                   (func (export "f") (param i32) (result i32) (call $f (local.get 0))))
                 (core instance $i (instantiate $m (with "" (instance (export "f" (func $f))))))
                 (func (export "f") (param "n" u32) (result u32) (canon lift (core func $i "f"))))
               (instance $i{number} (instantiate $c{number} (with "f" (func $i{} "f"))))"#,
            number - 1
        )
    };
    let first = r#"(component $c0 (core module $m (func (export "f") (param i32) (result i32) (local.get 0)))
        (core instance $i (instantiate $m))
        (func (export "f") (param "n" u32) (result u32) (canon lift (core func $i "f"))))
        (instance $i0 (instantiate $c0))"#;
    let chain: String = (1..40).map(link).collect();
    run(async |arena| {
        let why = refused(arena, &format!("(component {first} {chain} {SHELL})")).await;
        assert!(why.contains("has 79 instances of core modules, at most 64 are allowed"), "{why}");
    });
}

#[test]
fn an_actors_memories_have_one_bound_together() {
    let grow = |memory: &str| {
        format!("(loop $on (br_if $on (i32.ne (memory.grow {memory} (i32.const 16)) (i32.const -1))))")
    };
    run(async |arena| {
        // Each to its end: what the first has the second does not get.
        let both = format!("{} {} unreachable", grow("0"), grow("$two"));
        let bytes = component(&both, "(memory $two 1)");
        let why = arena.client.load("hostile", bytes, |_| {}).await.unwrap_err().to_string();
        let (_, wanted) = why.split_once("can't describe itself: ").unwrap();
        assert!(wanted.contains("bytes of memory wanted, 67108864 allowed"), "{why}");
        let second = "(if (i32.ne (memory.grow $two (i32.const 1000)) (i32.const -1)) (then unreachable))";
        let first = "(if (i32.eq (memory.grow 0 (i32.const 1000)) (i32.const -1)) (then unreachable))";
        let bytes = component(&format!("{first} {second}"), "(memory $two 1)");
        let source = arena.client.load("two", bytes, |_| {}).await.unwrap().hash.to_string();
        let actor = arena.client.create(&source, "X").await.unwrap();
        arena.client.tell(actor, go(0, "")).await.unwrap();
        let memory = async || arena.client.actor(actor).await.unwrap().actor.memory_bytes;
        // It is shown when its first turn is over.
        until("its memory to be shown", async || memory().await > 0).await;
        assert_eq!(memory().await, 2 * (64 << 10), "it is the sum");
        arena.client.kill(actor).await.unwrap();
    });
}
