use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use thespian_core::limits::STORE_BYTES_MAX;
use thespian_core::question::Offer;
use thespian_core::source::Rights;
use thespian_core::utc::UtcTime;

use super::*;

/// A data directory; gone with its value.
struct DataDir(PathBuf, Arc<DirLock>);

impl DataDir {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("thespian-sources-{}-{number}", std::process::id()));
        private_dir(&path).unwrap();
        let lock = Arc::new(super::super::lock(&path).unwrap());
        Self(path, lock)
    }

    fn seal(&self) -> Arc<Seal> {
        Arc::new(Seal::open(&self.0.join("store-key")).unwrap())
    }

    fn lock(&self) -> Weak<DirLock> {
        Arc::downgrade(&self.1)
    }

    fn find(&self) -> FoundSources {
        SourceFiles::open(&self.0, self.seal(), self.lock(), STORE_BYTES_MAX)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn open(&self) -> Arc<SourceFiles> {
        self.find().files
    }

    fn names(&self) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        fs::read_dir(self.0.join(DIR)).unwrap().map(name).collect()
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn hash(bytes: &[u8]) -> SourceHash {
    SourceHash(Sha256::digest(bytes).into())
}

#[test]
fn what_is_kept_is_private_and_comes_back_until_it_is_removed() {
    let data = DataDir::new();
    let files = data.open();
    let file = files.keep(hash(b"code"), b"code").unwrap();
    assert_eq!(file.read().unwrap(), b"code");
    assert_eq!(data.names(), [hash(b"code").to_string()]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&files.dir), mode(&files.path(file.hash))), (0o700, 0o600));
    file.remove().unwrap();
    assert!(data.names().is_empty());
}

#[test]
fn bytes_that_were_changed_are_refused() {
    let data = DataDir::new();
    let files = data.open();
    let file = files.keep(hash(b"code"), b"code").unwrap();
    fs::write(files.path(file.hash), b"c0de").unwrap();
    assert!(matches!(file.read(), Err(SourceFileError::Changed { .. })));
    fs::remove_file(files.path(file.hash)).unwrap();
    assert!(matches!(file.read(), Err(SourceFileError::Read { .. })));
}

#[test]
fn a_source_that_is_kept_anew_outlives_the_end_of_its_earlier_file() {
    let data = DataDir::new();
    let files = data.open();
    let [first, second] = [(); 2].map(|()| files.keep(hash(b"code"), b"code").unwrap());
    first.remove().unwrap();
    assert_eq!(second.read().unwrap(), b"code");
    second.remove().unwrap();
    assert!(data.names().is_empty());
}

#[test]
fn what_an_earlier_run_left_is_removed() {
    let data = DataDir::new();
    let files = data.open();
    drop(files.keep(hash(b"code"), b"code").unwrap());
    fs::write(files.dir.join(format!("{}.1.new", hash(b"half"))), b"ha").unwrap();
    drop(files);
    data.open();
    assert!(data.names().is_empty());
}

fn record(size: u64) -> SourceRecord {
    let verdict = thespian_core::source::Verdict::default();
    let at = UtcTime(1);
    let rights = (Rights::ALL, None);
    let record = SourceRecord::new("orders.wasm".to_string(), size, rights, at, "keys", verdict);
    record.with_papers(Some(b"[source]"), [&b"\xff"[..], b""].into_iter())
}

#[test]
fn what_is_admitted_is_found_again_with_its_record_until_it_is_removed() {
    let data = DataDir::new();
    let files = data.open();
    let file = files.keep(hash(b"code"), b"code").unwrap();
    file.admit(&record(4)).unwrap();
    drop((file, files));
    let FoundSources { files, kept, waiting, problems } = data.find();
    assert!(waiting.is_empty());
    let [KeptSource { file, record: found }] = &kept[..] else { panic!("{problems:?}") };
    assert_eq!((found, file.hash(), file.read().unwrap()), (&record(4), hash(b"code"), b"code".to_vec()));
    assert_eq!(found.papers(), (Some(b"[source]".to_vec()), vec![vec![0xff], Vec::new()]));
    // A later load of the same takes its place, and its end takes nothing from that; nor does its record come late.
    let later = files.keep(hash(b"code"), b"code").unwrap();
    let record_is_there = files.read_record(hash(b"code")).is_ok();
    assert!(!record_is_there, "the earlier one's record says nothing of the later");
    assert!(later.admit(&record(4)).unwrap());
    assert!(!file.admit(&record(5)).unwrap());
    file.remove().unwrap();
    assert_eq!(files.read_record(hash(b"code")), Ok(record(4)));
    assert_eq!(later.read().unwrap(), b"code");
    later.remove().unwrap();
    later.admit(&record(4)).unwrap();
    assert!(data.names().is_empty() && data.find().kept.is_empty());
}

fn pending(size: u64) -> PendingRecord {
    let offer = Offer {
        hash: hash(b"code"),
        label: "orders.wasm".to_string(),
        size,
        given: Rights::NONE,
        allowed: Some(Rights::ALL),
        has_manifest: true,
        is_downgrade: false,
        by: None,
    };
    PendingRecord::new(offer, UtcTime(9), Some(b"[source]"), [&b"\xff"[..]].into_iter())
}

