//! Signatures: symbolic in the models, ed25519 in benches and over a real network.
//!
//! A [`Signed`] message has private fields: it comes into being only through [`SigningKey::sign`],
//! so whoever does not hold a key cannot make a message of its owner. That is what 'the adversary
//! cannot forge' means in this crate: a type, not a convention. A symbolic signature costs nothing
//! and relies on exactly that; it is not serialised, so none can be read back from a file.

use std::fmt;
use std::sync::Arc;

use ed25519_dalek::{Signer as _, Verifier as _};
use serde::{Deserialize, Serialize};

use super::digest::Encoder;
use super::id::{ClientId, ReplicaId};
use super::message::{Commit, Prepare};

/// Who can sign: a replica or a client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Principal {
    /// A replica.
    Replica(ReplicaId),
    /// A client.
    Client(ClientId),
}

impl Principal {
    /// The replica, if it is one.
    pub fn replica(self) -> Option<ReplicaId> {
        match self {
            Principal::Replica(id) => Some(id),
            Principal::Client(_) => None,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Principal::Replica(id) => id.fmt(f),
            Principal::Client(id) => id.fmt(f),
        }
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What can be signed: its canonical encoding is what the signature covers.
pub trait Signable {
    /// The canonical encoding of this message.
    fn encode(&self) -> Encoder;
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Signature {
    Symbolic,
    Ed25519(Arc<[u8; 64]>),
    /// A COMMIT under which stands the symbolic signature of a PREPARE that says the same.
    OfPrepare,
    /// What somebody wrote under another's name without its key: no keyring accepts it.
    Forged,
}

/// A message together with its signer's signature.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signed<M> {
    message: M,
    signer: Principal,
    signature: Signature,
}

impl<M> Signed<M> {
    /// The message.
    pub fn message(&self) -> &M {
        &self.message
    }

    /// Who claims to have signed; true only once [`Keyring::verify`] says so.
    pub fn signer(&self) -> Principal {
        self.signer
    }

    /// A message that names a signer who did not sign it. No keyring accepts it; whether anybody looks is up to
    /// the rulebook.
    pub fn forged(signer: Principal, message: M) -> Self {
        Signed { message, signer, signature: Signature::Forged }
    }

    /// Whether it was made by [`Self::forged`].
    pub(crate) fn is_forged(&self) -> bool {
        self.signature == Signature::Forged
    }
}

impl<M: Signable> Signed<M> {
    /// Another message, signed with this key if this one is signed at all; what is forged stays forged.
    pub(super) fn signed_anew(&self, key: &SigningKey, message: M) -> Self {
        let signed = key.sign(message);
        match self.signature {
            Signature::Symbolic | Signature::Ed25519(_) => signed,
            Signature::OfPrepare | Signature::Forged => {
                Signed { signature: self.signature.clone(), ..signed }
            }
        }
    }
}

impl Signed<Commit> {
    /// The COMMIT of a PREPARE's view, number and digest, with the signature of that PREPARE under it.
    pub(super) fn of_prepare(prepare: &Signed<Prepare>) -> Self {
        let Prepare { view, seq, digest } = prepare.message;
        let signature = match &prepare.signature {
            Signature::Symbolic => Signature::OfPrepare,
            other => other.clone(),
        };
        Signed { message: Commit { view, seq, digest }, signer: prepare.signer, signature }
    }
}

impl<M> std::ops::Deref for Signed<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.message
    }
}

impl<M: fmt::Debug> fmt::Debug for Signed<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} by {}", self.message, self.signer)?;
        if self.is_forged() { f.write_str(", forged") } else { Ok(()) }
    }
}

#[derive(Clone)]
enum Secret {
    Symbolic,
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

/// The means to sign as one principal.
#[derive(Clone)]
pub struct SigningKey {
    owner: Principal,
    secret: Secret,
}

impl SigningKey {
    /// Whose key this is.
    pub fn owner(&self) -> Principal {
        self.owner
    }

