//! Components that are valid and small, and of which a compiler takes more than they are worth: each kind in any size.
//!
//! A bomb is a core module that is appended to an honest component. Nobody instantiates it; the compiler compiles it all the same.

use std::borrow::Cow;

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ElementSection, Elements, Encode as _, Function,
    FunctionSection, InstructionSink, MemorySection, MemoryType, Module, RefType, TableSection, TableType,
    TypeSection, ValType,
};

/// Results of one function: a host lets in 128 parameters and results together.
const RESULTS: usize = 64;
/// Results of one block.
const BLOCK_RESULTS: usize = 127;
/// Locals of one function.
const LOCALS: u32 = 9_000;
/// Bytes of one function's body: a host lets in a mebibyte.
const BODY_BYTES_MAX: usize = 1_000_000;

/// A kind of bomb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bomb {
    /// Branches by table, each of which hands on 127 values to every target.
    Tables,
    /// A chain of branches to where thousands of locals are read.
    Branches,
    /// Elements that no table has.
    Elements,
    /// Calls that hand on 64 values each to the next.
    Calls,
    /// The same through a table.
    IndirectCalls,
    /// Loops that carry 64 values each.
    Loops,
    /// Choices between values, each of the one before.
    Selects,
    /// Functions as large as they may be.
    HugeFunctions,
    /// Functions that do nothing.
    EmptyFunctions,
    /// Data that no memory has.
    Data,
    /// Types, each different.
    Types,
}

impl Bomb {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Tables,
        Self::Branches,
        Self::Elements,
        Self::Calls,
        Self::IndirectCalls,
        Self::Loops,
        Self::Selects,
        Self::HugeFunctions,
        Self::EmptyFunctions,
        Self::Data,
        Self::Types,
    ];

    /// Those that take most of a compiler for each of their bytes.
    pub const GREEDY: [Self; 6] =
        [Self::Tables, Self::Branches, Self::Elements, Self::Calls, Self::IndirectCalls, Self::Loops];

    /// An honest component with a bomb of this kind, of about so many bytes.
    #[must_use]
    pub fn appended_to(self, honest: &[u8], bytes: usize) -> Vec<u8> {
        /// The section of a component that is a core module.
        const MODULE: u8 = 1;
        let module = self.module(bytes);
        let mut component = honest.to_vec();
        component.push(MODULE);
        module.len().encode(&mut component);
        component.extend(module);
        component
    }

    /// The core module.
    #[must_use]
    pub fn module(self, bytes: usize) -> Vec<u8> {
        const ONE: &[ValType] = &[ValType::I32];
        const MANY: &[ValType] = &[ValType::I32; RESULTS];
        match self {
            Self::Tables => bodies(bytes, ONE, &[], 0, tables),
            Self::Branches => bodies(bytes, ONE, &[], LOCALS, branches),
            Self::Calls => bodies(bytes, MANY, MANY, 0, calls),
            Self::IndirectCalls => bodies(bytes, MANY, MANY, 0, indirect_calls),
            Self::Loops => bodies(bytes, MANY, MANY, 0, loops),
            Self::Selects => bodies(bytes, ONE, ONE, 0, selects),
            Self::HugeFunctions => bodies(bytes, ONE, ONE, 0, arithmetic),
            Self::EmptyFunctions => empty_functions(bytes),
            Self::Elements => elements(bytes),
            Self::Data => data(bytes),
            Self::Types => types(bytes),
        }
    }
}

/// A module of functions of one type, each filled up to what a function may have, all together of so many bytes.
fn bodies(
    bytes: usize,
    params: &[ValType],
    results: &[ValType],
    locals: u32,
    fill: impl Fn(&mut InstructionSink<'_>, usize),
) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function(params.iter().copied(), results.iter().copied());
    types.ty().function([], [ValType::I32; BLOCK_RESULTS]);
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    let mut left = bytes.max(1);
    while left > 0 {
        let size = left.min(BODY_BYTES_MAX);
        let mut body = Function::new([(locals, ValType::I32)]);
        fill(&mut body.instructions(), size);
        body.instructions().end();
        functions.function(0);
        code.function(&body);
        left -= size;
    }
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        minimum: 1,
        maximum: None,
        table64: false,
        shared: false,
    });
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&tables).section(&code);
    module.finish()
}

