use super::*;

fn targets(patterns: &[&str]) -> AllowedTargets {
    AllowedTargets::parse("--allow-target", patterns).unwrap()
}

fn at(ip: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip.parse().unwrap(), port)
}

#[test]
fn addresses_are_compared_as_what_is_dialled() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        (
            "loopback",
            &[
                "127.0.0.1",
                "127.8.9.1",
                "::1",
                "::ffff:127.0.0.1",
                "0.0.0.0",
                "::",
                "::ffff:0.0.0.0",
            ],
            &[
                "10.0.0.1",
                "128.0.0.1",
                "0.0.0.1",
                "::2",
                "::127.0.0.1",
                "::ffff:10.0.0.1",
                "64:ff9b::127.0.0.1",
                "2002:7f00:1::",
            ],
        ),
        (
            "10.0.0.0/8",
            &["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
            &[
                "11.0.0.0",
                "9.255.255.255",
                "127.0.0.1",
                "0.0.0.0",
                "64:ff9b::10.0.0.1",
            ],
        ),
        (
            "192.0.2.7",
            &["192.0.2.7", "::ffff:c000:207"],
            &["192.0.2.6"],
        ),
        ("::ffff:192.0.2.7", &["192.0.2.7"], &["192.0.2.6"]),
        (
            "fd00::/8",
            &["fd00::1", "fdff:ffff::"],
            &["fe00::1", "10.0.0.1", "::1"],
        ),
        (
            "0.0.0.0/0",
            &["203.0.113.1", "127.0.0.1", "0.0.0.0"],
            &["::1", "2001:db8::1"],
        ),
        // All of IPv6 is not all of IPv4 behind a translator or in a tunnel.
        (
            "::/0",
            &["2001:db8::1", "::1", "fe80::1"],
            &[
                "127.0.0.1",
                "::ffff:127.0.0.1",
                "64:ff9b::127.0.0.1",
                "64:ff9b:1::a9fe:a9fe",
                "2002:7f00:1::1",
                "::127.0.0.1",
                "fe80::5efe:127.0.0.1",
                "2001:db8::200:5efe:127.0.0.1",
                "2001:0:1:2:3:4:80ff:fffe",
            ],
        ),
        (
            "any",
            &["127.0.0.1", "::1", "64:ff9b::127.0.0.1", "169.254.169.254"],
            &[],
        ),
    ];
    for (pattern, allowed, refused) in cases {
        let targets = targets(&[pattern]);
        for ip in *allowed {
            assert!(targets.allows_address(at(ip, 80)), "{pattern}: {ip}");
        }
        for ip in *refused {
            assert!(!targets.allows_address(at(ip, 80)), "{pattern}: {ip}");
        }
    }
    // Both faces allowed: the translator's address, and what it translates to.
    let both = targets(&["::/0", "203.0.113.0/24"]);
    assert!(both.allows_address(at("64:ff9b::203.0.113.9", 80)));
    assert!(!both.allows_address(at("64:ff9b::203.0.114.9", 80)));
}

#[test]
fn names_lead_anywhere_but_to_special_addresses() {
    let named = targets(&["api.example.com", "*.test:8000-8999"]);
    let resolved = |name: &str, ip: &str, port| named.allows_resolved(name, at(ip, port));
    for ip in [
        "203.0.113.1",
        "10.0.0.1",
        "2001:db8::1",
        "64:ff9b::203.0.113.1",
    ] {
        assert!(resolved("api.example.com", ip, 443), "{ip}");
        assert!(resolved("api.example.com.", ip, 443), "{ip}");
        assert!(resolved("a.b.test", ip, 8000), "{ip}");
        assert!(!resolved("a.b.test", ip, 9000), "{ip}");
        for other in [
            "example.com",
            "x.api.example.com",
            "test",
            ".test",
            "atest",
            "api.example.com.evil",
        ] {
            assert!(!resolved(other, ip, 8000), "{other} {ip}");
        }
        assert!(!named.allows_address(at(ip, 8000)), "{ip}");
    }
    for ip in [
        "127.0.0.1",
        "127.1.1.1",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "224.0.0.1",
        "255.255.255.255",
        "ff02::1",
    ] {
        assert!(
            is_special(ip.parse().unwrap()) || ip.contains("64:ff9b") || ip.starts_with("2002"),
            "{ip}"
        );
        assert!(!resolved("api.example.com", ip, 443), "{ip}");
    }
    // Unless the address is allowed too, on that port.
    let with_local = targets(&["api.example.com", "loopback:80"]);
    assert!(with_local.allows_resolved("api.example.com", at("127.0.0.1", 80)));
    assert!(!with_local.allows_resolved("api.example.com", at("127.0.0.1", 81)));
    // Or whatever resolves to what is allowed: names that this machine knows.
    assert!(targets(&["loopback"]).allows_resolved("localhost", at("::1", 1)));
}

