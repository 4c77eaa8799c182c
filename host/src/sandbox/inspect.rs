//! What can be seen of a component without compiling it: whether it is one, what it needs and offers, and whether
//! compiling it would cost more than an honest source does.
//!
//! A compiler's time and memory grow with the product of a function's branches and its locals, so a few kilobytes can
//! keep it busy for minutes. This look costs some milliseconds per megabyte.

use std::collections::BTreeSet;

use thespian_core::limits::{
    ActorLimits, COMPONENTS_NESTED_MAX, CORE_MODULES_MAX, FUNCTION_BYTES_MAX, FUNCTION_COST_MAX,
    FUNCTION_DEPTH_MAX, FUNCTION_LOCALS_MAX, LOOP_DEPTH_MAX, SCAN_WITHIN_DIVISOR, SIGNATURE_LEN_MAX,
    SOURCE_BYTES_MAX, SOURCE_COST_MAX, SOURCE_FUNCTIONS_MAX, SOURCE_TYPES_MAX, SOURCE_WITHIN_BYTES_MAX,
    source_size,
};
use thespian_core::source::foreign::what_else;
use wasmparser::{CompositeInnerType, FunctionBody, Operator, Parser, Payload};

use super::census::Census;
use super::source_error::SourceError;
use super::text::shown;

/// The export that every actor component has.
pub(super) const GUEST_EXPORT: &str = "thespian:actor/guest@0.1.";

/// The same of any version.
const ANY_GUEST_EXPORT: &str = "thespian:actor/guest@";
/// Names of imports that an error lists.
const LISTED_MAX: usize = 64;

/// A refusal that lists names, in bytes.
#[cfg(any(test, fuzzing))]
const REFUSAL_LEN_MAX: usize = (LISTED_MAX + 1) * (thespian_core::limits::TYPE_NAME_LEN_MAX * 8);

/// The factor by which a loop costs the compiler more than a branch that goes forward: all that lives across it has to be
/// joined at its head. Measured.
const LOOP_WEIGHT: u64 = 8;

/// The interfaces that this host offers, up to the track of their version.
const OFFERED: &[&str] = &[
    "thespian:actor/types@0.1.",
    "thespian:actor/messaging@0.1.",
    "thespian:actor/lifecycle@0.1.",
    "thespian:actor/monitoring@0.1.",
    "thespian:actor/hosting@0.1.",
    "thespian:actor/sources@0.1.",
    "thespian:actor/logging@0.1.",
    "wasi:cli/environment@0.2.",
    "wasi:cli/exit@0.2.",
    "wasi:cli/stdin@0.2.",
    "wasi:cli/stdout@0.2.",
    "wasi:cli/stderr@0.2.",
    "wasi:cli/terminal-input@0.2.",
    "wasi:cli/terminal-output@0.2.",
    "wasi:cli/terminal-stdin@0.2.",
    "wasi:cli/terminal-stdout@0.2.",
    "wasi:cli/terminal-stderr@0.2.",
    "wasi:clocks/monotonic-clock@0.2.",
    "wasi:clocks/wall-clock@0.2.",
    "wasi:filesystem/types@0.2.",
    "wasi:filesystem/preopens@0.2.",
    "wasi:io/error@0.2.",
    "wasi:io/poll@0.2.",
    "wasi:io/streams@0.2.",
    "wasi:random/random@0.2.",
    "wasi:random/insecure@0.2.",
    "wasi:random/insecure-seed@0.2.",
    "wasi:sockets/instance-network@0.2.",
    "wasi:sockets/ip-name-lookup@0.2.",
    "wasi:sockets/network@0.2.",
    "wasi:sockets/tcp@0.2.",
    "wasi:sockets/tcp-create-socket@0.2.",
    "wasi:sockets/udp@0.2.",
    "wasi:sockets/udp-create-socket@0.2.",
];

/// The bounds on a component's shape.
pub(super) struct ScanBounds {
    bytes: usize,
    modules: usize,
    components: usize,
    types: usize,
    functions: usize,
    function_bytes: usize,
    function_locals: usize,
    function_depth: usize,
    loop_depth: usize,
    function_cost: u64,
    source_cost: u64,
}

