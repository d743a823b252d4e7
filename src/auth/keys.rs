//! Parses a JSON Web Key Set (RFC 7517) and selects the key of a token.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// A key and the only algorithm that it is used for.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

/// The usable public keys of an issuer.
#[derive(Clone, Default)]
pub(super) struct KeySet(Vec<Key>);

/// The result of a search for the key of a token.
pub(super) enum KeyLookup<'a> {
    Found(&'a Key),
    /// The key is not cached; the issuer may have published it since.
    Unknown,
    /// The token can never be valid, whatever keys the issuer adds.
    Rejected,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Parses a key set. Keys of unknown types are ignored, as RFC 7517 requires.
    pub(super) fn parse(document: &[u8]) -> Result<Self, serde_json::Error> {
        let document: Document = serde_json::from_slice(document)?;
        let keys = document.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        Ok(Self(keys.filter_map(|key| parse_key(&key)).collect()))
    }

    pub(super) const fn count(&self) -> usize {
        self.0.len()
    }

    /// Finds a key by its id; without an id, the only key for this algorithm.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> KeyLookup<'_> {
        let mut candidates = self.0.iter().filter(|key| key.algorithm == algorithm);
        match id {
            Some(id) => match candidates.find(|key| key.id.as_deref() == Some(id)) {
                Some(key) => KeyLookup::Found(key),
                None if self.0.iter().any(|key| key.id.as_deref() == Some(id)) => {
                    KeyLookup::Rejected
                }
                None => KeyLookup::Unknown,
            },
            None => match (candidates.next(), candidates.next()) {
                (Some(key), None) => KeyLookup::Found(key),
                (Some(_), Some(_)) => KeyLookup::Rejected,
                (None, _) => KeyLookup::Unknown,
            },
        }
    }
}

/// Converts a public key for signatures. Symmetric keys (`oct`) are ignored: a published secret is
/// not a secret.
fn parse_key(key: &Jwk) -> Option<Key> {
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
    let algorithm_matches = common.key_algorithm.is_none_or(|named| named == algorithm.into());
    let signs = common.public_key_use.as_ref().is_none_or(|each| *each == PublicKeyUse::Signature);
    let verifies =
        common.key_operations.as_ref().is_none_or(|each| each.contains(&KeyOperations::Verify));
    let decoding =
        DecodingKey::from_jwk(key).ok().filter(|_| algorithm_matches && signs && verifies)?;
    Some(Key { id: common.key_id.clone(), algorithm, decoding })
}
