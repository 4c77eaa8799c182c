//! What a client of the version before reads.

use super::*;

#[test]
fn a_client_of_the_version_before_is_told_in_words_that_it_knows() {
    let refused = |error| NodeFrame::Reply { id: 1, reply: Err(error) };
    let told = refused(forbidden()).for_version(hello::VERSION_BEFORE);
    assert_eq!(told, refused(ControlError::Invalid(forbidden().to_string())));
    let told = refused(wants_more()).for_version(hello::VERSION_BEFORE);
    assert_eq!(told, refused(ControlError::Invalid(wants_more().to_string())));
    let not_approved = ControlError::NotApproved { hash: HASH };
    let told = refused(not_approved.clone()).for_version(hello::VERSION_BEFORE);
    assert_eq!(told, refused(ControlError::Invalid(not_approved.to_string())));
    let progress = |progress| NodeFrame::Progress { id: 1, progress };
    let told = progress(LoadProgress::Pending).for_version(hello::VERSION_BEFORE);
    assert_eq!(told, progress(LoadProgress::Judging));
    for frame in replies() {
        assert_eq!(frame.clone().for_version(hello::VERSION), frame);
    }
}

#[test]
fn rights_are_read_by_the_version_before_as_its_four_booleans() {
    let of = |rights: Rights| {
        let mut bytes = Vec::new();
        encode_into(&rights, &mut bytes).unwrap();
        assert_eq!(decode::<Rights>(&bytes), Ok(rights));
        bytes
    };
    assert_eq!(of(Rights::NONE), [0; 4]);
    assert_eq!(of(Rights { capabilities: true, shutdown: true, ..Rights::NONE }), [0, 1, 0, 1]);
    for bits in 0..=Rights::ALL.bits() {
        of(Rights::from_bits(bits));
    }
    assert_eq!(decode::<Rights>(&[8, 0, 0, 0]), Err(DecodeError::Malformed));
    let listed = |rights| NodeFrame::Reply {
        id: 1,
        reply: Ok(Reply::Sources(vec![SourceStatus { rights, ..source() }])),
    };
    let known = Rights { authority: false, sources: false, ..Rights::ALL };
    assert_eq!(listed(Rights::ALL).for_version(hello::VERSION_BEFORE), listed(known));
}