impl ScanBounds {
    /// Of what a process compiles that has bounds of its own.
    pub(super) const WHOLE: Self = Self {
        bytes: SOURCE_BYTES_MAX,
        modules: CORE_MODULES_MAX,
        components: COMPONENTS_NESTED_MAX,
        types: SOURCE_TYPES_MAX,
        functions: SOURCE_FUNCTIONS_MAX,
        function_bytes: FUNCTION_BYTES_MAX,
        function_locals: FUNCTION_LOCALS_MAX,
        function_depth: FUNCTION_DEPTH_MAX,
        loop_depth: LOOP_DEPTH_MAX,
        function_cost: FUNCTION_COST_MAX,
        source_cost: SOURCE_COST_MAX,
    };
    /// Of what the node compiles within itself: a part of each.
    pub(super) const WITHIN: Self = Self {
        bytes: SOURCE_WITHIN_BYTES_MAX,
        modules: CORE_MODULES_MAX / SCAN_WITHIN_DIVISOR,
        components: COMPONENTS_NESTED_MAX / SCAN_WITHIN_DIVISOR,
        types: SOURCE_TYPES_MAX / SCAN_WITHIN_DIVISOR,
        functions: SOURCE_FUNCTIONS_MAX / SCAN_WITHIN_DIVISOR,
        function_bytes: FUNCTION_BYTES_MAX / SCAN_WITHIN_DIVISOR,
        function_locals: FUNCTION_LOCALS_MAX / SCAN_WITHIN_DIVISOR,
        function_depth: FUNCTION_DEPTH_MAX / SCAN_WITHIN_DIVISOR,
        loop_depth: LOOP_DEPTH_MAX / SCAN_WITHIN_DIVISOR,
        function_cost: FUNCTION_COST_MAX / SCAN_WITHIN_DIVISOR as u64,
        source_cost: SOURCE_COST_MAX / SCAN_WITHIN_DIVISOR as u64,
    };
}

/// Checks a component. Tells the memory that the engine allocates for each of its instances besides their memories and tables,
/// in bytes.
///
/// # Errors
/// Says what is wrong with it.
pub(super) fn inspect(
    bytes: &[u8],
    limits: &ActorLimits,
    bounds: &'static ScanBounds,
) -> Result<usize, SourceError> {
    source_size(bytes.len() as u64)?;
    if bytes.len() > bounds.bytes {
        return Err(SourceError::TooBigWithin { found: bytes.len(), max: bounds.bytes });
    }
    if let Some(what) = what_else(bytes) {
        return Err(SourceError::NotAComponent(what.to_owned()));
    }
    let (mut depth, mut unknown, mut guest, mut has_guest) = (0_usize, BTreeSet::new(), None, false);
    let (mut tally, mut census) = (Tally::new(bounds), Census::new());
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        match &payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports.clone() {
                    let name = import?.name.name;
                    if !OFFERED.iter().any(|offered| name.starts_with(offered)) {
                        unknown.insert(shown(name));
                    }
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports.clone() {
                    let name = export?.name.name;
                    has_guest |= name.starts_with(GUEST_EXPORT);
                    if name.starts_with(ANY_GUEST_EXPORT) {
                        guest = Some(name);
                    }
                }
            }
            _ => {}
        }
        census.count(&payload)?;
        tally.count(payload)?;
    }
    if !unknown.is_empty() {
        return Err(SourceError::UnknownImports(unknown.into_iter().take(LISTED_MAX).collect()));
    }
    match guest {
        _ if has_guest => census.check(limits),
        Some(other) => Err(SourceError::OtherContract(shown(other))),
        None => Err(SourceError::NoGuest),
    }
}

/// Looks at whatever somebody offers. A fuzzer runs it (`fuzz/`).
///
/// # Panics
/// A refusal is no text for people.
#[cfg(any(test, fuzzing))]
pub fn look_at(bytes: &[u8]) {
    for bounds in [&ScanBounds::WHOLE, &ScanBounds::WITHIN] {
        let Err(refusal) = inspect(bytes, &ActorLimits::default(), bounds) else { continue };
        let text = refusal.to_string();
        assert!(text.len() <= REFUSAL_LEN_MAX, "{} bytes of refusal", text.len());
        assert!(!text.chars().any(thespian_core::text::acts), "{text:?}");
    }
}

/// The amounts that are to be compiled, as far as they are counted.
struct Tally {
    bounds: &'static ScanBounds,
    modules: usize,
    components: usize,
    types: usize,
    functions: usize,
    cost: u64,
}

impl Tally {
    const fn new(bounds: &'static ScanBounds) -> Self {
        Self { bounds, modules: 0, components: 0, types: 0, functions: 0, cost: 0 }
    }

