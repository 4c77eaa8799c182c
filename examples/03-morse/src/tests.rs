use thespian::prelude::*;
use thespian::testing::TestActor;

use super::*;

fn encode(text: &str) -> Result<String> {
    let effects = TestActor::<Encoder>::start()?.tell("asker", &Encode { text: text.into() })?;
    Ok(effects[0].sent::<Encoded>("asker").expect("an answer").morse)
}

fn decode(morse: &str) -> Result<String> {
    let effects = TestActor::<Decoder>::start()?.tell("asker", &Decode { morse: morse.into() })?;
    Ok(effects[0].sent::<Decoded>("asker").expect("an answer").text)
}

#[test]
fn text_goes_there_and_back() -> Result {
    assert_eq!(encode("SOS")?, "... --- ...");
    assert_eq!(encode("Hello world 73")?, ".... . .-.. .-.. --- / .-- --- .-. .-.. -.. / --... ...--");
    for text in ["THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG", "0123456789", ""] {
        assert_eq!(decode(&encode(text)?)?, text);
    }
    Ok(())
}

#[test]
fn what_has_no_code_fails_once_and_says_what() {
    let error = encode("SOS!").expect_err("it has no code");
    assert_eq!(error.reason(), "there is no Morse code for `!`");
    assert!(!error.may_retry());
    let error = decode(".... ......").expect_err("it is no code");
    assert_eq!(error.reason(), "`......` is no Morse code");
    assert!(!error.may_retry());
}
