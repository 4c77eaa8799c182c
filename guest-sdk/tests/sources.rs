//! Actors that judge sources, load them, and hear of them.

use thespian::prelude::*;
use thespian::testing::{Effect, TestActor};

/// Lets in what begins with `ok`, and takes a mask off it.
struct Gate {
    authority: SourceAuthority<Self>,
    seen: u64,
}

#[actor(parts(authority))]
impl Gate {
    #[start]
    fn new(ctx: &mut Context) -> Result<Self> {
        ctx.register_authority(true)?;
        Ok(Self { authority: SourceAuthority::new(Self::judge), seen: 0 })
    }

    fn judge(&mut self, offer: &SourceOffer, _: &mut Context) -> Result<Approval> {
        self.seen += 1;
        let bytes = offer.bytes()?;
        let Some(rest) = bytes.strip_prefix(b"ok") else {
            return Err(Error::poison(format!("`{}` is not ours", offer.label)));
        };
        offer.replace(rest)?;
        Ok(Approval::new().label("opened").right("status").limit("memory-bytes-max", 1 << 20))
    }
}

fn verdict(effects: &[Effect]) -> std::result::Result<Option<Vec<u8>>, String> {
    let [Effect::Judge { verdict, replaced, .. }] = effects else { panic!("{effects:?}") };
    verdict.clone().map(|_| replaced.clone())
}

#[test]
fn a_source_is_judged_by_one_function_that_may_put_other_bytes_in_its_place() {
    let mut gate = TestActor::<Gate>::start().unwrap();
    assert!(matches!(gate.started(), [Effect::RegisterAuthority { on: true }]));
    // In several pieces.
    let large = [b"ok".to_vec(), vec![7; 200_000]].concat();
    assert_eq!(verdict(&gate.source_offered("a.wasm", large).unwrap()), Ok(Some(vec![7; 200_000])));
    let refused = verdict(&gate.source_offered("b.wasm", b"no".to_vec()).unwrap());
    assert_eq!(refused, Err("`b.wasm` is not ours".to_string()));
    assert_eq!(gate.state().seen, 2);
}

#[message]
struct Install {
    bytes: Vec<u8>,
}
#[message]
struct Installed {
    hash: String,
    why_not: Option<String>,
}

#[derive(Default)]
struct Installer {
    known: Vec<String>,
}

#[actor]
impl Installer {
    #[receive]
    fn install(&mut self, install: Install, ctx: &mut Context) -> Result {
        ctx.notify_on_sources(true)?;
        let hash = ctx.load_source(&install.bytes, &LoadSource::new("plugin").allow("status"))?;
        Create::class("Plugin").source(&hash).create(ctx).map(drop)
    }

    #[receive]
    fn loaded(&mut self, loaded: LoadedSource, ctx: &mut Context) -> Result {
        ctx.send(&"asker".into(), &Installed { hash: loaded.hash, why_not: loaded.outcome.err() })
    }

    #[receive]
    fn update(&mut self, update: SourceUpdate, ctx: &mut Context) -> Result {
        self.known.retain(|known| *known != update.hash);
        if update.loaded {
            self.known.push(update.hash);
        } else {
            ctx.unload_source(&update.hash)?;
        }
        Ok(())
    }
}

#[test]
fn an_actor_loads_a_source_and_hears_what_became_of_it_and_of_others() {
    let mut installer = TestActor::<Installer>::start().unwrap();
    let bytes = vec![1; 150_000];
    let effects = installer.tell("asker", &Install { bytes: bytes.clone() }).unwrap();
    let [
        Effect::NotifyOnSources { on: true },
        Effect::LoadSource { bytes: given, .. },
        Effect::Create { create, .. },
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!((given, create), (&bytes, &Create::class("Plugin").source("source-1")));

    let effects = installer.loaded_source("source-1", Err("not ours")).unwrap();
    assert_eq!(effects[0].sent::<Installed>("asker").unwrap().why_not.as_deref(), Some("not ours"));
    let effects = installer.loaded_source("source-1", Ok(())).unwrap();
    assert_eq!(effects[0].sent::<Installed>("asker").unwrap().why_not, None);

    assert_eq!(installer.source_update("s", "", true).unwrap(), []);
    assert_eq!(installer.state().known, ["s"]);
    let gone = installer.source_update("s", "", false).unwrap();
    assert_eq!(
        (&gone[..], &installer.state().known[..]),
        (&[Effect::UnloadSource { hash: "s".into() }][..], &[][..])
    );
}

#[test]
fn a_source_that_fits_into_no_memory_is_read_and_loaded_piece_by_piece() {
    #[message]
    struct Copy;
    #[derive(Default)]
    struct Copier;
    #[actor]
    impl Copier {
        #[receive]
        fn offered(&mut self, _: ValidateSource, ctx: &mut Context) -> Result {
            let offer = ctx.next_offer(None).unwrap();
            let mut at = 0;
            while at < offer.size {
                let part = offer.read_at(at, 3)?;
                ctx.load_part(at, &part)?;
                at += part.len() as u64;
            }
            ctx.load_given(&LoadSource::new("copy")).map(drop)
        }

        #[receive]
        fn copy(&mut self, _: Copy, ctx: &mut Context) -> Result {
            ctx.load_given(&LoadSource::new("nothing")).map(drop)
        }
    }
    let mut copier = TestActor::<Copier>::start().unwrap();
    let effects = copier.source_offered("x", b"seventeen letters".to_vec()).unwrap();
    let [Effect::LoadSource { bytes, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(bytes, b"seventeen letters");
    assert!(copier.tell("a", &Copy).is_err(), "nothing was given");
}
