//! The keys in a JSON Web Key Set (RFC 7517), and which one a token may be checked with.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// A key, and the one algorithm that it verifies.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

/// What an issuer publishes, as far as it can be used.
#[derive(Clone, Default)]
pub(super) struct Keys(Vec<Key>);

/// Which key a token is to be checked with.
pub(super) enum Choice<'a> {
    Found(&'a Key),
    /// None that is known here; the issuer may have a new one.
    Unknown,
    /// No new key would change that.
    Refused,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl Keys {
    /// Reads a key set; what is not understood in it is ignored, as RFC 7517 wants.
    pub(super) fn read(document: &[u8]) -> Result<Self, serde_json::Error> {
        let document: Document = serde_json::from_slice(document)?;
        let keys = document.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        Ok(Self(keys.filter_map(|key| usable(&key)).collect()))
    }

    pub(super) const fn count(&self) -> usize {
        self.0.len()
    }

    /// By its id, or, for a token that names none, the only one for its algorithm.
    pub(super) fn choose(&self, id: Option<&str>, algorithm: Algorithm) -> Choice<'_> {
        let mut fitting = self.0.iter().filter(|key| key.algorithm == algorithm);
        match id {
            Some(id) => match fitting.find(|key| key.id.as_deref() == Some(id)) {
                Some(key) => Choice::Found(key),
                None if self.0.iter().any(|key| key.id.as_deref() == Some(id)) => Choice::Refused,
                None => Choice::Unknown,
            },
            None => match (fitting.next(), fitting.next()) {
                (Some(key), None) => Choice::Found(key),
                (Some(_), Some(_)) => Choice::Refused,
                (None, _) => Choice::Unknown,
            },
        }
    }
}

/// A public key that verifies signatures. A secret (`oct`) is none, whoever publishes it.
fn usable(key: &Jwk) -> Option<Key> {
    let algorithm = match &key.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        _ => return None,
    };
    let common = &key.common;
    let for_this = common.key_algorithm.is_none_or(|named| named == algorithm.into());
    let signs = common.public_key_use.as_ref().is_none_or(|each| *each == PublicKeyUse::Signature);
    let verifies =
        common.key_operations.as_ref().is_none_or(|each| each.contains(&KeyOperations::Verify));
    let decoding = DecodingKey::from_jwk(key).ok().filter(|_| for_this && signs && verifies)?;
    Some(Key { id: common.key_id.clone(), algorithm, decoding })
}
