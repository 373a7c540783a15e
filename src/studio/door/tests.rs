//! Who is let in, by which name, from where, and with which right.

use crate::{
    config::{Config, Flags},
    id::{Time, UserName},
};

use super::{super::users::Users, *};

/// A studio at a port of this machine; `found`: and behind a proxy, under a name.
struct World {
    _runs: tempfile::TempDir,
    door: Door,
    /// Of a viewer, of a reviewer, of somebody without a role.
    tokens: [String; 3],
}

fn world(found: Option<&str>) -> World {
    let runs = tempfile::tempdir().unwrap();
    let home = runs.path().join("home");
    std::fs::create_dir_all(home.join("flow-studio")).unwrap();
    let roles = "[studio.users]\nvic = [\"viewer\"]\nrev = [\"reviewer\"]\n";
    std::fs::write(home.join("flow-studio/config.toml"), roles).unwrap();
    let env = [("XDG_CONFIG_HOME".into(), home.into_os_string())];
    let config = Config::load(runs.path(), &Flags::default(), env).unwrap();
    let users = Users::of(runs.path());
    let tokens = ["vic", "rev", "new"].map(|name| users.add(&UserName::new(name).unwrap(), Time::from_ms(0)).unwrap());
    let at = "127.0.0.1:7340".parse().unwrap();
    let names = Names::of(at, found.map(|text| Origin::new(text).unwrap()).as_ref()).unwrap();
    let people = Arc::new(People::of(users, config.studio_files).unwrap());
    World { door: Door::new(Token::of(runs.path()).unwrap(), names, people, 7340), tokens, _runs: runs }
}

impl World {
    fn outcome(&self, method: &Method, route: &str, pairs: &[(&str, &str)], peer: &str) -> u16 {
        let headers: HeaderMap =
            pairs.iter().map(|(name, value)| (name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap())).collect();
        let peer = Some(peer.parse().unwrap());
        let knock = Knock { method, path: route, route: Some(route), headers: &headers, peer };
        let roll = self.door.people.read().unwrap();
        // Whoever is known without the list of users is known by it as well.
        let roll = if self.door.needs_roll(knock) { roll } else { Arc::default() };
        self.door.admit(knock, &roll).map_or_else(|problem| problem.status, |_| 200)
    }
}

const HERE: &str = "127.0.0.1:50000";

#[test]
fn who_is_let_in_and_who_is_not() {
    let world = world(None);
    let host = ("host", "localhost:7340");
    let cookie = format!("a=b; flow_studio_7340={}", world.door.token.cookie());
    let cookie = ("cookie", cookie.as_str());
    let bearer = format!("Bearer {}", world.door.token.shown());
    let bearer = ("authorization", bearer.as_str());
    let own = ("origin", "http://localhost:7340");
    for (method, path, pairs, status) in [
        (Method::GET, "/", vec![host, cookie], 200),
        (Method::GET, "/", vec![host], 401),
        (Method::GET, "/", vec![host, ("cookie", "flow_studio_7340=0")], 401),
        (Method::GET, "/", vec![host, ("cookie", "flow_studio_7341=0")], 401),
        (Method::GET, "/", vec![cookie], 421),
        (Method::GET, "/", vec![("host", "evil.example:7340"), cookie], 421),
        (Method::GET, "/", vec![("host", "localhost:7341"), cookie], 421),
        (Method::GET, "/login", vec![host], 200),
        (Method::GET, "/assets/studio.css", vec![host], 200),
        (Method::POST, "/x", vec![host, cookie, own], 200),
        (Method::POST, "/x", vec![host, cookie], 403),
        (Method::POST, "/x", vec![host, cookie, ("origin", "null")], 403),
        (Method::POST, "/x", vec![host, cookie, ("origin", "http://evil.example")], 403),
        (Method::POST, "/x", vec![host, cookie, ("origin", "https://localhost:7340")], 403),
        (Method::POST, "/x", vec![host, cookie, ("origin", "http://127.0.0.1:7340")], 403),
        (Method::POST, "/login", vec![host], 403),
        (Method::POST, "/x", vec![host, own], 401),
        (Method::DELETE, "/x", vec![host, cookie], 403),
        (Method::POST, "/x", vec![host, bearer], 200),
        (Method::POST, "/x", vec![host, ("authorization", "Bearer 0")], 403),
        (Method::GET, "/x", vec![host, ("authorization", "Bearer 0")], 401),
    ] {
        assert_eq!(world.outcome(&method, path, &pairs, HERE), status, "{method} {path} {pairs:?}");
    }
}

