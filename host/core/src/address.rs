//! Who: the addresses of actors and of everything else that can receive a message.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names a host for as long as it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostId(pub u64);

/// Names one actor, or one endpoint of an outside program: 128 random bits, made at creation and never
/// reused, and the host that remembers where it is.
///
/// Its text is `host-id`, both in base 32 (13 and 26 characters). In text formats it serialises as that
/// text, in binary ones as three numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorAddress {
    /// Where it was created: the host that remembers where it went.
    pub home: HostId,
    high: u64,
    low: u64,
}

/// Crockford's alphabet in lower case: no `i`, `l`, `o`, `u`, so that an address survives being read aloud.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const HOME_DIGITS: usize = 13;
const ID_DIGITS: usize = 26;

/// Length of an address in its text form, in bytes.
pub const ADDRESS_TEXT_LEN: usize = HOME_DIGITS + 1 + ID_DIGITS;

const fn digit_values() -> [u8; 256] {
    let mut values = [0xff; 256];
    let mut digit = 0;
    while digit < DIGITS.len() {
        values[DIGITS[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
}

const VALUES: [u8; 256] = digit_values();

impl ActorAddress {
    /// The address of `id` at `home`. The caller draws `id` from a secure source of randomness.
    #[must_use]
    pub const fn new(home: HostId, id: u128) -> Self {
        Self { home, high: (id >> 64) as u64, low: id as u64 }
    }

    /// The random part.
    #[must_use]
    pub const fn id(self) -> u128 {
        (self.high as u128) << 64 | self.low as u128
    }

    /// Writes the text form into `buffer` and returns it: what the message path uses, since it allocates
    /// nothing.
    #[must_use]
    pub fn write_text(self, buffer: &mut [u8; ADDRESS_TEXT_LEN]) -> &str {
        let (home, id) = buffer.split_at_mut(HOME_DIGITS);
        encode(self.home.0, home);
        id[0] = b'-';
        let (high, low) = id[1..].split_at_mut(ID_DIGITS - LOW_DIGITS);
        // 68 bits: the first two digits apart.
        let (top, middle) = high.split_at_mut(ID_DIGITS - 2 * LOW_DIGITS);
        encode((self.id() >> 120) as u64, top);
        encode((self.id() >> 60) as u64 & LOW_MASK, middle);
        encode(self.low & LOW_MASK, low);
        core::str::from_utf8(buffer).expect("the alphabet is ASCII")
    }
}

/// The last digits of an id are those of its lowest 60 bits: what one register holds.
const LOW_DIGITS: usize = 12;
const LOW_MASK: u64 = (1 << (5 * LOW_DIGITS)) - 1;

fn encode(mut number: u64, into: &mut [u8]) {
    for place in into.iter_mut().rev() {
        *place = DIGITS[(number & 31) as usize];
        number >>= 5;
    }
}

/// The number in at most 13 digits. Bits beyond 64 would be a second text for the same number.
fn decode(text: &[u8]) -> Option<u64> {
    let (mut number, mut all) = (0_u64, 0);
    let mut overflow = 0;
    for byte in text {
        let value = VALUES[*byte as usize];
        all |= value;
        overflow = number >> 59;
        number = number << 5 | u64::from(value);
    }
    (all <= 31 && overflow == 0).then_some(number)
}

/// The text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an actor address (an address looks like 0g4k1t6v9x2m5-0r3w7c1d5f9h2k6n8p4s0t3v7x)")]
pub struct ParseAddressError {
    /// The text that was given, cut to 64 characters.
    pub text: String,
}

impl FromStr for ActorAddress {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        let bytes = text.as_bytes();
        let parse = || {
            if bytes.len() != ADDRESS_TEXT_LEN || bytes[HOME_DIGITS] != b'-' {
                return None;
            }
            let home = decode(&bytes[..HOME_DIGITS])?;
            let (top, rest) = bytes[HOME_DIGITS + 1..].split_at(ID_DIGITS - 2 * LOW_DIGITS);
            let (middle, low) = rest.split_at(LOW_DIGITS);
            // Two digits above 120 bits: the first of them may have three.
            let top = decode(top).filter(|top| *top < 1 << 8)?;
            let id = u128::from(top) << 120 | u128::from(decode(middle)?) << 60 | u128::from(decode(low)?);
            Some(Self::new(HostId(home), id))
        };
        parse().ok_or_else(|| ParseAddressError { text: text.chars().take(64).collect() })
    }
}

impl fmt::Display for ActorAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.write_text(&mut [0; ADDRESS_TEXT_LEN]))
    }
}

impl fmt::Debug for ActorAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ActorAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(self.write_text(&mut [0; ADDRESS_TEXT_LEN]))
        } else {
            (self.home.0, self.high, self.low).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for ActorAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        } else {
            let (home, high, low) = Deserialize::deserialize(deserializer)?;
            Ok(Self { home: HostId(home), high, low })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn text_form_survives_the_round_trip() {
        for (home, id) in [(0, 0), (u64::MAX, u128::MAX), (7, 1 << 127), (1 << 63, 42)] {
            let address = ActorAddress::new(HostId(home), id);
            assert_eq!(address.to_string().parse(), Ok(address));
            assert_eq!(address.id(), id);
            assert_eq!(address.to_string().len(), ADDRESS_TEXT_LEN);
        }
    }

    #[test]
    fn every_address_has_one_text() {
        let text = ActorAddress::new(HostId(1), u128::MAX).to_string();
        assert!(text.to_uppercase().parse::<ActorAddress>().is_err());
        let beyond_128_bits = text.replacen("-7", "-8", 1);
        assert_ne!(beyond_128_bits, text);
        assert!(beyond_128_bits.parse::<ActorAddress>().is_err());
        let beyond_64_bits = text.replacen("000", "zzz", 1);
        assert!(beyond_64_bits.parse::<ActorAddress>().is_err());
    }

    #[test]
    fn what_is_no_address_is_named_in_the_error() {
        for text in ["", "-", "hello", "0000000000001+00000000000000000000000001", "é"] {
            let error = text.parse::<ActorAddress>().unwrap_err();
            assert_eq!(error.text, text);
        }
    }
}
