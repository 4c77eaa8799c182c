//! A crate's modules as its files declare them, and the file that declares what a path in one of them means.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::source::File;
use crate::tokens::{Import, Token, group_end, imports, item_end, tokens};

/// The crates that lie in one folder: a library, a program or both.
pub(crate) struct Modules<'a> {
    /// Each file that is reached, with its code as it ships.
    pub(crate) files: Vec<(&'a File, Vec<Token<'a>>)>,
    pub(crate) modules: Vec<Module<'a>>,
}

/// A file, or a `mod` with a body inside of one.
pub(crate) struct Module<'a> {
    name: &'a str,
    /// An index of files.
    pub(crate) file: usize,
    /// Its tokens, those of modules inside of it among them.
    pub(crate) range: Range<usize>,
    /// An index of modules, as are `root` and the children.
    parent: Option<usize>,
    root: usize,
    children: BTreeMap<&'a str, usize>,
    /// Names of all that is declared here.
    items: BTreeSet<&'a str>,
    imports: Vec<Import<'a>>,
    /// Names of types and traits that are declared here.
    pub(crate) types: Vec<Token<'a>>,
}

/// Names that are being looked for in a module: a circle of imports leads nowhere.
type Seen<'a> = BTreeSet<(usize, &'a str)>;

impl<'a> Modules<'a> {
    /// All that `src/lib.rs` and `src/main.rs` reach, but for what is compiled for tests only.
    pub(crate) fn under(src: &str, files: &'a [File]) -> Self {
        let mut found = Self { files: Vec::new(), modules: Vec::new() };
        for root in ["lib", "main"] {
            let path = format!("{src}/{root}.rs");
            if let Some(file) = files.iter().find(|file| file.path == path) {
                found.enter_file(file, root, None, files);
            }
        }
        found
    }

    fn enter_file(
        &mut self,
        file: &'a File,
        name: &'a str,
        parent: Option<usize>,
        files: &'a [File],
    ) -> usize {
        let code = tokens(&file.shipped);
        self.files.push((file, code.clone()));
        let module = self.module(self.files.len() - 1, name, 0..code.len(), parent);
        self.enter_items(module, &code, files);
        module
    }

    fn module(&mut self, file: usize, name: &'a str, range: Range<usize>, parent: Option<usize>) -> usize {
        let module = self.modules.len();
        self.modules.push(Module {
            name,
            file,
            range,
            parent,
            root: parent.map_or(module, |parent| self.modules[parent].root),
            children: BTreeMap::new(),
            items: BTreeSet::new(),
            imports: Vec::new(),
            types: Vec::new(),
        });
        if let Some(parent) = parent {
            self.modules[parent].children.insert(name, module);
        }
        module
    }