    fn count(&mut self, payload: Payload<'_>) -> Result<(), SourceError> {
        match payload {
            Payload::ModuleSection { .. } => {
                self.modules += 1;
                check("core modules", self.modules, self.bounds.modules)
            }
            Payload::ComponentSection { .. } => {
                self.components += 1;
                check("components within it", self.components, self.bounds.components)
            }
            Payload::TypeSection(types) => {
                self.types = self.types.saturating_add(types.count() as usize);
                check("types", self.types, self.bounds.types)?;
                for group in types {
                    for ty in group?.types() {
                        if let CompositeInnerType::Func(ty) = &ty.composite_type.inner {
                            let len = ty.params().len() + ty.results().len();
                            check("parameters and results of one function", len, SIGNATURE_LEN_MAX)?;
                        }
                    }
                }
                Ok(())
            }
            Payload::FunctionSection(functions) => {
                self.functions = self.functions.saturating_add(functions.count() as usize);
                check("functions", self.functions, self.bounds.functions)
            }
            Payload::CodeSectionEntry(body) => self.count_body(&body),
            _ => Ok(()),
        }
    }

    fn count_body(&mut self, body: &FunctionBody<'_>) -> Result<(), SourceError> {
        check("bytes of one function", body.range().len(), self.bounds.function_bytes)?;
        let mut locals = 0_usize;
        for group in body.get_locals_reader()? {
            locals = locals.saturating_add(group?.0 as usize);
        }
        check("locals of one function", locals, self.bounds.function_locals)?;
        let (mut around, mut loops, mut branches) = (Vec::new(), 0_usize, 0_u64);
        for operator in body.get_operators_reader()? {
            let is_loop = match operator? {
                Operator::Loop { .. } => true,
                Operator::Block { .. } | Operator::If { .. } => false,
                Operator::End => {
                    loops -= usize::from(around.pop().unwrap_or(false));
                    continue;
                }
                _ => continue,
            };
            around.push(is_loop);
            loops += usize::from(is_loop);
            branches += if is_loop { LOOP_WEIGHT } else { 1 };
            check("blocks of one function within each other", around.len(), self.bounds.function_depth)?;
            check("loops of one function within each other", loops, self.bounds.loop_depth)?;
        }
        let cost = branches.saturating_mul(locals as u64 + 1);
        self.cost = self.cost.saturating_add(cost);
        check("branches times locals of one function", cost, self.bounds.function_cost)?;
        check("branches times locals of all functions", self.cost, self.bounds.source_cost)
    }
}

