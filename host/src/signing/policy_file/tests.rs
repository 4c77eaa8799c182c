use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use thespian_core::source::LowerLimits;

const CI: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

fn ci() -> PublicKey {
    key_text::read(CI).unwrap()
}

fn key(rest: &str) -> String {
    format!("format = 1\n[[key]]\nname = \"ci\"\npublic = \"{CI}\"\nsources = [\"shop/*\"]\n{rest}")
}

#[test]
fn a_policy_is_read_whole() {
    let text = key(
        "rights = [\"status\"]\nmemory-bytes-max = \"64 MiB\"\nexpires = 2027-11-01T00:00:00Z\n[[rule]]\n\
         sources = [\"shop/pay*\"]\nsignatures = 2\n[revocations]\nversion = 3\nexpires = 2027-01-01T00:00:00Z\n\
         sources = [\"ba0800000000000000000000000000000000000000000000000000000000ba08\"]\n",
    );
    let PolicyFile { policy, .. } = PolicyFile::parse(text).unwrap();
    let [trusted] = &policy.keys[..] else { panic!("{policy:?}") };
    assert_eq!((&*trusted.name, trusted.key), ("ci", ci()));
    assert!(trusted.rights.status && trusted.covers(&"shop/orders".parse().unwrap()));
    assert_eq!(trusted.limits.iter().collect::<Vec<_>>(), [("memory-bytes-max", 64 << 20)]);
    assert_eq!(policy.rule(&"shop/payments".parse().unwrap()).unwrap().1.signatures, 2);
    assert_eq!((policy.revocations.version, policy.revocations.sources.len()), (3, 1));
    let empty = PolicyFile::parse("format = 1\n".to_string()).unwrap();
    assert_eq!(empty.policy, Policy::default());
}

#[test]
fn what_a_policy_may_not_say_is_told_with_its_line() {
    let twice =
        |name: &str| key(&format!("[[key]]\nname = \"{name}\"\npublic = \"{CI}\"\nsources = [\"*\"]\n"));
    let cases = [
        (key("color = 1\n"), "unknown key `color`"),
        (key("name = \"x\"\n"), "line 6: duplicate key"),
        (key("rights = [\"root\"]\n"), "line 6: there is no right `root`"),
        (key("").replace("RWQ", "XWQ"), "line 4: a public key is the second line"),
        (key("").replace("shop/*", "Shop/*"), "line 5: `Shop/*` is no pattern of names"),
        (key("").replace("\"ci\"", "\"\""), "`` is no name of a key"),
        (twice("ci"), "two keys have the name `ci`"),
        (twice("anna"), "`ci` and `anna` are the same key"),
        (key("[[rule]]\nsources = [\"*\"]\nsignatures = 0\n"), "1 to 16 signatures"),
        (key("[[rule]]\nsources = [\"*\"]\n"), "missing field `signatures`"),
        (key("[revocations]\nkeys = []\n"), "missing field `version`"),
        (key("[peers]\n"), "unknown field `peers`"),
        ("format = 2\n".to_string(), "line 1: this program reads format 1"),
        ("format =\n".to_string(), "line 1"),
    ];
    for (text, why) in cases {
        let told = PolicyFile::parse(text).unwrap_err();
        assert!(told.contains(why), "{told} does not say {why}");
    }
}

#[test]
fn commands_change_what_they_mean_and_leave_the_rest_as_it_was_written() {
    let path = Path::new("policy.toml");
    let trusted = |name: &str| TrustedKey {
        name: name.to_string(),
        key: ci(),
        sources: vec!["shop/*".parse().unwrap()],
        rights: Rights { status: true, ..Rights::default() },
        limits: LowerLimits::default(),
        expires: Some("2027-11-01T00:00:00Z".parse().unwrap()),
    };
    let first = PolicyEdit::Trust(trusted("ci")).applied_to(path, None).unwrap();
    assert_eq!(first.policy.keys, [trusted("ci")]);
    let commented = PolicyFile::parse(first.text.replace("[[key]]", "# the build server\n[[key]]")).unwrap();
    let other = TrustedKey { key: some_key(), ..trusted("anna") };
    let both = PolicyEdit::Trust(other.clone()).applied_to(path, Some(&commented)).unwrap();
    assert_eq!(both.policy.keys, [trusted("ci"), other.clone()]);
    assert!(both.text.contains("# the build server"));
    // The same name again is another key in its place.
    let renewed = TrustedKey { sources: vec!["*".parse().unwrap()], ..other };
    let both = PolicyEdit::Trust(renewed.clone()).applied_to(path, Some(&both)).unwrap();
    assert_eq!(both.policy.keys, [trusted("ci"), renewed]);
    // Under another name it is the same key twice.
    assert!(PolicyEdit::Trust(trusted("ci2")).applied_to(path, Some(&both)).is_err());
    let revoked = PolicyEdit::RevokeKey(ci()).applied_to(path, Some(&both)).unwrap();
    assert!(revoked.policy.revocations.has_key(&ci()));
    assert_eq!(revoked.policy.revocations.version, 1);
    let hash = SourceHash([0xba; 32]);
    let revoked = PolicyEdit::RevokeSource(hash).applied_to(path, Some(&revoked)).unwrap();
    assert_eq!(revoked.policy.revocations.version, 2);
    assert!(revoked.policy.revocations.sources.contains(&hash) && revoked.policy.revocations.has_key(&ci()));
    for edit in [PolicyEdit::RevokeKey(ci()), PolicyEdit::RevokeSource(hash)] {
        assert!(matches!(edit.applied_to(path, Some(&revoked)), Err(EditError::Already(_))));
    }
}

/// A key that nobody else has.
fn some_key() -> PublicKey {
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    key_text::read(&pair.pk.to_base64()).unwrap()
}

#[test]
fn only_a_file_that_nobody_else_can_change_is_believed() {
    let folder = std::env::temp_dir().join(format!("thespian-policy-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    let path = folder.join("policy.toml");
    assert!(matches!(PolicyFile::read(&path), Err(PolicyError::Absent { .. })));
    let policy = PolicyFile::parse(key("")).unwrap();
    policy.write(&path).unwrap();
    assert_eq!(PolicyFile::read(&path).unwrap(), policy);
    for mode in [0o620, 0o602, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(PolicyFile::read(&path), Err(PolicyError::NotPrivate { .. })), "{mode:o}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(PolicyFile::read(&path).is_ok());
    let link = folder.join("link.toml");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(PolicyFile::read(&link), Err(PolicyError::Io { .. })));
    fs::write(&path, "format = 3").unwrap();
    let told = PolicyFile::read(&path).unwrap_err().to_string();
    assert!(told.contains("policy.toml, line 1: "), "{told}");
    fs::write(&path, "#".repeat(POLICY_BYTES_MAX + 1)).unwrap();
    assert!(matches!(PolicyFile::read(&path), Err(PolicyError::Io { .. })));
    // What was there stays where the new can't be written.
    let nowhere = folder.join("no").join("policy.toml");
    assert!(policy.write(&nowhere).is_err());
    fs::remove_dir_all(&folder).unwrap();
}
