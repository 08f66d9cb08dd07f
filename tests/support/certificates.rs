//! A certificate authority of the test's own, and leaves of all sorts.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// A certificate with its key, both as PEM.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// An authority that nobody trusts unless told to.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new one.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params =
            CertificateParams::new(Vec::<String>::new()).expect("no names are valid names");
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer =
            CertifiedIssuer::self_signed(params, new_key()).expect("an authority can sign itself");
        Self { issuer }
    }

    /// Its certificate as PEM: what `--ca-cert` takes.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server's leaf for these names and addresses.
    #[must_use]
    pub fn server(&self, names: &[&str]) -> Leaf {
        self.sign(names, |_| {})
    }

    /// A server's leaf that expired long ago.
    #[must_use]
    pub fn expired_server(&self, names: &[&str]) -> Leaf {
        self.sign(names, |params| {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        })
    }

    /// A client's leaf of this name.
    #[must_use]
    pub fn client(&self, name: &str) -> Leaf {
        self.sign(&[name], |params| {
            params.distinguished_name = named(name);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }

    fn sign(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let mut params = leaf_params(names);
        change(&mut params);
        let key = new_key();
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("an authority can sign");
        Leaf {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A server's leaf that only vouches for itself.
#[must_use]
pub fn self_signed(names: &[&str]) -> Leaf {
    let key = new_key();
    let certificate = leaf_params(names)
        .self_signed(&key)
        .expect("a leaf can sign itself");
    Leaf {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    }
}

fn leaf_params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("the names are valid");
    params.distinguished_name = named("leaf");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}