#[test]
fn no_name_server_hears_of_a_name_that_no_pattern_has() {
    let cases: &[(&[&str], &str, Option<u16>, Lookup)] = &[
        (
            &["loopback"],
            "secret.attacker.example",
            Some(80),
            Lookup::Local,
        ),
        (&["loopback:81"], "localhost", Some(80), Lookup::Nowhere),
        (&["10.0.0.0/8"], "api.example.com", Some(80), Lookup::Local),
        (
            &["api.example.com"],
            "api.example.com",
            Some(80),
            Lookup::Anywhere,
        ),
        (
            &["api.example.com"],
            "api.example.com.",
            Some(80),
            Lookup::Anywhere,
        ),
        (
            &["api.example.com:81"],
            "api.example.com",
            Some(80),
            Lookup::Nowhere,
        ),
        (
            &["api.example.com:81"],
            "api.example.com",
            None,
            Lookup::Anywhere,
        ),
        (
            &["api.example.com"],
            "other.example.com",
            Some(80),
            Lookup::Nowhere,
        ),
        (
            &["loopback", "*.example.com"],
            "a.example.com",
            Some(80),
            Lookup::Anywhere,
        ),
        (&["any"], "whatever", Some(80), Lookup::Anywhere),
        (&["any:443"], "whatever", Some(80), Lookup::Nowhere),
        (&[], "localhost", Some(80), Lookup::Nowhere),
    ];
    for (patterns, name, port, wanted) in cases {
        assert_eq!(
            targets(patterns).lookup(name, *port),
            *wanted,
            "{patterns:?} {name}"
        );
    }
}

#[test]
fn a_proxy_is_asked_only_for_names_that_are_allowed_by_name() {
    let cases: &[(&[&str], &str, bool)] = &[
        (&["api.example.com"], "api.example.com", true),
        (
            &["loopback", "10.0.0.0/8", "0.0.0.0/0", "::/0"],
            "api.example.com",
            false,
        ),
        (&["any"], "api.example.com", true),
        (&["any:81"], "api.example.com", false),
        (&["loopback"], "localhost", true),
        (&["127.0.0.0/8"], "localhost", false),
        (&["*.localhost"], "a.localhost", true),
        (&["loopback"], "a.localhost", false),
    ];
    for (patterns, name, wanted) in cases {
        assert_eq!(
            targets(patterns).allows_unresolved(name, 80),
            *wanted,
            "{patterns:?} {name}"
        );
    }
}

#[test]
fn patterns_are_read_in_every_form() {
    let allowed: &[(&str, &str, u16, bool)] = &[
        ("127.0.0.1:8080", "127.0.0.1", 8080, true),
        ("127.0.0.1:8080", "127.0.0.1", 8081, false),
        ("[::1]:80", "::1", 80, true),
        ("[::1]:80", "::1", 81, false),
        ("[::1]", "::1", 81, true),
        ("::1", "::1", 81, true),
        ("[fd00::/8]:80-90", "fd00::9", 90, true),
        ("[fd00::/8]:80-90", "fd00::9", 91, false),
        ("10.0.0.0/8:80", "10.9.9.9", 80, true),
        ("10.0.0.0/8:80", "10.9.9.9", 79, false),
        ("LOOPBACK:1-65535", "127.0.0.1", 65535, true),
    ];
    for (pattern, ip, port, wanted) in allowed {
        assert_eq!(
            targets(&[pattern]).allows_address(at(ip, *port)),
            *wanted,
            "{pattern}"
        );
    }
    let upper = targets(&["API.Example.com.:443"]);
    assert!(upper.allows_resolved("api.example.com", at("192.0.2.1", 443)));
    assert_eq!(
        upper.patterns().collect::<Vec<_>>(),
        ["API.Example.com.:443"]
    );
    assert_eq!(AllowedTargets::loopback(), targets(&["loopback"]));
}

#[test]
fn what_is_no_pattern_is_told_with_its_remedy() {
    for (text, message, remedy) in [
        ("", "is empty", "write api.example.com"),
        ("http://a/", "is a URL, not a host", "api.example.com"),
        ("me@a", "is a URL", "api.example.com"),
        ("*", "covers no name", "write any"),
        ("a b", "neither a name nor an address", "api.example.com"),
        (
            "*.*.com",
            "neither a name nor an address",
            "api.example.com",
        ),
        ("a..b", "neither a name nor an address", "api.example.com"),
        ("-a.com", "neither a name nor an address", "api.example.com"),
        ("bücher.example", "beyond ASCII", "xn--"),
        ("0x7f.1", "a spelling of its own", "192.0.2.7"),
        ("2130706433", "a spelling of its own", "192.0.2.7"),
        ("127.1", "a spelling of its own", "192.0.2.7"),
        (
            "10.1.2.3/8",
            "is not where a network of 8 bits begins",
            "write 10.0.0.0/8",
        ),
        (
            "fd00::1/8",
            "is not where a network of 8 bits begins",
            "write fd00::/8",
        ),
        ("10.0.0.0/33", "not a length from 0 to 32", ""),
        ("10.0.0.0/", "not a length", ""),
        ("::ffff:10.0.0.0/104", "in IPv6 clothes", "10.0.0.0/8"),
        ("example.com/8", "`example.com` is not an address", ""),
        ("a:0", "is not a port", ""),
        ("a:99999", "is not a port", ""),
        ("a:+80", "is not a port", ""),
        ("a:", "is not a port", ""),
        ("a:90-80", "last port is below its first", ""),
        ("[::1", "has no `]`", ""),
        ("[::1]80", "other than a port", ""),
    ] {
        let problems = AllowedTargets::parse("--allow-target", &[text, "loopback"]).unwrap_err();
        assert_eq!(problems.len(), 1, "{text}");
        let problem = &problems[0];
        assert_eq!(
            (problem.field.as_str(), problem.value.as_str()),
            ("--allow-target", text)
        );
        assert!(problem.message.contains(message), "{text}: {problem}");
        assert!(problem.remedy.contains(remedy), "{text}: {problem}");
    }
    let many = vec!["loopback"; TARGET_PATTERNS_MAX + 1];
    let problem = AllowedTargets::parse("--allow-target", &many)
        .unwrap_err()
        .remove(0);
    assert!(
        problem.message.contains("more patterns than 1000"),
        "{problem}"
    );
}
