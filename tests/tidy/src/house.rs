//! The house: the layers of each crate, and what its files stand by. No file names one that names it, by whatever way;
//! every module stands in exactly one layer; and a module names only what its layer stands over.

use std::collections::BTreeSet;

use crate::arrows::{Arrow, arrows, in_circles};
use crate::modules::Modules;
use crate::settle;
use crate::source::{File, files};

/// The crates in one folder, and their layers from below.
struct House {
    src: &'static str,
    layers: &'static [Layer],
}

/// Modules that may name those of the layers `over` which they stand, all of which come before this one.
struct Layer {
    name: &'static str,
    over: &'static [&'static str],
    /// Modules by their paths below `src`; one inside of another that has a place of its own is named as well. Rooms of a
    /// layer are apart from each other; modules of one room may name each other.
    rooms: &'static [&'static str],
}

/// The one table. Whoever adds a module, or moves one, gives it its place here.
const HOUSES: [House; 5] = [
    House {
        src: "host/core/src",
        layers: &[
            Layer {
                name: "words",
                over: &[],
                rooms: &[
                    "address askers budget capability children concern connection descriptors effect envelope event fate life limits log_level mailbox \
                          message outbox pauses plan post question role source text time timers turn/phase utc",
                ],
            },
            Layer { name: "wire", over: &["words"], rooms: &["wire"] },
            Layer {
                name: "deciders",
                over: &["words"],
                rooms: &[
                    "compiling",
                    "dead_letters",
                    "family",
                    "monitors",
                    "names",
                    "run_queue",
                    "source/authority",
                    "source/registry",
                    "posts",
                    "suitability",
                    "turn",
                ],
            },
            Layer { name: "translation", over: &["words", "wire", "deciders"], rooms: &["wire/answers"] },
            Layer { name: "mind", over: &["words", "deciders"], rooms: &["admin"] },
            Layer {
                name: "door",
                over: &["words", "wire", "deciders", "translation", "mind"],
                rooms: &["lib"],
            },
        ],
    },
    House {
        src: "host/src",
        layers: &[
            Layer {
                name: "ground",
                over: &[],
                rooms: &[
                    "config cpu_time descriptors input judge memory outlet output seal typed_text watchdog",
                ],
            },
            Layer { name: "hands", over: &["ground"], rooms: &["sandbox", "signing", "store", "transport"] },
            Layer {
                name: "plane",
                over: &["ground", "hands"],
                rooms: &["compiles hands library loads log node_fault offers plane shortage"],
            },
            Layer { name: "threads", over: &["ground", "hands", "plane"], rooms: &["pool"] },
            Layer { name: "desk", over: &["ground", "hands", "plane"], rooms: &["answers desk"] },
            Layer {
                name: "parts",
                over: &["ground", "hands", "plane", "threads", "desk"],
                rooms: &["actor", "auditing", "endpoint", "ends", "grant", "policy"],
            },
            Layer {
                name: "body",
                over: &["ground", "hands", "plane", "threads", "desk", "parts"],
                rooms: &["inside remembering status"],
            },
            Layer {
                name: "service",
                over: &["ground", "hands", "plane", "threads", "desk", "parts", "body"],
                rooms: &["appointing", "apps", "perform", "session"],
            },
            Layer {
                name: "node",
                over: &["ground", "hands", "plane", "threads", "desk", "parts", "body", "service"],
                rooms: &["client node"],
            },
            Layer {
                name: "faces",
                over: &["ground", "hands", "plane", "threads", "desk", "parts", "body", "service", "node"],
                rooms: &["lib", "shell"],
            },
        ],
    },
    House { src: "host/program/src", layers: &[Layer { name: "face", over: &[], rooms: &["cli main"] }] },
    House {
        src: "guest-sdk/src",
        layers: &[
            Layer { name: "contract", over: &[], rooms: &["bindings"] },
            Layer { name: "ground", over: &["contract"], rooms: &["failure host log", "names"] },
            Layer {
                name: "words",
                over: &["contract", "ground"],
                rooms: &["address capability class event init message reply tcp"],
            },
            Layer { name: "context", over: &["contract", "ground", "words"], rooms: &["context timers"] },
            Layer {
                name: "actor",
                over: &["contract", "ground", "words", "context"],
                rooms: &[
                    "actor create dispatch hosting incoming instance parts returned source sources timing",
                ],
            },
            Layer {
                name: "parts",
                over: &["contract", "ground", "words", "context", "actor"],
                rooms: &["authority", "initializing replay stash", "requests", "supervisor"],
            },
            Layer {
                name: "troupe",
                over: &["contract", "ground", "words", "context", "actor"],
                rooms: &["troupe"],
            },
            Layer {
                name: "door",
                over: &["contract", "ground", "words", "context", "actor", "parts", "troupe"],
                rooms: &["lib", "testing"],
            },
        ],
    },
    House {
        src: "guest-sdk/macros/src",
        layers: &[
            Layer { name: "attributes", over: &[], rooms: &["actor", "message"] },
            Layer { name: "door", over: &["attributes"], rooms: &["lib"] },
        ],
    },
];

