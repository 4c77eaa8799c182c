//! What one instance of a component consists of, without making it.
//!
//! A component that instantiates the one within it twice has all of that twice, and whoever instantiates it twice has it four
//! times: forty levels are some hundred bytes, and the compiler makes each instance. So every definition is counted once,
//! when it ends, and an instance of it adds that number. Nothing here is checked to be valid; the compiler does that.

use thespian_core::limits::{
    ActorLimits, COMPONENT_COPIES_MAX, COMPONENT_INSTANCES_MAX, COMPONENT_ITEMS_MAX, CORE_INSTANCES_MAX,
    FUNCTIONS_LOWERED_MAX, INSTANCE_ENGINE_BYTES_MAX, MEMORIES_DEFINED_MAX, MEMORIES_MAX, TABLES_MAX,
};
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExport, ComponentExternalKind, ComponentImport,
    ComponentInstance, ComponentOuterAliasKind, ComponentType, ComponentTypeRef, ElementItems, ElementKind,
    ExternalKind, Instance, Payload, SectionLimited, ValType,
};

use super::bounds::HANDLES_MAX;
use super::source_error::{SourceError, TooMuch};

/// Its name in a refusal.
pub(super) const CORE_INSTANCES: &str = "instances of core modules";
/// Its name in a refusal too.
const ENGINE_BYTES: &str = "bytes for its functions, globals and lists for tables";
/// Bytes of a page, the unit in which a module says how large its memory is.
const PAGE_BYTES: u64 = 64 << 10;

/// The bytes that the engine allocates for each instance: for a core instance at all, for something it imports, which can be called
/// from without as well, for a global, for a function that can be called from without or through a table, for a value of a list that
/// a table can be filled from, and for a segment of data. As in wasmtime 48 (`vmoffsets.rs`, `PassiveElementSegment`), rounded up.
const CORE_INSTANCE_BYTES: u64 = 1 << 10;
const IMPORT_BYTES: u64 = 64;
const GLOBAL_BYTES: u64 = 16;
const FUNCTION_BYTES: u64 = 32;
const LISTED_VALUE_BYTES: u64 = 16;
const SEGMENT_BYTES: u64 = 32;
/// The same for a function that crosses the border of a component, and for a kind of resources that it has.
const CANONICAL_BYTES: u64 = 64;
const RESOURCE_TYPE_BYTES: u64 = 64;
/// The table of handles of a component instance, which never gets smaller: as many as one may hold.
const HANDLES_BYTES: u64 = HANDLES_MAX as u64 * 24;

/// The parts of one instance of a module or a component, with all that it instantiates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parts {
    component_instances: u64,
    core_instances: u64,
    memories: u64,
    memory_bytes: u64,
    tables: u64,
    table_elements: u64,
    lowered: u64,
    items: u64,
    engine_bytes: u64,
}

impl Parts {
    /// Nothing but so much that the engine keeps for it.
    fn kept(len: u64, bytes_each: u64) -> Self {
        Self { engine_bytes: len.saturating_mul(bytes_each), ..Self::default() }
    }

    fn add(&mut self, other: &Self) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.component_instances, other.component_instances);
        add(&mut self.core_instances, other.core_instances);
        add(&mut self.memories, other.memories);
        add(&mut self.memory_bytes, other.memory_bytes);
        add(&mut self.tables, other.tables);
        add(&mut self.table_elements, other.table_elements);
        add(&mut self.lowered, other.lowered);
        add(&mut self.items, other.items);
        add(&mut self.engine_bytes, other.engine_bytes);
    }

    fn check(&self, limits: &ActorLimits) -> Result<(), SourceError> {
        let (memory, table) = (limits.memory_bytes_max as u64, limits.table_elements_max as u64);
        for (what, found, max, limit) in [
            ("instances of components", self.component_instances, COMPONENT_INSTANCES_MAX, None),
            (CORE_INSTANCES, self.core_instances, CORE_INSTANCES_MAX.into(), None),
            ("memories", self.memories, MEMORIES_MAX.into(), None),
            ("tables", self.tables, TABLES_MAX.into(), None),
            ("functions lowered", self.lowered, FUNCTIONS_LOWERED_MAX, None),
            ("parts of components", self.items, COMPONENT_ITEMS_MAX, None),
            (ENGINE_BYTES, self.engine_bytes, INSTANCE_ENGINE_BYTES_MAX, None),
            ("bytes of memory when it begins", self.memory_bytes, memory, Some("memory-bytes-max")),
            ("table elements when it begins", self.table_elements, table, Some("table-elements-max")),
        ] {
            TooMuch::check(what, found, max, limit)?;
        }
        Ok(())
    }
}