#[test]
fn the_owner_s_link_opens_nothing_from_elsewhere() {
    let world = world(Some("https://studio.example"));
    let plain = format!("flow_studio_7340={}", world.door.token.cookie());
    let secure = format!("__Host-{plain}");
    let bearer = format!("Bearer {}", world.door.token.shown());
    for (pairs, peer, status) in [
        (vec![("host", "localhost:7340"), ("cookie", &*plain)], HERE, 200),
        (vec![("host", "localhost:7340"), ("cookie", &plain)], "[::ffff:127.0.0.1]:1", 200),
        (vec![("host", "localhost:7340"), ("authorization", &bearer)], HERE, 200),
        (vec![("host", "localhost:7340"), ("cookie", &plain)], "192.0.2.1:50000", 401),
        (vec![("host", "localhost:7340"), ("authorization", &bearer)], "192.0.2.1:50000", 403),
        (vec![("host", "studio.example"), ("cookie", &plain)], HERE, 401),
        (vec![("host", "studio.example"), ("cookie", &secure)], HERE, 401),
        (vec![("host", "studio.example"), ("authorization", &bearer)], HERE, 403),
        // A proxy that calls us by our address says by what it adds that it is one.
        (vec![("host", "localhost:7340"), ("cookie", &plain), ("x-forwarded-for", "127.0.0.1")], HERE, 401),
        (vec![("host", "localhost:7340"), ("authorization", &bearer), ("forwarded", "for=127.0.0.1")], HERE, 403),
        (vec![("host", "localhost:7340"), ("authorization", &bearer), ("via", "1.1 proxy")], HERE, 403),
    ] {
        assert_eq!(world.outcome(&Method::GET, "/runs", &pairs, peer), status, "{pairs:?} from {peer}");
    }
}

#[test]
fn a_user_comes_in_from_everywhere_and_sends_what_their_role_allows() {
    let world = world(Some("https://studio.example"));
    let answer = "/runs/{run}/questions/{question}/answer";
    let keys = world.tokens.each_ref().map(|token| format!("__Host-flow_studio_7340={}", cookie_of(token)));
    for (who, method, route, status) in [
        (0, Method::GET, "/runs", 200),
        (0, Method::HEAD, "/runs", 200),
        (0, Method::POST, answer, 403),
        (0, Method::POST, "/flows/{flow}/runs", 403),
        (0, Method::POST, "/logout", 200),
        (1, Method::POST, answer, 200),
        (1, Method::POST, "/flows/{flow}/runs", 403),
        (1, Method::PATCH, "/anything", 403),
        (2, Method::GET, "/runs", 403),
        (2, Method::POST, "/logout", 403),
    ] {
        let pairs = [("host", "studio.example"), ("origin", "https://studio.example"), ("cookie", keys[who].as_str())];
        assert_eq!(world.outcome(&method, route, &pairs, "192.0.2.1:50000"), status, "{who} {method} {route}");
        let bearer = format!("Bearer {}", world.tokens[who]);
        let pairs = [("host", "studio.example"), ("authorization", bearer.as_str())];
        assert_eq!(world.outcome(&method, route, &pairs, "192.0.2.1:50000"), status, "{who} {method} {route} by a program");
    }
    // A cookie that a page without TLS could have put there does not count where there is TLS.
    let plain = keys[0].trim_start_matches("__Host-");
    assert_eq!(world.outcome(&Method::GET, "/", &[("host", "studio.example"), ("cookie", plain)], HERE), 401);
    let called = world.door.names.first().clone();
    let kept = world.door.keeps(&called, &world.tokens[0]);
    assert!(kept.starts_with(&keys[0]) && kept.contains("; Secure") && kept.contains("; HttpOnly; SameSite=Strict; Path=/"));
    assert!(
        world.door.forgets(&called).contains("__Host-flow_studio_7340=; ") && world.door.forgets(&called).contains("Max-Age=0")
    );
}
