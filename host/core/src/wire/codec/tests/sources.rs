//! What a node says of its sources.

use super::*;

pub(super) fn replies_about_sources() -> [Result<Reply, ControlError>; 7] {
    let (text, problem) = (Some("format = 1".into()), Some("line 1".into()));
    [
        Ok(Reply::Source(Box::new(source_report()))),
        Ok(Reply::Policy(PolicyStatus { path: "/d/policy.toml".into(), text, problem })),
        Ok(Reply::Outcomes(vec![outcome(Ok(Rights::NONE)), outcome(Err("it is revoked".into()))])),
        Err(wants_more()),
        Ok(Reply::Pending(vec![pending_source()])),
        Err(ControlError::NotApproved { hash: HASH }),
        Ok(Reply::Audit(vec![r#"{"n":1,"what":"unloaded"}"#.into()])),
    ]
}

fn source_report() -> SourceReport {
    let rights = Rights { status: true, ..Rights::NONE };
    let mut limits = LowerLimits::default();
    limits.set("children-max", 10).unwrap();
    let admission = Admission {
        name: "shop/orders".parse().unwrap(),
        version: "1.4.2".parse().unwrap(),
        wanted: rights,
        rights,
        limits: limits.clone(),
        classes: Some(vec!["Greeter".into()]),
        signers: vec!["ci".into()],
        keys: Vec::new(),
        is_restored: false,
        at: UtcTime(1_800_000_000),
        is_downgrade: false,
    };
    SourceReport {
        status: source(),
        judged_by: Some("key `ci`".into()),
        runs: None,
        admission: Some(admission),
        limits,
        manifest: Some("[source]".into()),
        manifest_sha256: Some(HASH),
        signatures: 1,
    }
}

fn outcome(outcome: Result<Rights, String>) -> SourceOutcome {
    SourceOutcome { hash: HASH, label: "orders.wasm".into(), actors: 2, outcome }
}

pub(super) fn wants_more() -> ControlError {
    ControlError::WantsMoreRights { hash: HASH, missing: Rights { status: true, ..Rights::NONE } }
}

fn pending_source() -> PendingSource {
    let mut limits = LowerLimits::default();
    limits.set("children-max", 10).unwrap();
    PendingSource {
        hash: HASH,
        label: "orders.wasm".into(),
        size: 9,
        loader: Some(ACTOR),
        name: Some("shop/orders".parse().unwrap()),
        version: Some("1.4.2".parse().unwrap()),
        wants: Rights { status: true, ..Rights::NONE },
        limits,
        left_ms: 604_800_000,
    }
}