/// A definition that has not ended. What it can instantiate is absent where it comes from outside of it.
#[derive(Default)]
struct Scope {
    parts: Parts,
    modules: Vec<Option<Parts>>,
    components: Vec<Option<Parts>>,
    is_module: bool,
    /// Functions cross its border, and may carry handles.
    has_functions: bool,
    /// Handles can be made of nothing.
    has_own_handles: bool,
}

/// Counts while a component is read.
pub(super) struct Census {
    /// From the component itself to the innermost definition.
    scopes: Vec<Scope>,
    /// The parts of all definitions, each once.
    items: u64,
    /// The places in all definitions to which an instance goes, each once.
    instances: u64,
    /// The memories that all modules define.
    memories: u64,
}

impl Census {
    pub(super) fn new() -> Self {
        Self { scopes: vec![Scope::default()], items: 0, instances: 0, memories: 0 }
    }

    /// Takes the next piece of the component.
    ///
    /// # Errors
    /// It is malformed, it can't be counted, or it has too many parts.
    pub(super) fn count(&mut self, payload: &Payload<'_>) -> Result<(), SourceError> {
        match payload {
            Payload::ModuleSection { .. } => {
                self.scopes.push(Scope { is_module: true, ..Scope::default() });
            }
            Payload::ComponentSection { .. } => self.scopes.push(Scope::default()),
            Payload::End(_) => self.end(),
            Payload::MemorySection(memories) => {
                for memory in memories.clone() {
                    let memory_bytes = memory?.initial.saturating_mul(PAGE_BYTES);
                    self.memories += 1;
                    TooMuch::check("memories defined", self.memories, MEMORIES_DEFINED_MAX, None)?;
                    self.add(&Parts { memories: 1, memory_bytes, ..Parts::default() });
                }
            }
            Payload::TableSection(tables) => {
                for table in tables.clone() {
                    let table_elements = table?.ty.initial;
                    self.add(&Parts { tables: 1, table_elements, ..Parts::kept(1, FUNCTION_BYTES) });
                }
            }
            Payload::ImportSection(imports) => self.add(&Parts::kept(imports.count().into(), IMPORT_BYTES)),
            Payload::GlobalSection(globals) => {
                for global in globals.clone() {
                    let is_reference = matches!(global?.ty.content_type, ValType::Ref(_));
                    self.add(&Parts::kept(1, GLOBAL_BYTES + if is_reference { FUNCTION_BYTES } else { 0 }));
                }
            }
            Payload::DataSection(segments) => self.add(&Parts::kept(segments.count().into(), SEGMENT_BYTES)),
            Payload::ExportSection(exports) => {
                for export in exports.clone() {
                    let is_function = matches!(export?.kind, ExternalKind::Func | ExternalKind::FuncExact);
                    self.add(&Parts::kept(u64::from(is_function), FUNCTION_BYTES));
                }
            }
            Payload::ElementSection(segments) => {
                for segment in segments.clone() {
                    let segment = segment?;
                    let len = match &segment.items {
                        ElementItems::Functions(functions) => functions.count(),
                        ElementItems::Expressions(_, values) => values.count(),
                    };
                    let is_kept = matches!(segment.kind, ElementKind::Passive);
                    let each = FUNCTION_BYTES + if is_kept { LISTED_VALUE_BYTES } else { 0 };
                    self.add(&Parts::kept(len.into(), each));
                    self.add(&Parts::kept(1, SEGMENT_BYTES));
                }
            }
            Payload::ComponentAliasSection(aliases) => self.each(aliases, Self::alias)?,
            Payload::ComponentImportSection(imports) => self.each(imports, Self::import)?,
            Payload::ComponentExportSection(exports) => self.each(exports, Self::export)?,
            Payload::ComponentCanonicalSection(functions) => self.each(functions, Self::function)?,
            Payload::InstanceSection(instances) => self.each(instances, Self::core_instance)?,
            Payload::ComponentInstanceSection(instances) => self.each(instances, Self::instance)?,
            Payload::ComponentTypeSection(types) => self.each(types, Self::component_type)?,
            Payload::CoreTypeSection(types) => self.each(types, |_, _| Ok(0))?,
            _ => {}
        }
        Ok(())
    }

