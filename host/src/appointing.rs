//! The actor that configuration names as the authority: its source is loaded and it is created before the node serves anybody.

use std::sync::{Arc, mpsc};

use thespian_core::question::{Offer, Question};
use thespian_core::source::{Appointment, Rights};
use thespian_core::text::inert;
use tokio::runtime::Handle;
use tracing::Level;

use crate::config::{Authority, NodeConfig};
use crate::inside::Inside;
use crate::library::NOBODY;
use crate::offers::{NamedSource, SourceBytes};
use crate::signing::SourcePapers;
use crate::typed_text;

/// The source of the authority, as it was read.
pub(crate) struct AuthoritySource(NamedSource);

impl AuthoritySource {
    /// Reads the source that configuration names, with the office that an actor of it is to hold. Nothing where the authority is
    /// no actor.
    ///
    /// # Errors
    /// The configuration makes no sense, or the file can't be used.
    pub(crate) fn read(config: &NodeConfig) -> Result<Option<(Self, Appointment)>, String> {
        let NodeConfig { authority_file, authority_sha256, authority_class, authority_init, .. } = config;
        if config.authority != Authority::Actor {
            let is_set = authority_file.is_some()
                || authority_sha256.is_some()
                || authority_class.is_some()
                || authority_init.is_some();
            return match is_set {
                true => Err(format!(
                    "`authority-file`, `authority-sha256`, `authority-class` and `authority-init` are for the authority `actor`, and \
                     this one is `{}`: set `authority = \"actor\"`, or take them away (`config show` says where each comes from)",
                    config.authority.name()
                )),
                false => Ok(None),
            };
        }
        let Some(file) = authority_file else {
            return Err(
                "the authority `actor` takes `authority-file`: the component that it is made of".to_string()
            );
        };
        let source = NamedSource::read(file)
            .map_err(|why| format!("the authority's component {}: {why}", file.display()))?;
        if let Some(wanted) = authority_sha256.filter(|wanted| *wanted != source.hash) {
            let text = "is not the authority's: its hash is";
            return Err(format!(
                "{} {text} {}, and `authority-sha256` is {wanted}",
                file.display(),
                source.hash
            ));
        }
        let init = authority_init.as_deref().map(typed_text::message);
        let office = Appointment::new(source.hash, authority_class.clone(), init);
        Ok(Some((Self(source), office)))
    }

    /// Loads it, creates the actor, and returns when that runs.
    ///
    /// # Errors
    /// It can't be loaded, or does not start.
    pub(crate) fn appoint(self, inside: &Arc<Inside>, io: &Handle) -> Result<(), String> {
        let (done, outcome) = mpsc::sync_channel(1);
        let node = inside.clone();
        inside.desk.faults().spawn(io, "the creation of the authority", async move {
            // Whoever waits is there until this is told.
            let _ = done.send(self.create(&node).await);
        });
        let outcome = outcome.recv().unwrap_or_else(|_| Err(inside.desk.why_closed().to_string()));
        outcome.map_err(|why| format!("the authority can't be created: {why}"))
    }

    async fn create(self, inside: &Inside) -> Result<(), String> {
        let NamedSource { bytes, hash, label } = self.0;
        let size = bytes.len();
        let room = inside.library.room(NOBODY, size, 0).map_err(|error| error.to_string())?;
        let (given, allowed) = (Rights::NONE, None);
        let offer = Offer {
            hash,
            label,
            size: size as u64,
            given,
            allowed,
            has_manifest: false,
            is_downgrade: false,
            by: None,
        };
        let offered = SourceBytes::new(bytes, SourcePapers::default(), room);
        let load = Question::Load(Box::new(offer));
        inside.desk.ask(|_| Ok(load), Some(offered), None).await.map_err(|error| error.to_string())?;
        let address = inside.place_for(Some(hash))?;
        let appoint = Question::Appoint { address };
        inside.desk.ask(|_| Ok(appoint), None, None).await.map_err(|error| error.to_string())?;
        let text = format!("{address} of source {hash} is the authority");
        inside.plane.log.node(Level::INFO, "sources", &inert(&text));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use thespian_core::source::SourceHash;

    use super::*;

    #[test]
    fn what_makes_no_sense_is_told_before_anything_starts() {
        let missing = std::env::temp_dir().join("thespian-no-such-authority.wasm");
        let of = |authority, change: &dyn Fn(&mut NodeConfig)| {
            let mut config = NodeConfig { authority, ..NodeConfig::default() };
            change(&mut config);
            AuthoritySource::read(&config).map(|read| read.is_some())
        };
        assert_eq!(of(Authority::Keys, &|_| ()), Ok(false));
        for (refused, told) in [
            (of(Authority::Actor, &|_| ()), "takes `authority-file`"),
            (of(Authority::Actor, &|config| config.authority_file = Some(missing.clone())), "No such file"),
            (
                of(Authority::Keys, &|config| config.authority_class = Some("Gate".into())),
                "this one is `keys`",
            ),
        ] {
            let why = refused.unwrap_err();
            assert!(why.contains(told), "{why}");
        }
        let file = std::env::temp_dir().join(format!("thespian-authority-{}.wasm", std::process::id()));
        std::fs::write(&file, b"x").unwrap();
        let named = of(Authority::Actor, &|config| {
            config.authority_file = Some(file.clone());
            config.authority_sha256 = Some(SourceHash([1; 32]));
        });
        std::fs::remove_file(&file).unwrap();
        assert!(named.unwrap_err().contains("and `authority-sha256` is 0101"));
    }
}