fn check<N: PartialOrd + std::fmt::Display>(what: &'static str, found: N, max: N) -> Result<(), SourceError> {
    if found <= max {
        return Ok(());
    }
    Err(SourceError::TooCostly { what, found: found.to_string(), max: max.to_string() })
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    fn inspect(bytes: &[u8]) -> Result<(), SourceError> {
        super::inspect(bytes, &ActorLimits::default(), &ScanBounds::WHOLE).map(drop)
    }

    /// A component that exports a guest and has one core module with this text, which `inspect` does not compile.
    fn component(module: &str) -> Vec<u8> {
        let shell = format!(
            r#"(component (core module {module}) (component $c) (instance $i (instantiate $c))
               (export "thespian:actor/guest@0.1.1" (instance $i)))"#
        );
        wat::parse_str(shell).unwrap()
    }

    fn too_costly(module: &str) -> &'static str {
        match inspect(&component(module)) {
            Err(SourceError::TooCostly { what, .. }) => what,
            other => panic!("{other:?}"),
        }
    }

    fn nested(opening: &str, times: usize) -> String {
        format!("{}{}", opening.repeat(times), "end ".repeat(times))
    }

    #[test]
    fn an_honest_shape_passes() {
        let honest = format!("(func {} {})", "(local i32) ".repeat(500), nested("block ", 500));
        assert_eq!(inspect(&component(&honest)), Ok(()));
        // An interpreter's loop over its instructions.
        let deep = format!("(func {})", nested("block ", 3_900));
        assert_eq!(inspect(&component(&deep)), Ok(()));
        let after_another = format!("(func {})", nested("loop ", 90).repeat(3));
        assert_eq!(inspect(&component(&after_another)), Ok(()));
    }

    #[test]
    fn what_would_keep_the_compiler_busy_is_refused() {
        let locals = "(local i32) ".repeat(2_000);
        let ifs = "i32.const 0 if end ".repeat(5_000);
        let loops = "loop end ".repeat(5_000);
        assert_eq!(too_costly(&format!("(func {locals} {ifs})")), "branches times locals of one function");
        assert_eq!(too_costly(&format!("(func {locals} {loops})")), "branches times locals of one function");
        let nests = nested("block ", 5_000);
        assert_eq!(too_costly(&format!("(func {nests})")), "blocks of one function within each other");
        let nests = nested("block loop ", 150);
        assert_eq!(too_costly(&format!("(func {nests} {nests})")), "loops of one function within each other");
        let locals = "(local i32) ".repeat(50_000);
        assert_eq!(too_costly(&format!("(func {locals})")), "locals of one function");
        let params = "(param i32) ".repeat(1_000);
        assert_eq!(too_costly(&format!("(func {params})")), "parameters and results of one function");
        assert_eq!(too_costly(&"(func) ".repeat(100_000)), "functions");
        assert_eq!(too_costly(&"(type (func)) ".repeat(10_001)), "types");
        let long = "i32.const 1 drop ".repeat(700_000);
        assert_eq!(too_costly(&format!("(func {long})")), "bytes of one function");
        let below = format!("(func {} {}) ", "(local i32) ".repeat(900), "loop end ".repeat(500));
        assert_eq!(too_costly(&below.repeat(50)), "branches times locals of all functions");
    }

    #[test]
    fn many_modules_and_components_are_refused() {
        assert_eq!(too_costly(&") (core module ".repeat(1_000)), "core modules");
        let deep = format!("(component {})", "(component (component)) ".repeat(50));
        let refused = inspect(&wat::parse_str(deep).unwrap());
        assert!(
            matches!(refused, Err(SourceError::TooCostly { what: "components within it", .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn what_is_no_component_is_refused_with_words() {
        let refused = |bytes: &[u8]| inspect(bytes).unwrap_err().to_string();
        assert!(refused(b"").starts_with("a source has between 1 and "));
        assert!(refused(b"\x7fELF\x02\x01\x01").starts_with("not a WebAssembly component"));
        assert!(refused(&wat::parse_str("(module)").unwrap()).contains("core module"));
        assert!(refused(&wat::parse_str("(component)").unwrap()).contains("does not export"));
        let unknown = r#"(component (import "evil:corp/teleport@1.0.0" (instance)))"#;
        assert!(refused(&wat::parse_str(unknown).unwrap()).contains("evil:corp/teleport@1.0.0"));
        assert!(refused(&vec![0; SOURCE_BYTES_MAX + 1]).starts_with("a source has between 1 and "));
    }

    /// As a fuzzer begins: with components that are whole, of which it changes, leaves out and repeats parts.
    #[test]
    fn whatever_is_offered_is_looked_at_or_refused_in_words() {
        let seed: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
        println!("again with: SEED={seed} cargo test -p thespian-host --lib offered");
        let mut random = StdRng::seed_from_u64(seed);
        let whole = [
            thespian_guests::bytes(thespian_guests::HELLO),
            component(&format!("(func {})", nested("block loop ", 40))),
            component(r#"(memory 1) (table 1 funcref) (elem func) (data "x") (type (func (param i32) (result i64)))"#),
            wat::parse_str(r#"(component (component $a (component)) (instance (instantiate $a)) (import "a:b/c@1.0.0" (instance)))"#).unwrap(),
        ];
        let mut passed = 0;
        for round in 0..4_000 {
            let mut offered = whole[round % whole.len()].clone();
            for _ in 0..random.random_range(1..5) {
                change(&mut offered, &mut random);
            }
            look_at(&offered);
            passed += usize::from(inspect(&offered).is_ok());
        }
        assert!(passed > 100, "{passed} passed: the changes leave nothing to look at");
    }

    fn change(bytes: &mut Vec<u8>, random: &mut StdRng) {
        // The beginning says what it is: without it nothing is looked at.
        let at = random.random_range(8..bytes.len());
        let len = random.random_range(0..=(bytes.len() - at).min(40));
        match random.random_range(0..6) {
            0 => bytes[at] = random.random(),
            1 => bytes[at] ^= 1 << random.random_range(0..8),
            2 => bytes[at..at + len.min(5)].fill(0xff),
            3 => drop(bytes.drain(at..at + len)),
            4 => bytes.extend_from_within(at..at + len),
            _ => {
                let part = bytes[at..at + len].to_vec();
                bytes.splice(at..at, part);
            }
        }
        if bytes.len() <= 8 {
            bytes.resize(9, 0);
        }
    }
}