const WHY_NO_CIRCLES: &str = "No circles: files that name each other, by whatever way, can only be read, tested and replaced \
     together. Move what both need into a file below both, or hand the one above in as a trait.";

const WHY_ONE_LAYER: &str = "Every module stands in exactly one layer of the table in tests/tidy/src/house.rs, so that \
     whoever adds one says what it may know.";

const WHY_DOWN: &str = "Arrows point down, and rooms of one layer are apart from each other (the table in \
     tests/tidy/src/house.rs): a part that names none above it and none beside it can be read, tested and replaced \
     alone. Let the common part above carry it, move the shared type down, or hand it in as a trait.";

impl House {
    /// The layers and rooms that `file` stands in, and the name by which the table has it there.
    fn places(&self, file: &File) -> Vec<(&Layer, &str, &str)> {
        let module = file.path[self.src.len() + 1..].trim_end_matches(".rs");
        let rooms = self.layers.iter().flat_map(|layer| layer.rooms.iter().map(move |room| (layer, *room)));
        let names =
            rooms.flat_map(|(layer, room)| room.split_whitespace().map(move |name| (layer, room, name)));
        let mut places: Vec<_> = names
            .filter(|(_, _, name)| {
                module.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
            .collect();
        let longest = places.iter().map(|(_, _, name)| name.len()).max();
        places.retain(|(_, _, name)| Some(name.len()) == longest);
        places
    }

    /// All that is wrong with the table.
    fn misplaced(&self, modules: &Modules<'_>) -> Vec<String> {
        let mut problems = Vec::new();
        let mut used = BTreeSet::new();
        for (file, _) in &modules.files {
            let places = self.places(file);
            used.extend(places.iter().map(|(_, _, name)| *name));
            if let [_, _, ..] = places[..] {
                let layers: Vec<&str> = places.iter().map(|(layer, _, _)| layer.name).collect();
                problems.push(format!("{} stands in several layers: {}", file.path, layers.join(", ")));
            } else if places.is_empty() {
                problems.push(format!("{} stands in no layer", file.path));
            }
        }
        for (index, layer) in self.layers.iter().enumerate() {
            let names = layer.rooms.iter().flat_map(|room| room.split_whitespace());
            let unused = names.filter(|name| !used.contains(name));
            problems.extend(unused.map(|name| format!("{}: there is no module `{name}`", self.src)));
            let below = |over: &&&str| self.layers[..index].iter().any(|layer| layer.name == **over);
            let above = layer.over.iter().filter(|over| !below(over));
            problems
                .extend(above.map(|over| format!("{}: `{over}` is not below `{}`", self.src, layer.name)));
        }
        problems
    }

    /// Arrows that a layer's place does not allow.
    fn upward(&self, arrows: &[Arrow<'_>]) -> Vec<String> {
        let mut problems = Vec::new();
        for arrow in arrows {
            let (from, to) = (self.places(arrow.from), self.places(arrow.to));
            let (Some((from, from_room, _)), Some((to, to_room, _))) = (from.first(), to.first()) else {
                continue;
            };
            let is_beside = from.name == to.name && from_room != to_room;
            if is_beside || (from.name != to.name && !from.over.contains(&to.name)) {
                let why = if is_beside {
                    format!("rooms of the layer `{}` are apart", from.name)
                } else {
                    format!("`{}` does not stand over `{}`", from.name, to.name)
                };
                problems.push(format!("{}: {why}", arrow.told()));
            }
        }
        problems
    }
}

/// Arrows in circles.
fn circles(arrows: &[Arrow<'_>]) -> Vec<String> {
    let found = in_circles(arrows).into_iter();
    let told =
        |arrow: &Arrow<'_>, back: Vec<&str>| format!("{}; back by {}", arrow.told(), back.join(", then "));
    found.map(|(arrow, back)| told(arrow, back)).collect()
}

#[test]
fn no_files_stand_in_a_circle() {
    let found = HOUSES.iter().flat_map(|house| circles(&arrows(&Modules::under(house.src, files()))));
    settle(WHY_NO_CIRCLES, &found.collect::<Vec<_>>());
}

#[test]
fn every_module_stands_in_one_layer() {
    let problems = HOUSES.iter().flat_map(|house| house.misplaced(&Modules::under(house.src, files())));
    settle(WHY_ONE_LAYER, &problems.collect::<Vec<_>>());
}

#[test]
fn arrows_point_down_and_rooms_are_apart() {
    let found = HOUSES.iter().flat_map(|house| house.upward(&arrows(&Modules::under(house.src, files()))));
    settle(WHY_DOWN, &found.collect::<Vec<_>>());
}

/// Trees that are made to break each rule, and that it says so.
#[cfg(test)]
mod tests {
    use super::*;

    const HOUSE: House = House {
        src: "src",
        layers: &[
            Layer { name: "words", over: &[], rooms: &["time address"] },
            Layer { name: "wire", over: &["words"], rooms: &["wire"] },
            Layer { name: "hands", over: &["words"], rooms: &["store", "sandbox"] },
            Layer { name: "door", over: &["words", "wire", "hands"], rooms: &["lib"] },
        ],
    };

    const SOUND: [(&str, &str); 7] = [
        ("lib", "mod address; mod sandbox; mod store; mod time; mod wire; pub use store::Store;"),
        ("time", "pub struct Time;"),
        ("address", "use crate::time::Time;"),
        ("wire", "use crate::address;"),
        ("store", "mod file; pub use file::Store;"),
        ("store/file", "pub struct Store(crate::address::Address);"),
        ("sandbox", "use crate::time::Time;"),
    ];

    /// The sound tree with one file written, or written anew.
    fn tree(path: &str, text: &str) -> Vec<File> {
        let mut texts = std::collections::BTreeMap::from(SOUND);
        texts.insert(path, text);
        texts.into_iter().map(|(path, text)| File::new(format!("src/{path}.rs"), text.to_owned())).collect()
    }

    /// Findings of the three checks: circles, the table, arrows.
    fn said(path: &str, text: &str) -> [Vec<String>; 3] {
        let files = tree(path, text);
        let modules = Modules::under("src", &files);
        let arrows = arrows(&modules);
        [circles(&arrows), HOUSE.misplaced(&modules), HOUSE.upward(&arrows)]
    }

    #[test]
    fn a_sound_tree_is_let_pass() {
        assert!(said("time", "pub struct Time;").concat().is_empty());
    }

    #[test]
    fn a_circle_is_found() {
        let [circles, table, arrows] = said("time", "\nuse crate::address::A;");
        assert_eq!(
            circles,
            [
                "src/address.rs:1 names `crate::time::Time`, which src/time.rs declares; back by src/address.rs",
                "src/time.rs:2 names `crate::address::A`, which src/address.rs declares; back by src/time.rs",
            ]
        );
        assert!(table.is_empty() && arrows.is_empty());
    }

    #[test]
    fn a_circle_of_a_folder_with_its_door_is_found() {
        let [circles, ..] = said("store/file", "pub struct Store(super::Handle);");
        assert!(circles.is_empty(), "a parent's `pub use` is no arrow: {circles:?}");
        let mut files = tree("store", "mod file; use self::file::Store; pub struct Handle;");
        files.extend([File::new("src/store/file.rs".into(), "pub struct Store(super::Handle);".into())]);
        files.remove(files.iter().position(|file| file.path == "src/store/file.rs").unwrap());
        assert_eq!(super::circles(&arrows(&Modules::under("src", &files))).len(), 2);
    }

    #[test]
    fn a_module_in_no_layer_is_found() {
        let [circles, table, arrows] =
            said("lib", "mod address; mod sandbox; mod store; mod time; mod wire; mod news { }");
        assert!(
            circles.is_empty() && table.is_empty() && arrows.is_empty(),
            "what is inside of a file stands with it"
        );
        let mut files = tree("lib", "mod address; mod sandbox; mod store; mod time; mod wire; mod news;");
        files.push(File::new("src/news.rs".into(), "use crate::time::Time;".into()));
        assert_eq!(HOUSE.misplaced(&Modules::under("src", &files)), ["src/news.rs stands in no layer"]);
    }

    #[test]
    fn a_module_in_two_layers_and_a_name_without_module_are_found() {
        const TWICE: House = House {
            src: "src",
            layers: &[
                Layer { name: "words", over: &["door"], rooms: &["time address", "store sandbox wire"] },
                Layer { name: "door", over: &["words"], rooms: &["lib", "time store/file", "news"] },
            ],
        };
        let files = tree("time", "");
        let problems = TWICE.misplaced(&Modules::under("src", &files));
        assert_eq!(
            problems,
            [
                "src/time.rs stands in several layers: words, door",
                "src: `door` is not below `words`",
                "src: there is no module `news`",
            ]
        );
    }

    #[test]
    fn an_arrow_upwards_is_found() {
        let [circles, table, arrows] = said("time", "fn f() { g(crate::sandbox::Sandbox::new()) }");
        assert_eq!(
            arrows,
            [
                "src/time.rs:1 names `crate::sandbox::Sandbox::new`, which src/sandbox.rs declares: `words` does not stand \
              over `hands`"
            ]
        );
        assert!(circles.len() == 2 && table.is_empty());
    }

    #[test]
    fn an_arrow_between_rooms_or_past_the_arrows_is_found() {
        let [_, _, arrows] = said("sandbox", "use crate::store::Store;");
        assert_eq!(
            arrows,
            [
                "src/sandbox.rs:1 names `crate::store::Store`, which src/store/file.rs declares: rooms of the layer `hands` \
              are apart"
            ]
        );
        let [_, _, arrows] = said("sandbox", "use crate::wire;");
        assert!(arrows[0].ends_with("`hands` does not stand over `wire`"), "{arrows:?}");
    }
}