#[test]
fn what_waits_for_a_person_is_found_again_until_it_is_admitted_or_removed() {
    let data = DataDir::new();
    let file = data.open().keep(hash(b"code"), b"code").unwrap();
    assert!(file.wait(&pending(4)).unwrap());
    drop(file);
    let FoundSources { files, kept, waiting, problems } = data.find();
    let [WaitingSource { file, record: found }] = &waiting[..] else { panic!("{problems:?}") };
    assert_eq!((found, file.read().unwrap(), kept.len()), (&pending(4), b"code".to_vec(), 0));
    assert_eq!(found.papers(), (Some(b"[source]".to_vec()), vec![vec![0xff]]));
    let offer = found.offer(hash(b"code"));
    assert!(offer.has_manifest && offer.allowed == Some(Rights::ALL));
    // Approved, and the node ends before the one record has gone for the other.
    let path = files.pending_path(hash(b"code"));
    let left = fs::read(&path).unwrap();
    assert!(file.admit(&record(4)).unwrap() && !path.exists());
    fs::write(&path, &left).unwrap();
    drop((waiting, files));
    let FoundSources { kept, waiting, .. } = data.find();
    assert!(kept.len() == 1 && waiting.is_empty() && !path.exists());
    kept[0].file.remove().unwrap();
    assert!(data.names().is_empty());
    // One kind of record is none of the other, and nobody's who has not the key.
    let file = data.open().keep(hash(b"code"), b"code").unwrap();
    fs::write(data.0.join(DIR).join(format!("{}.record", hash(b"code"))), left).unwrap();
    drop(file);
    let found = data.find();
    assert!(found.kept.is_empty() && found.waiting.is_empty() && found.problems.len() == 1);
}

#[test]
fn a_record_that_was_changed_or_is_another_sources_is_told_and_not_used() {
    let data = DataDir::new();
    let mut random = StdRng::seed_from_u64(1);
    let path = data.0.join(DIR).join(format!("{}.record", hash(b"code")));
    let good = {
        let file = data.open().keep(hash(b"code"), b"code").unwrap();
        file.admit(&record(4)).unwrap();
        fs::read(&path).unwrap()
    };
    for round in 0..10_000 {
        let mut other = good.clone();
        match round % 3 {
            0 => other[random.random_range(0..good.len())] ^= 1 << random.random_range(0..8),
            1 => other.truncate(random.random_range(0..good.len())),
            _ => other.extend([random.random_range(0..=255)]),
        }
        assert!(data.seal().opened(&SourceRecord::purpose(hash(b"code")), &other).is_none(), "{round}");
    }
    let mut other = good.clone();
    other[40] ^= 1;
    // Changed; of another size than the bytes; another's.
    for (bytes, name, text) in [
        (other, hash(b"code"), &b"code"[..]),
        (good.clone(), hash(b"code"), b"cod"),
        (good, hash(b"else"), b"else"),
    ] {
        for left in data.names() {
            fs::remove_file(data.0.join(DIR).join(left)).unwrap();
        }
        fs::write(data.0.join(DIR).join(format!("{name}.record")), bytes).unwrap();
        fs::write(data.0.join(DIR).join(name.to_string()), text).unwrap();
        let found = data.find();
        assert!(found.kept.is_empty() && found.problems.len() == 1, "{:?}", found.problems);
        assert_eq!(data.names().len(), 2, "the fault may be in the key, or the disk");
    }
}

#[test]
fn what_is_kept_together_is_bounded_and_what_is_removed_gives_room() {
    let data = DataDir::new();
    let files = data.open();
    files.current.lock().bytes = STORE_BYTES_MAX - 4;
    let file = files.keep(hash(b"code"), b"code").unwrap();
    let error = files.keep(hash(b"more"), b"more").err().unwrap();
    assert!(matches!(error, SourceFileError::Full { bytes: 4, .. }), "{error}");
    file.remove().unwrap();
    assert!(files.keep(hash(b"more"), b"more").is_ok());
}

#[test]
fn what_no_run_has_written_stays() {
    let data = DataDir::new();
    let files = data.open();
    let name = hash(b"code").to_string();
    let mut foreign = vec![
        "notes".to_string(),
        "half.1.new".to_string(),
        format!("{name}.new"),
        format!("{name}.x.new"),
        format!("{name}0"),
        name[1..].to_string(),
    ];
    for name in &foreign {
        fs::write(files.dir.join(name), b"mine").unwrap();
    }
    for dir in ["dir".to_string(), hash(b"dir").to_string()] {
        fs::create_dir(files.dir.join(&dir)).unwrap();
        foreign.push(dir);
    }
    data.open();
    let mut left = data.names();
    left.sort();
    foreign.sort();
    assert_eq!(left, foreign);
}

#[test]
fn a_link_to_another_directory_is_refused_and_not_followed() {
    let (data, elsewhere) = (DataDir::new(), DataDir::new());
    let file = elsewhere.0.join(hash(b"code").to_string());
    fs::write(&file, b"code").unwrap();
    let link = data.0.join(DIR);
    std::os::unix::fs::symlink(&elsewhere.0, &link).unwrap();
    let refused = || match SourceFiles::open(&data.0, data.seal(), data.lock(), STORE_BYTES_MAX).map(drop) {
        Err(StoreError::NotOwnDir { path }) => assert_eq!(path, link),
        other => panic!("{other:?}"),
    };
    refused();
    assert!(file.exists());
    // One that leads nowhere is none of ours either.
    fs::remove_dir_all(&elsewhere.0).unwrap();
    refused();
}

#[test]
fn what_can_not_be_written_leaves_nothing() {
    let data = DataDir::new();
    let files = data.open();
    // A directory in its place: the last step fails, after all bytes were written.
    fs::create_dir(files.path(hash(b"code"))).unwrap();
    let error = files.keep(hash(b"code"), b"code").err().unwrap();
    assert!(matches!(error, SourceFileError::Write { .. }), "{error}");
    assert_eq!(data.names(), [hash(b"code").to_string()]);
}
