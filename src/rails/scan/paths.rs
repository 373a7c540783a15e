//! Files whose names say that they hold secrets.
//! In: a path, and what the file holds. Out: why it must not leave. Never: an example, a template, a certificate.

/// Why this file is a finding by its name.
pub(super) fn sensitive(path: &str, text: Option<&str>) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let low = name.to_ascii_lowercase();
    const HARMLESS: [&str; 9] = ["example", "sample", "template", "dist", "default", "schema", "md", "rs", "hbs"];
    if low.rsplit('.').take(2).any(|part| HARMLESS.contains(&part)) || low.ends_with(".pub") {
        return None;
    }
    let ends = |all: &[&str]| all.iter().any(|end| low.ends_with(end));
    let below = |dir: &str| path.split('/').rev().skip(1).any(|part| part == dir);
    match low.as_str() {
        ".env" | ".envrc" => return Some("an environment file"),
        _ if low.starts_with(".env.") || low.ends_with(".env") => return Some("an environment file"),
        "id_rsa" | "id_dsa" | "id_ecdsa" | "id_ed25519" | "id_ecdsa_sk" | "id_ed25519_sk" => return Some("a private SSH key"),
        ".netrc" | "_netrc" | ".pgpass" | ".my.cnf" | ".git-credentials" | ".htpasswd" | ".pypirc" | ".dockercfg" => {
            return Some("a file of passwords");
        }
        "credentials"
        | "credentials.json"
        | "credentials.yaml"
        | "credentials.yml"
        | "credentials.toml"
        | "secrets.json"
        | "secrets.yaml"
        | "secrets.yml"
        | "secrets.toml"
        | "secrets.env"
        | "service-account.json"
        | "client_secret.json" => {
            return Some("a file of credentials");
        }
        "kubeconfig" => return Some("access to a cluster"),
        "config" if below(".kube") => return Some("access to a cluster"),
        "config.json" if below(".docker") => return Some("access to registries"),
        _ => {}
    }
    if ends(&[".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".kdb", ".ppk", ".ovpn", ".agekey"]) {
        return Some("a store of keys");
    }
    if ends(&[".tfstate", ".tfstate.backup"]) {
        return Some("the state of infrastructure, which holds its secrets");
    }
    // A certificate is public; what cannot be read may be anything.
    if ends(&[".pem", ".key", ".der"]) {
        let public = text.is_some_and(|text| {
            !text.contains("PRIVATE KEY")
                && ["-----BEGIN CERTIFICATE", "-----BEGIN PUBLIC KEY"].iter().any(|one| text.contains(one))
        });
        return (!public).then_some("a private key, by its name");
    }
    None
}
