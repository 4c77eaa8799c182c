use sha2::{Digest, Sha256};

use super::*;

/// A folder of apps; gone with its value.
struct AppsDir(PathBuf);

impl AppsDir {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = std::env::temp_dir().join(format!("thespian-apps-{:08x}", rand::random::<u32>()));
        fs::create_dir(&dir).unwrap();
        for (name, text) in files {
            fs::write(dir.join(name), text).unwrap();
        }
        Self(dir)
    }

    fn read(&self) -> Result<Apps, String> {
        Apps::read(&NodeConfig { apps: Some(self.0.clone()), ..NodeConfig::default() })
    }
}

impl Drop for AppsDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn apps_are_read_in_order_of_name_with_the_sources_that_lie_beside_them() {
    let dir = AppsDir::new(&[
        ("b.wasm", "second"),
        ("a.wasm", "first"),
        ("notes.txt", "none of ours"),
        (
            "20.toml",
            r#"
            [[source]]
            file = "b.wasm"
            allow = ["status"]
            [[actor]]
            source = "b.wasm"
            class = "Till"
            init = 'Open={"till":1}'
            requires = ["zone=eu"]
            count = 3
            "#,
        ),
        ("10.toml", "[[source]]\nfile = \"a.wasm\"\n[[actor]]\nsource = \"a.wasm\"\nname = \"lead\"\n"),
    ]);
    let apps = dir.read().unwrap();
    let hash = |text: &str| SourceHash(Sha256::digest(text).into());
    let sources: Vec<_> = apps.sources.iter().map(|source| (source.hash, source.allow)).collect();
    let status = Rights { status: true, ..Rights::NONE };
    assert_eq!(sources, [(hash("first"), None), (hash("second"), Some(status))]);
    let [lead, tills @ ..] = &apps.actors[..] else { panic!("no actor") };
    assert_eq!((lead.source, lead.name.as_deref(), &lead.class), (hash("first"), Some("lead"), &None));
    assert_eq!(tills.len(), 3);
    assert!(tills.iter().all(|till| till.source == hash("second") && till.class.as_deref() == Some("Till")));
    let options = &tills[0].options;
    assert_eq!(&*options.init.as_ref().unwrap().type_name, "Open");
    assert_eq!(options.requirements[0].to_string(), "`zone` equals \"eu\"");
}

#[test]
fn what_makes_no_sense_is_told_with_its_file_and_no_secret() {
    let source = "[[source]]\nfile = \"a.wasm\"\n";
    for (app, told) in [
        ("[[source]]\nfile = \"b.wasm\"", "b.wasm: No such file"),
        ("[[source]]\nfile = \"empty.wasm\"", "a source has between 1 and"),
        (&format!("{source}allow = [\"everything\"]"), "everything"),
        (
            &format!("{source}[[actor]]\nsource = \"b.wasm\""),
            "the actor of `b.wasm`: no [[source]] beside it",
        ),
        (&format!("{source}{source}[[actor]]\nsource = \"a.wasm\""), "2 sources beside it"),
        (&format!("{source}[[actor]]\nsource = \"a.wasm\"\ncount = 2\nname = \"x\""), "names one actor"),
        (&format!("{source}[[actor]]\nsource = \"a.wasm\"\nrequires = [\"=x\"]"), "names no capability"),
        (&format!("{source}[[actor]]\nsource = \"a.wasm\"\ncount = 100000"), "actors can be wanted"),
        ("[[actor]]\nsource = \"a\"\ninit = \"secret\"\ntypo = 1", "app.toml: line"),
    ] {
        let dir = AppsDir::new(&[("a.wasm", "code"), ("empty.wasm", ""), ("app.toml", app)]);
        let why = dir.read().err().unwrap_or_else(|| panic!("{app} is read"));
        assert!(why.contains(told) && !why.contains("secret"), "{why}");
    }
    let gone = NodeConfig { apps: Some("/no/such/apps".into()), ..NodeConfig::default() };
    assert!(Apps::read(&gone).err().unwrap().contains("the directory of apps /no/such/apps"));
}