fn tables(code: &mut InstructionSink<'_>, bytes: usize) {
    /// Blocks within each other, each a target of its own.
    const TARGETS: u32 = 60;
    for _ in 0..bytes.div_ceil(5 * TARGETS as usize + 4 * BLOCK_RESULTS) {
        for _ in 0..TARGETS {
            code.block(BlockType::FunctionType(1));
        }
        for _ in 0..BLOCK_RESULTS {
            code.local_get(0);
        }
        code.local_get(0);
        code.br_table(0..TARGETS, 0);
        for _ in 0..TARGETS {
            code.end();
        }
        for _ in 0..BLOCK_RESULTS {
            code.drop();
        }
    }
}

fn branches(code: &mut InstructionSink<'_>, bytes: usize) {
    // What reads all locals behind it takes three bytes for each.
    let reading = 4 * LOCALS as usize;
    code.block(BlockType::Empty);
    // Each way there brings another value of another local.
    for number in 0..u32::try_from(bytes.saturating_sub(reading) / 7).unwrap_or(0) {
        code.local_get(0).local_tee(1 + number % (LOCALS - 1)).br_if(0);
    }
    code.end();
    for local in 1..LOCALS {
        code.local_get(local).drop();
    }
}

fn all_parameters(code: &mut InstructionSink<'_>) {
    for local in (0..).take(RESULTS) {
        code.local_get(local);
    }
}

fn calls(code: &mut InstructionSink<'_>, bytes: usize) {
    all_parameters(code);
    for _ in 0..bytes / 2 {
        code.call(0);
    }
}

fn indirect_calls(code: &mut InstructionSink<'_>, bytes: usize) {
    all_parameters(code);
    for _ in 0..bytes / 5 {
        code.i32_const(0).call_indirect(0, 0);
    }
}

fn loops(code: &mut InstructionSink<'_>, bytes: usize) {
    all_parameters(code);
    for _ in 0..bytes / 3 {
        code.loop_(BlockType::FunctionType(0)).end();
    }
}

fn selects(code: &mut InstructionSink<'_>, bytes: usize) {
    code.local_get(0);
    for _ in 0..bytes / 5 {
        code.local_get(0).local_get(0).select();
    }
}

fn arithmetic(code: &mut InstructionSink<'_>, bytes: usize) {
    code.local_get(0);
    for _ in 0..bytes / 6 {
        code.local_get(0).i32_mul().local_get(0).i32_xor();
    }
}

fn empty_functions(bytes: usize) -> Vec<u8> {
    let (mut types, mut functions, mut code) =
        (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    let mut body = Function::new([]);
    body.instructions().end();
    // A host lets in 50,000 functions, of which the honest part has some.
    for _ in 0..(bytes / 4).min(45_000) {
        functions.function(0);
        code.function(&body);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module.finish()
}

fn elements(bytes: usize) -> Vec<u8> {
    let (mut types, mut functions, mut code) =
        (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    functions.function(0);
    let mut body = Function::new([]);
    body.instructions().end();
    code.function(&body);
    let mut elements = ElementSection::new();
    elements.passive(Elements::Functions(Cow::from(vec![0; bytes])));
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&elements).section(&code);
    module.finish()
}

fn data(bytes: usize) -> Vec<u8> {
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 16,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut data = DataSection::new();
    for at in 0..bytes / 8 {
        // One byte in each of them, all over the memory.
        let offset = i32::try_from(at * 4_099 % (1 << 20)).unwrap_or(0);
        data.active(0, &ConstExpr::i32_const(offset), [1]);
    }
    let mut module = Module::new();
    module.section(&memories).section(&data);
    module.finish()
}

fn types(bytes: usize) -> Vec<u8> {
    const KINDS: [ValType; 4] = [ValType::I32, ValType::I64, ValType::F32, ValType::F64];
    let mut types = TypeSection::new();
    for number in 0..bytes / 24 {
        // Each number as parameters, written to the base of four.
        let params = (0..16).map(|digit| KINDS[number >> (2 * digit) & 3]);
        types.ty().function(params, []);
    }
    let mut module = Module::new();
    module.section(&types);
    module.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_about_the_size_that_is_asked_for() {
        for bomb in Bomb::ALL {
            let len = bomb.module(64 << 10).len();
            assert!((16 << 10..=160 << 10).contains(&len), "{bomb:?} has {len} bytes");
        }
    }
}