    /// Signs a message as the owner of this key.
    pub fn sign<M: Signable>(&self, message: M) -> Signed<M> {
        let signature = match &self.secret {
            Secret::Symbolic => Signature::Symbolic,
            Secret::Ed25519(key) => {
                Signature::Ed25519(Arc::new(key.sign(message.encode().as_slice()).to_bytes()))
            }
        };
        Signed { message, signer: self.owner, signature }
    }
}

impl fmt::Debug for SigningKey {
    /// Names the owner; never shows the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.owner)
    }
}

/// Everybody's public keys: what a replica needs to verify signatures.
#[derive(Clone, Debug)]
pub struct Keyring {
    replicas: u16,
    clients: u32,
    ed25519: Option<Arc<Vec<ed25519_dalek::VerifyingKey>>>,
}

/// The keys of a whole system: each principal's own, and the public ring.
#[derive(Clone, Debug)]
pub struct KeySet {
    /// The replicas' signing keys, by number.
    pub replicas: Vec<SigningKey>,
    /// The clients' signing keys, by number.
    pub clients: Vec<SigningKey>,
    /// The public keys of all of them.
    pub ring: Keyring,
}

impl KeySet {
    /// Symbolic keys for `replicas` replicas and `clients` clients.
    pub fn symbolic(replicas: u16, clients: u32) -> Self {
        let key = |owner| SigningKey { owner, secret: Secret::Symbolic };
        KeySet {
            replicas: (0..replicas).map(|i| key(Principal::Replica(ReplicaId(i)))).collect(),
            clients: (0..clients).map(|i| key(Principal::Client(ClientId(i)))).collect(),
            ring: Keyring { replicas, clients, ed25519: None },
        }
    }

    /// ed25519 keys, derived from `seed`: for benches and tests, where the same seed has to give
    /// the same keys. A deployment must draw its keys from a secure source of its own.
    pub fn ed25519(replicas: u16, clients: u32, seed: u64) -> Self {
        let mut public = Vec::new();
        let mut key = |owner, kind: u8, index: u64| {
            let mut secret = [0u8; 32];
            secret[..8].copy_from_slice(&seed.to_be_bytes());
            secret[8] = kind;
            secret[9..17].copy_from_slice(&index.to_be_bytes());
            let key = ed25519_dalek::SigningKey::from_bytes(&secret);
            public.push(key.verifying_key());
            SigningKey { owner, secret: Secret::Ed25519(Box::new(key)) }
        };
        let replica_keys =
            (0..replicas).map(|i| key(Principal::Replica(ReplicaId(i)), 0, u64::from(i))).collect();
        let client_keys =
            (0..clients).map(|i| key(Principal::Client(ClientId(i)), 1, u64::from(i))).collect();
        KeySet {
            replicas: replica_keys,
            clients: client_keys,
            ring: Keyring { replicas, clients, ed25519: Some(Arc::new(public)) },
        }
    }
}

impl Keyring {
    /// Whether this signature is the named signer's own on this very message.
    pub fn verify<M: Signable>(&self, signed: &Signed<M>) -> bool {
        let index = match signed.signer {
            Principal::Replica(id) if id.0 < self.replicas => id.index(),
            Principal::Client(id) if id.0 < self.clients => usize::from(self.replicas) + id.0 as usize,
            _ => return false,
        };
        match (&self.ed25519, &signed.signature) {
            (None, Signature::Symbolic) => true,
            (Some(keys), Signature::Ed25519(bytes)) => {
                let signature = ed25519_dalek::Signature::from_bytes(bytes);
                keys[index].verify(signed.message.encode().as_slice(), &signature).is_ok()
            }
            _ => false,
        }
    }

