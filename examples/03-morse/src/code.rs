//! Morse code itself, which knows nothing of actors.

const CODES: [(char, &str); 36] = [
    ('A', ".-"),
    ('B', "-..."),
    ('C', "-.-."),
    ('D', "-.."),
    ('E', "."),
    ('F', "..-."),
    ('G', "--."),
    ('H', "...."),
    ('I', ".."),
    ('J', ".---"),
    ('K', "-.-"),
    ('L', ".-.."),
    ('M', "--"),
    ('N', "-."),
    ('O', "---"),
    ('P', ".--."),
    ('Q', "--.-"),
    ('R', ".-."),
    ('S', "..."),
    ('T', "-"),
    ('U', "..-"),
    ('V', "...-"),
    ('W', ".--"),
    ('X', "-..-"),
    ('Y', "-.--"),
    ('Z', "--.."),
    ('0', "-----"),
    ('1', ".----"),
    ('2', "..---"),
    ('3', "...--"),
    ('4', "....-"),
    ('5', "....."),
    ('6', "-...."),
    ('7', "--..."),
    ('8', "---.."),
    ('9', "----."),
];

const WORD_GAP: &str = " / ";

pub(crate) fn encode(text: &str) -> Result<String, String> {
    let words: Result<Vec<_>, _> = text.split_whitespace().map(encode_word).collect();
    Ok(words?.join(WORD_GAP))
}

fn encode_word(word: &str) -> Result<String, String> {
    let codes: Result<Vec<_>, _> = word.chars().map(code).collect();
    Ok(codes?.join(" "))
}

fn code(letter: char) -> Result<&'static str, String> {
    let capital = letter.to_ascii_uppercase();
    let found = CODES.iter().find(|(known, _)| *known == capital);
    found.map(|(_, code)| *code).ok_or_else(|| format!("there is no Morse code for `{letter}`"))
}

pub(crate) fn decode(morse: &str) -> Result<String, String> {
    let words: Result<Vec<String>, _> = morse.split('/').map(decode_word).collect();
    Ok(words?.join(" "))
}

fn decode_word(word: &str) -> Result<String, String> {
    word.split_whitespace().map(letter).collect()
}

fn letter(code: &str) -> Result<char, String> {
    let found = CODES.iter().find(|(_, known)| *known == code);
    found.map(|(letter, _)| *letter).ok_or_else(|| format!("`{code}` is no Morse code"))
}