    fn enter_items(&mut self, module: usize, code: &[Token<'a>], files: &'a [File]) {
        let Range { mut start, end } = self.modules[module].range.clone();
        while start < end {
            start = self.enter_item(module, code, start, files);
        }
    }

    /// Enters the item at `index`, or passes by what stands before one, and returns what is behind it.
    fn enter_item(&mut self, module: usize, code: &[Token<'a>], index: usize, files: &'a [File]) -> usize {
        let text = |index: usize| code.get(index).map_or("", |token| token.text);
        match text(index) {
            "#" => self.enter_attribute(module, code, index),
            "mod" if text(index + 2) == "{" => {
                let end = group_end(code, index + 2);
                let file = self.modules[module].file;
                let child = self.module(file, text(index + 1), index + 3..end - 1, Some(module));
                self.enter_items(child, code, files);
                end
            }
            "mod" => {
                if let Some(file) = self.file_of_child(module, text(index + 1), files) {
                    self.enter_file(file, text(index + 1), Some(module), files);
                }
                index + 3
            }
            "use" => {
                self.modules[module].imports.extend(imports(code, index + 1));
                item_end(code, index, false)
            }
            "const" | "extern" if matches!(text(index + 1), "fn" | "unsafe" | "async" | "extern") => {
                index + 1
            }
            "extern" if text(index + 1) == "crate" => item_end(code, index, false),
            "const" | "static" | "type" => {
                let name = code[index + 1 + usize::from(text(index + 1) == "mut")];
                self.declare(module, text(index), name);
                item_end(code, index, false)
            }
            "fn" | "struct" | "enum" | "union" | "trait" => {
                self.declare(module, text(index), code[index + 1]);
                item_end(code, index, true)
            }
            "macro_rules" => {
                self.declare(module, text(index), code[index + 2]);
                item_end(code, index, true)
            }
            "impl" | "extern" => item_end(code, index, true),
            _ if text(index + 1) == "!" => item_end(code, index, true),
            _ => index + 1,
        }
    }

    fn declare(&mut self, module: usize, keyword: &str, name: Token<'a>) {
        self.modules[module].items.insert(name.text);
        if matches!(keyword, "struct" | "enum" | "union" | "trait" | "type") {
            self.modules[module].types.push(name);
        }
    }

    fn enter_attribute(&mut self, module: usize, code: &[Token<'a>], index: usize) -> usize {
        let end = group_end(code, index);
        let inside = &code[index..end];
        assert!(
            inside.get(2).is_none_or(|token| token.text != "path"),
            "{}: `#[path]` hides where a module is; the checks of layers can't follow it",
            self.files[self.modules[module].file].0.place(code[index].at)
        );
        let root = self.modules[module].root;
        if root != module && inside.iter().any(|token| token.text == "macro_export") {
            // Wherever it stands, the crate's root has it.
            let mut behind = code[end..].iter().skip_while(|token| token.text != "macro_rules").skip(2);
            if let Some(name) = behind.next() {
                let path = [self.path(module), vec![name.text]].concat();
                self.modules[root].imports.push(Import { name: name.text, path, at: name.at });
            }
        }
        end
    }

    /// From the root, with `crate`.
    fn path(&self, module: usize) -> Vec<&'a str> {
        match self.modules[module].parent {
            Some(parent) => [self.path(parent), vec![self.modules[module].name]].concat(),
            None => vec!["crate"],
        }
    }

    fn file_of_child(&self, module: usize, name: &str, files: &'a [File]) -> Option<&'a File> {
        let folder = self.folder(module);
        let paths = [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")];
        files.iter().find(|file| paths.contains(&file.path))
    }

    /// Where the files of a module's children are.
    fn folder(&self, module: usize) -> String {
        let Module { name, file, parent, .. } = self.modules[module];
        match parent {
            Some(parent) if self.modules[parent].file == file => format!("{}/{name}", self.folder(parent)),
            _ => folder(self.files[file].0).to_owned(),
        }
    }

    /// The files that declare what `path` means in the module `from`: none if that is another crate's, and several if
    /// there are things of several kinds.
    pub(crate) fn declaring(&self, from: usize, path: &[&'a str]) -> BTreeSet<usize> {
        // What a macro declares is not seen: its module has it then.
        let found = (1..=path.len()).rev().find_map(|len| self.find(from, &path[..len], &mut Seen::new()));
        found.unwrap_or_default()
    }

    fn find(&self, from: usize, path: &[&'a str], seen: &mut Seen<'a>) -> Option<BTreeSet<usize>> {
        let (mut module, mut rest) = (from, path);
        while let Some((first, behind)) = rest.split_first() {
            module = match *first {
                "crate" => self.modules[module].root,
                "super" => self.modules[module].parent?,
                "self" => module,
                _ => break,
            };
            rest = behind;
        }
        self.find_below(module, rest, seen)
    }

    fn find_below(&self, module: usize, path: &[&'a str], seen: &mut Seen<'a>) -> Option<BTreeSet<usize>> {
        let this = &self.modules[module];
        let Some((name, rest)) = path.split_first() else { return Some([this.file].into()) };
        let child = this.children.get(name);
        let mut found = child.and_then(|child| self.find_below(*child, rest, seen));
        if this.items.contains(name) && (child.is_none() || rest.is_empty()) {
            found.get_or_insert_default().insert(this.file);
        }
        if !seen.insert((module, name)) {
            return found;
        }
        for import in this.imports.iter().filter(|import| import.name == *name) {
            let through = self.find(module, &[&import.path, rest].concat(), seen);
            // What is not found is another crate's.
            found.get_or_insert_default().extend(through.unwrap_or_default());
        }
        if found.is_none() {
            let all = this.imports.iter().filter(|import| import.name == "*");
            found = all.filter_map(|all| self.find(module, &[&all.path, path].concat(), seen)).next();
        }
        found
    }
}

/// The folder of the modules inside of `file`.
pub(crate) fn folder(file: &File) -> &str {
    let path = file.path.strip_suffix(".rs").unwrap_or(&file.path);
    match path.rsplit_once('/') {
        Some((folder, "lib" | "main" | "mod")) => folder,
        _ => path,
    }
}