    /// Checks what an instance of the whole component consists of, when all of it was counted. Tells the memory that the engine
    /// allocates for each, in bytes.
    ///
    /// # Errors
    /// Names what there is too much of.
    pub(super) fn check(&self, limits: &ActorLimits) -> Result<usize, SourceError> {
        let Some(whole) = self.scopes.first() else { return Ok(0) };
        let mut parts = whole.parts;
        // Of the host's resources it has at most a quarter as many.
        parts.add(&Parts::kept(whole.has_own_handles.into(), HANDLES_BYTES));
        parts.check(limits)?;
        let engine_bytes = parts.engine_bytes;
        Ok(usize::try_from(engine_bytes).unwrap_or(usize::MAX))
    }

    /// Takes a section's entries, each of which is one part, and as many more as `take` says.
    fn each<'a, T: wasmparser::FromReader<'a>>(
        &mut self,
        section: &SectionLimited<'a, T>,
        take: impl Fn(&mut Self, T) -> Result<usize, SourceError>,
    ) -> Result<(), SourceError> {
        for entry in section.clone() {
            let more = take(self, entry?)?;
            let items = 1 + more as u64;
            self.add(&Parts { items, ..Parts::default() });
            // Those too that are in no instance: this list is kept while it is read.
            self.items = self.items.saturating_add(items);
            TooMuch::check("parts of components", self.items, COMPONENT_ITEMS_MAX, None)?;
            let copies = self.items.saturating_mul(self.instances);
            TooMuch::check("parts of instances to copy", copies, COMPONENT_COPIES_MAX, None)?;
        }
        Ok(())
    }

    /// Counts places to which an instance goes.
    fn instance_goes(&mut self, kinds: impl Iterator<Item = ComponentExternalKind>) {
        let instances = kinds.filter(|kind| *kind == ComponentExternalKind::Instance).count();
        self.instances = self.instances.saturating_add(instances as u64);
    }

    fn import(&mut self, import: ComponentImport<'_>) -> Result<usize, SourceError> {
        match import.ty {
            ComponentTypeRef::Module(_) => self.here().modules.push(None),
            ComponentTypeRef::Component(_) => self.here().components.push(None),
            ComponentTypeRef::Instance(_) => self.instances += 1,
            _ => {}
        }
        Ok(0)
    }

    /// An export has an index of its own.
    fn export(&mut self, export: ComponentExport<'_>) -> Result<usize, SourceError> {
        self.instance_goes([export.kind].into_iter());
        let here = self.here();
        match export.kind {
            ComponentExternalKind::Module => here.modules.push(known(&here.modules, export.index)?),
            ComponentExternalKind::Component => here.components.push(known(&here.components, export.index)?),
            _ => {}
        }
        Ok(0)
    }

    fn function(&mut self, function: CanonicalFunction) -> Result<usize, SourceError> {
        let lowered = matches!(function, CanonicalFunction::Lower { .. }).into();
        self.add(&Parts { lowered, ..Parts::kept(1, CANONICAL_BYTES) });
        let here = self.here();
        here.has_functions = true;
        here.has_own_handles |= matches!(function, CanonicalFunction::ResourceNew { .. });
        Ok(0)
    }