    /// Whether the signature under this COMMIT is the named signer's own on the PREPARE that says the same.
    pub(super) fn verify_as_prepare(&self, commit: &Signed<Commit>) -> bool {
        let Commit { view, seq, digest } = commit.message;
        let signature = match &commit.signature {
            Signature::OfPrepare => Signature::Symbolic,
            Signature::Symbolic => return false,
            other => other.clone(),
        };
        self.verify(&Signed { message: Prepare { view, seq, digest }, signer: commit.signer, signature })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pbft::digest::{Digest, Tag};
    use crate::pbft::id::{SeqNum, View};

    struct Text(u64);

    impl Signable for Text {
        fn encode(&self) -> Encoder {
            Encoder::new(Tag::Request).u64(self.0)
        }
    }

    #[test]
    fn ed25519_refuses_another_key_another_text_and_a_symbolic_signature() {
        let keys = KeySet::ed25519(2, 1, 7);
        let signed = keys.replicas[0].sign(Text(5));
        assert!(keys.ring.verify(&signed));

        let stolen = Signed {
            message: Text(5),
            signer: Principal::Replica(ReplicaId(1)),
            signature: signed.signature.clone(),
        };
        assert!(!keys.ring.verify(&stolen));
        let altered = Signed { message: Text(6), ..signed };
        assert!(!keys.ring.verify(&altered));
        let symbolic = KeySet::symbolic(2, 1).replicas[0].sign(Text(5));
        assert!(!keys.ring.verify(&symbolic));
    }

    #[test]
    fn nobody_has_the_key_of_another() {
        let public = KeySet::ed25519(3, 3, 7).ring.ed25519.expect("real keys");
        let distinct: std::collections::BTreeSet<_> = public.iter().map(|key| key.to_bytes()).collect();
        assert_eq!(distinct.len(), 6);
    }

    #[test]
    fn no_keyring_accepts_a_forged_signature() {
        for keys in [KeySet::symbolic(2, 1), KeySet::ed25519(2, 1, 7)] {
            let signed = keys.replicas[1].sign(Text(5));
            let forged = Signed::forged(signed.signer(), Text(5));
            assert!(keys.ring.verify(&signed));
            assert!(!keys.ring.verify(&forged));
        }
    }

    /// Other names make nobody sign what was not signed.
    #[test]
    fn what_is_forged_stays_forged_under_other_names() {
        for keys in [KeySet::symbolic(2, 1), KeySet::ed25519(2, 1, 7)] {
            let anew = |old: &Signed<Text>| old.signed_anew(&keys.replicas[0], Text(6));
            assert!(keys.ring.verify(&anew(&keys.replicas[1].sign(Text(5)))));
            assert!(!keys.ring.verify(&anew(&Signed::forged(Principal::Replica(ReplicaId(1)), Text(5)))));
        }
    }

    /// A signature under a PREPARE is none under a COMMIT, except for whom it counts as one; a forged one never is.
    #[test]
    fn the_signature_of_a_prepare_under_a_commit_is_told_from_others() {
        for keys in [KeySet::symbolic(2, 1), KeySet::ed25519(2, 1, 7)] {
            let prepare = Prepare { view: View(1), seq: SeqNum(1), digest: Digest::ZERO };
            let Prepare { view, seq, digest } = prepare;
            let signed = keys.replicas[1].sign(prepare);
            let moved = Signed::of_prepare(&signed);
            assert!(!keys.ring.verify(&moved) && keys.ring.verify_as_prepare(&moved));
            let own = keys.replicas[1].sign(Commit { view, seq, digest });
            assert!(keys.ring.verify(&own) && !keys.ring.verify_as_prepare(&own));
            let forged = Signed::of_prepare(&Signed::forged(signed.signer(), prepare));
            assert!(!keys.ring.verify(&forged) && !keys.ring.verify_as_prepare(&forged));
        }
    }

    #[test]
    fn a_stranger_is_nobody() {
        let larger = KeySet::symbolic(5, 2);
        let ring = KeySet::symbolic(4, 1).ring;
        assert!(ring.verify(&larger.replicas[3].sign(Text(1))));
        assert!(!ring.verify(&larger.replicas[4].sign(Text(1))));
        assert!(!ring.verify(&larger.clients[1].sign(Text(1))));
    }
}
