//! `inspect`: what a component is, before anybody loads it.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use sha2::{Digest, Sha256};
use thespian_core::limits::{
    ActorLimits, CORE_MODULES_MAX, FUNCTION_BYTES_MAX, SOURCE_BYTES_MAX, SOURCE_FUNCTIONS_MAX,
};
use thespian_core::source::{SourceHash, SourceInfo};
use thespian_host::sandbox::{CompileControl, Engine, EngineConfig, Outline, THIS_PROGRAM, outline};
use thespian_host::signing::manifest_file::{self, ManifestFile};

use super::load::{class_line, read_component};
use super::outcome::NoComponent;
use super::output::{Output, Style, bytes, number};
use super::papers::PapersArgs;

/// Shows what a component is: its classes and messages, what it asks its host for, its parts by size, and what its manifest wants.
///
/// It is compiled and asked as a node would, in a sandbox of this command's own. No node is asked, and nothing is loaded.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 shown; 2 no such file; 4 it is no component, or no node would take it (all: `thespian-host --help`)"
)]
pub(super) struct InspectArgs {
    /// File of a component.
    file: PathBuf,
    #[command(flatten)]
    papers: PapersArgs,
}

/// A bound, and how much of it a component has.
struct NearBound {
    what: &'static str,
    has: u64,
    most: u64,
}

pub(super) fn inspect(args: &InspectArgs, output: &Output) -> Result<()> {
    let component = read_component(&args.file)?;
    let hash = SourceHash(Sha256::digest(&component).into());
    let outline = outline(&component).map_err(NoComponent)?;
    let config =
        EngineConfig { actors_max: Some(1), compiler: Some(THIS_PROGRAM.into()), ..EngineConfig::default() };
    let source = Engine::new(config)?.compile(hash, &component, &CompileControl::default());
    let source = source.map_err(|error| NoComponent(error.to_string()))?;
    let papers = args.papers.read(&args.file)?;
    let manifest = papers.manifest.as_deref().map(manifest_file::read).transpose();
    let manifest = manifest.map_err(|error| NoComponent(error.to_string()))?;
    let near = near(&component, &outline, source.info());
    if output.is_json() {
        let Outline {
            imports,
            exports,
            modules,
            functions,
            code_bytes,
            data_bytes,
            custom_bytes,
            other_bytes,
            ..
        } = &outline;
        output.json(&json!({
            "hash": hash,
            "size": component.len(),
            "info": source.info(),
            "imports": imports,
            "exports": exports,
            "modules": modules,
            "functions": functions,
            "bytes": {"code": code_bytes, "data": data_bytes, "custom": custom_bytes, "other": other_bytes},
            "near": near.iter().map(|near| json!({"what": near.what, "has": near.has, "most": near.most})).collect::<Vec<_>>(),
            "manifest": manifest.as_ref().map(ManifestFile::text),
            "is_about_this": manifest.as_ref().map(|file| file.manifest.sha256 == hash),
            "signatures": papers.signatures.len(),
        }))?;
        return Ok(());
    }
    for (name, text) in rows(hash, &component, &outline, source.info(), &near) {
        output.pieces(&[(Style::Dim, &format!("{name:<11}")), (Style::Plain, &text)])?;
    }
    if let Some(file) = &manifest {
        show_manifest(file, hash, papers.signatures.len(), output)?;
    }
    Ok(())
}

fn rows(
    hash: SourceHash,
    component: &[u8],
    outline: &Outline,
    info: &SourceInfo,
    near: &[NearBound],
) -> Vec<(&'static str, String)> {
    let Outline { code_bytes, data_bytes, custom_bytes, other_bytes, .. } = *outline;
    let mut rows = vec![
        ("source", format!("{} {}, made with {}", info.name, info.version, info.sdk)),
        ("hash", hash.to_string()),
        (
            "size",
            format!(
                "{}: code {}, data {}, custom sections {}, other {}",
                bytes(component.len() as u64),
                bytes(code_bytes),
                bytes(data_bytes),
                bytes(custom_bytes),
                bytes(other_bytes)
            ),
        ),
        ("an actor", format!("begins with {} of memory", bytes(info.memory_bytes))),
    ];
    rows.extend(info.classes.iter().map(|class| ("", class_line(class))));
    rows.push(("asks for", listed(&outline.imports)));
    rows.push(("offers", listed(&outline.exports)));
    for NearBound { what, has, most } in near {
        rows.push(("near", format!("{what}: {} of at most {}", number(*has), number(*most))));
    }
    rows
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_string() } else { names.join(", ") }
}

/// The bounds of which it has half or more.
fn near(component: &[u8], outline: &Outline, info: &SourceInfo) -> Vec<NearBound> {
    let memory = ActorLimits::default().memory_bytes_max as u64;
    let all = [
        ("bytes of a component", component.len() as u64, SOURCE_BYTES_MAX as u64),
        ("core modules", outline.modules, CORE_MODULES_MAX as u64),
        ("functions", outline.functions, SOURCE_FUNCTIONS_MAX as u64),
        ("bytes of one function", outline.function_bytes_most, FUNCTION_BYTES_MAX as u64),
        ("bytes of memory of an actor, as nodes are set", info.memory_bytes, memory),
    ];
    let near = all.into_iter().filter(|(_, has, most)| has * 2 >= *most);
    near.map(|(what, has, most)| NearBound { what, has, most }).collect()
}

fn show_manifest(file: &ManifestFile, hash: SourceHash, signatures: usize, output: &Output) -> Result<()> {
    let mut head = format!("{}, with {signatures} signatures", file.title());
    if file.manifest.sha256 != hash {
        head = format!("{head}; it is about another component, {}", file.manifest.sha256);
    }
    output.pieces(&[(Style::Dim, "manifest   "), (Style::Plain, &head)])?;
    let rights: Vec<_> = file.manifest.rights.names().collect();
    let limits = file.manifest.limits.iter().map(|(name, value)| format!("{name} {value}"));
    let wants: Vec<String> = rights.iter().map(ToString::to_string).chain(limits).collect();
    let wants = if wants.is_empty() { "nothing besides what all have".to_string() } else { wants.join(", ") };
    output.pieces(&[(Style::Dim, "wants      "), (Style::Plain, &wants)])?;
    Ok(())
}