    fn component_type(&mut self, ty: ComponentType<'_>) -> Result<usize, SourceError> {
        if matches!(ty, ComponentType::Resource { .. }) {
            self.add(&Parts::kept(1, RESOURCE_TYPE_BYTES));
        }
        Ok(0)
    }

    fn core_instance(&mut self, instance: Instance<'_>) -> Result<usize, SourceError> {
        match instance {
            Instance::Instantiate { module_index, args } => {
                let module = known(&self.here().modules, module_index)?;
                self.add(&module.ok_or(SourceError::Uncounted("core module"))?);
                self.add(&Parts { core_instances: 1, ..Parts::kept(1, CORE_INSTANCE_BYTES) });
                Ok(args.len())
            }
            Instance::FromExports(exports) => Ok(exports.len()),
        }
    }

    fn instance(&mut self, instance: ComponentInstance<'_>) -> Result<usize, SourceError> {
        self.instances += 1;
        match instance {
            ComponentInstance::Instantiate { component_index, args } => {
                let component = known(&self.here().components, component_index)?;
                self.add(&component.ok_or(SourceError::Uncounted("component"))?);
                self.add(&Parts { component_instances: 1, ..Parts::default() });
                self.instance_goes(args.iter().map(|arg| arg.kind));
                Ok(args.len())
            }
            ComponentInstance::FromExports(exports) => {
                self.instance_goes(exports.iter().map(|export| export.kind));
                Ok(exports.len())
            }
        }
    }

    fn alias(&mut self, alias: ComponentAlias<'_>) -> Result<usize, SourceError> {
        if let ComponentAlias::InstanceExport { kind, .. } = &alias {
            self.instance_goes([*kind].into_iter());
        }
        match alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } => {
                self.here().modules.push(None);
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => {
                self.here().components.push(None);
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count, index } => {
                let module = known(&self.around(count)?.modules, index)?;
                self.here().modules.push(module);
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                let component = known(&self.around(count)?.components, index)?;
                self.here().components.push(component);
            }
            _ => {}
        }
        Ok(0)
    }

    /// The definition ends, and those around it can instantiate it. The component itself stays.
    fn end(&mut self) {
        if self.scopes.len() < 2 {
            return;
        }
        let Some(mut ended) = self.scopes.pop() else { return };
        ended.parts.add(&Parts::kept(ended.has_functions.into(), HANDLES_BYTES));
        let list = if ended.is_module { &mut self.here().modules } else { &mut self.here().components };
        list.push(Some(ended.parts));
    }

    fn add(&mut self, parts: &Parts) {
        self.here().parts.add(parts);
    }

    fn here(&mut self) -> &mut Scope {
        self.scopes.last_mut().expect("the component itself stays")
    }

    /// The definition so many levels out.
    fn around(&self, count: u32) -> Result<&Scope, SourceError> {
        let level = self.scopes.len().checked_sub(1 + count as usize);
        level.and_then(|level| self.scopes.get(level)).ok_or_else(nowhere)
    }
}

fn known(list: &[Option<Parts>], index: u32) -> Result<Option<Parts>, SourceError> {
    list.get(index as usize).copied().ok_or_else(nowhere)
}

fn nowhere() -> SourceError {
    SourceError::NotAComponent("it names a definition that it has not".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::Parser;

    /// What an instance of the component consists of.
    fn parts(text: &str) -> Result<Parts, SourceError> {
        let mut census = Census::new();
        for payload in Parser::new(0).parse_all(&wat::parse_str(text).unwrap()) {
            census.count(&payload?)?;
        }
        Ok(census.scopes[0].parts)
    }

    fn refused(text: &str) -> String {
        let mut census = Census::new();
        for payload in Parser::new(0).parse_all(&wat::parse_str(text).unwrap()) {
            if let Err(why) = census.count(&payload.unwrap()) {
                return why.to_string();
            }
        }
        census.check(&ActorLimits::default()).unwrap_err().to_string()
    }

    /// A component in which each of so many levels instantiates the one below it twice.
    fn doubling(levels: usize, lowest: &str) -> String {
        let level = |below: String, number: usize| {
            let below_it = number.wrapping_sub(1);
            format!(
                "(component $c{number} {below} (instance (instantiate $c{below_it})) (instance (instantiate $c{below_it})))"
            )
        };
        let mut text = format!("(component $c0 {lowest})");
        for number in 1..levels {
            text = level(text, number);
        }
        let top = levels - 1;
        format!("(component {text} (instance (instantiate $c{top})) (instance (instantiate $c{top})))")
    }

    const MODULE: &str =
        "(core module $m (memory 2) (table 3 funcref) (table 4 funcref)) (core instance (instantiate $m))";

    #[test]
    fn parts_are_counted_through_all_that_is_instantiated() {
        let one = parts(&format!("(component {MODULE})")).unwrap();
        let expected = Parts {
            core_instances: 1,
            memories: 1,
            memory_bytes: 2 * PAGE_BYTES,
            tables: 2,
            table_elements: 7,
            items: 1,
            engine_bytes: CORE_INSTANCE_BYTES + 2 * FUNCTION_BYTES,
            ..Parts::default()
        };
        assert_eq!(one, expected);
        let four = parts(&doubling(2, MODULE)).unwrap();
        assert_eq!((four.component_instances, four.memories, four.tables), (2 + 4, 4, 8));
        assert_eq!((four.core_instances, four.memory_bytes, four.table_elements), (4, 8 * PAGE_BYTES, 28));
        // What is defined and not instantiated is in no instance.
        let none = parts(&format!("(component (component {MODULE}) (core module (memory 1)))")).unwrap();
        assert_eq!(none, Parts::default());
    }

    #[test]
    fn the_memory_that_the_engine_keeps_for_an_instance_is_counted() {
        let module = r#"(core module $m
            (import "a" "f" (func)) (global i32 (i32.const 0)) (global funcref (ref.func $f)) (table 4 funcref)
            (func $f) (func (export "g")) (memory (export "m") 1) (data "x")
            (elem (i32.const 0) $f $f) (elem funcref (ref.null func) (ref.null func) (ref.null func)))"#;
        let engine_bytes = |copies: usize| {
            let made = "(core instance (instantiate $m))".repeat(copies);
            parts(&format!("(component {module} {made})")).unwrap().engine_bytes
        };
        let one = CORE_INSTANCE_BYTES
            + IMPORT_BYTES
            + 2 * GLOBAL_BYTES
            + (1 + 1 + 1 + 2 + 3) * FUNCTION_BYTES
            + 3 * LISTED_VALUE_BYTES
            + 3 * SEGMENT_BYTES;
        assert_eq!([0, 1, 3].map(engine_bytes), [0, one, 3 * one]);
        // A component within has a table of handles where functions cross its border, and all have kinds of resources.
        let made = |inner: &str| {
            let text = format!(
                "(component (component $a {inner}) (instance (instantiate $a)) (instance (instantiate $a)))"
            );
            parts(&text).unwrap().engine_bytes
        };
        assert_eq!(made(""), 0);
        assert_eq!(made("(type (resource (rep i32)))"), 2 * RESOURCE_TYPE_BYTES);
        let own = "(type $r (resource (rep i32))) (core func (canon resource.new $r))";
        assert_eq!(made(own), 2 * (RESOURCE_TYPE_BYTES + CANONICAL_BYTES + HANDLES_BYTES));
        let list = format!("(core module $m (elem funcref {}))", "(ref.null func)".repeat(60_000));
        let why = refused(&format!("(component {list} {})", "(core instance (instantiate $m))".repeat(4)));
        assert!(why.contains(ENGINE_BYTES) && why.contains("at most 8388608 are allowed"), "{why}");
    }

    #[test]
    fn a_definition_is_known_by_whatever_way_it_is_named() {
        // From without, and by the index that an export has.
        let outer = format!(
            "(component $top (component $a {MODULE}) (core module $n (memory 1))
               (component $b
                 (alias outer $top $a (component $inner)) (alias outer $top $n (core module $n2))
                 (instance (instantiate $inner)) (core instance (instantiate $n2)))
               (export $named \"a\" (component $a))
               (instance (instantiate $b)) (instance (instantiate $named)))"
        );
        let parts = parts(&outer).unwrap();
        assert_eq!((parts.component_instances, parts.memories, parts.tables), (3, 3, 4));
    }

    #[test]
    fn trees_that_double_are_refused_without_being_made() {
        for levels in [9, 40, 60] {
            let refused = refused(&doubling(levels, ""));
            assert!(refused.contains("instances of components, at most 256 are allowed"), "{refused}");
        }
        // Short of that bound the others hold.
        let memories = refused(&doubling(4, MODULE));
        assert_eq!(memories, "an actor of this component has 16 memories, at most 8 are allowed");
        let function = r#"(core module $m (func (export "f"))) (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))"#;
        let lowered = format!("{function} {}", "(core func (canon lower (func $f)))".repeat(200));
        let lowered = refused(&doubling(4, &lowered));
        assert!(lowered.contains("functions lowered"), "{lowered}");
        let types = "(type u8)".repeat(4_000);
        assert!(refused(&doubling(6, &types)).contains("parts of components"));
        let types = format!("(component (component {}))", "(type u8)".repeat(200_000));
        assert!(refused(&types).contains("parts of components"), "also where nobody instantiates them");
    }

    #[test]
    fn what_an_instance_offers_is_not_copied_without_end_also_where_nobody_instantiates_it() {
        let function = r#"(core module $m (func (export "f"))) (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))"#;
        let exports =
            |len: usize| (0..len).map(|n| format!("(export \"n{n}\" (func $f))")).collect::<String>();
        let instantiated = "(instance (instantiate $a))".repeat(990);
        let made =
            format!("(component (component (component $a {function} {}) {instantiated}))", exports(9_000));
        let named = format!(
            "(component {function} (instance $bag {}) (instance $outer (export \"i\" (instance $bag))) {})",
            exports(9_000),
            "(alias export $outer \"i\" (instance))".repeat(990)
        );
        for text in [made, named] {
            let why = refused(&text);
            assert!(why.contains("parts of instances to copy, at most 4000000 are allowed"), "{why}");
        }
    }

    #[test]
    fn memories_that_nobody_instantiates_are_bounded_as_well() {
        let modules = "(core module (memory 1) (memory 1) (data (i32.const 0) \"x\"))".repeat(9);
        let why = refused(&format!("(component {modules})"));
        assert_eq!(why, "an actor of this component has 17 memories defined, at most 16 are allowed");
    }

    #[test]
    fn what_comes_from_without_is_not_instantiated() {
        let argument = r#"(component (component $a) (component $b (import "x" (component $x)) (instance (instantiate $x)))
            (instance (instantiate $b (with "x" (component $a)))))"#;
        assert!(refused(argument).contains("instantiates a component that comes in as an argument"));
        let module =
            r#"(component (component $b (import "x" (core module $x)) (core instance (instantiate $x))))"#;
        assert!(refused(module).contains("instantiates a core module that comes in as an argument"));
        let export = r#"(component (component $a (component $b) (export "b" (component $b))) (instance $i (instantiate $a))
            (alias export $i "b" (component $b)) (instance (instantiate $b)))"#;
        assert!(refused(export).contains("out of an instance"));
        // To hand it on is no harm.
        let handed = r#"(component (component $a) (component $b (import "x" (component)))
            (instance (instantiate $b (with "x" (component $a)))))"#;
        assert_eq!(parts(handed).unwrap().component_instances, 1);
    }

    #[test]
    fn memory_and_tables_that_no_actor_may_begin_with_name_the_limit_that_helps() {
        let memory = "(component (core module $m (memory 600)) (core instance (instantiate $m)) (core instance (instantiate $m)))";
        assert_eq!(
            refused(memory),
            "an actor of this component has 78643200 bytes of memory when it begins, at most 67108864 are allowed; \
             `--limit memory-bytes-max=N` allows more"
        );
        let table = "(component (core module $m (table 30000 funcref)) (core instance (instantiate $m)))";
        assert!(refused(table).ends_with("`--limit table-elements-max=N` allows more"));
    }
}
