//! Tests of the parsers.

use super::*;

fn fault(result: Result<impl std::fmt::Debug, Fault>) -> String {
    result.unwrap_err().message
}

#[test]
fn durations_are_those_of_k6() {
    let cases = [
        ("0", 0),
        ("0s", 0),
        ("500ms", 500_000_000),
        ("30s", 30_000_000_000),
        ("1m30s", 90_000_000_000),
        ("1.5h", 5_400_000_000_000),
        ("2d", 172_800_000_000_000),
        ("10us", 10_000),
        ("10µs", 10_000),
        ("7ns", 7),
        (" 1s ", 1_000_000_000),
    ];
    for (text, nanos) in cases {
        assert_eq!(
            duration(text).unwrap(),
            Duration::from_nanos(nanos),
            "{text}"
        );
    }
}

#[test]
fn durations_that_are_none_say_why() {
    let bare = duration("30").unwrap_err();
    assert_eq!(bare.message, "has no unit");
    assert!(bare.remedy.contains("30s"), "{}", bare.remedy);
    assert!(fault(duration("")).contains("empty"));
    assert!(fault(duration("-5s")).contains("negative"));
    assert!(fault(duration("5 parsecs")).contains("parsecs"));
    assert!(fault(duration("s")).contains("no number"));
    assert!(fault(duration("1m30")).contains("no unit after 30"));
    assert!(fault(duration("1..5s")).contains("no number"));
    assert!(fault(duration("9999999d")).contains("ten years"));
    assert!(fault(duration(&format!("{}s", "9".repeat(400)))).contains("ten years"));
    assert!(fault(duration("inf")).contains("no unit"));
    assert!(fault(positive_duration("0s")).contains("zero"));
}

#[test]
fn sizes_take_binary_and_decimal_units() {
    assert_eq!(bytes("65536").unwrap(), 65_536);
    assert_eq!(bytes("64KiB").unwrap(), 65_536);
    assert_eq!(bytes("16 MiB").unwrap(), 16 << 20);
    assert_eq!(bytes("1GB").unwrap(), 1_000_000_000);
    assert!(fault(bytes("16 Mbit")).contains("Mbit"));
    assert!(fault(bytes("MiB")).contains("whole number"));
    assert!(fault(bytes("99999999999G")).contains("too large"));
}

#[test]
fn user_ranges_include_both_ends() {
    assert_eq!(user_range("1..100").unwrap(), (1, 100));
    assert_eq!(user_range("7..7").unwrap(), (7, 7));
    assert_eq!(user_range("1..=3").unwrap(), (1, 3));
    assert!(fault(user_range("1-100")).contains("'..'"));
    assert!(fault(user_range("a..9")).contains("whole number"));
    assert!(fault(user_range("0..9")).contains('0'));
    let reversed = user_range("9..1").unwrap_err();
    assert_eq!(reversed.remedy, "write 1..9");
    assert!(fault(user_range("1..9007199254740992")).contains("above"));
}

#[test]
fn pairs_keep_further_equals_signs() {
    assert_eq!(pair("url=http://x/?a=b").unwrap(), ("url", "http://x/?a=b"));
    assert_eq!(pair("empty=").unwrap(), ("empty", ""));
    assert!(fault(pair("url")).contains("no '='"));
    assert!(fault(pair("=x")).contains("no name"));
}

#[test]
fn host_overrides_take_names_and_addresses_with_or_without_ports() {
    let ip = |text: &str| SocketAddrOrIp::Ip(text.parse().unwrap());
    let socket = |text: &str| SocketAddrOrIp::Socket(text.parse().unwrap());
    let cases = [
        ("Shop.test=127.0.0.1", "shop.test", ip("127.0.0.1")),
        ("a:443=127.0.0.1:8443", "a:443", socket("127.0.0.1:8443")),
        ("a=::1", "a", ip("::1")),
        ("a=[::1]", "a", ip("::1")),
        ("a=[::1]:80", "a", socket("[::1]:80")),
    ];
    for (text, name, address) in cases {
        assert_eq!(
            host_override(text).unwrap(),
            (name.to_owned(), address),
            "{text}"
        );
    }
    for text in [
        "a",
        "=1.2.3.4",
        "a b=1.2.3.4",
        "a:0=1.2.3.4",
        "a=localhost",
        "a=1.2.3.4:99999",
    ] {
        assert!(host_override(text).is_err(), "{text}");
    }
}

#[test]
fn proxies_are_http_with_a_port_and_hide_their_password() {
    assert_eq!(
        proxy("http://127.0.0.1:3128/").unwrap(),
        "http://127.0.0.1:3128"
    );
    assert!(proxy("http://me:se@cret@proxy:3128").is_ok());
    for text in [
        "proxy:3128",
        "socks5://a:1",
        "http://a",
        "http://:80",
        "http://a:0",
        "http://a/b:8",
    ] {
        assert!(proxy(text).is_err(), "{text}");
    }
    assert_eq!(without_password("http://me:secret@p:1"), "http://***@p:1");
    assert_eq!(without_password("http://p:1"), "http://p:1");
}

#[test]
fn a_memory_limit_is_whole_pages_that_a_rust_guest_fits_into() {
    assert_eq!(memory_limit("2MiB").unwrap(), 2 << 20);
    assert_eq!(memory_limit("3MB").unwrap(), 46 << 16);
    assert_eq!(memory_limit("4GiB").unwrap(), 4 << 30);
    for text in ["64KiB", "2097151", "4294967297", "2"] {
        assert!(fault(memory_limit(text)).contains("2MiB to 4GiB"), "{text}");
    }
}

#[test]
fn local_addresses_are_single_ones() {
    assert_eq!(addresses("127.0.0.2, ::1").unwrap().len(), 2);
    assert!(fault(addresses("10.0.0.0/24")).contains("not supported"));
    assert!(fault(addresses("10.0.0.1-10.0.0.9")).contains("not supported"));
    assert!(fault(addresses("10.0.0.1,")).contains("not an IP"));
}

#[test]
fn rates_are_numbers_in_a_time() {
    let cases = [
        ("100/s", 100.0),
        ("6000/m", 100.0),
        ("100", 100.0),
        ("1.5/s", 1.5),
        (" 30 / 10s ", 3.0),
        ("36/h", 0.01),
        ("0/s", 0.0),
        ("2/ms", 2000.0),
        ("10/.5s", 20.0),
    ];
    for (text, expected) in cases {
        let rate = rate(text).unwrap();
        assert!((rate - expected).abs() < 1e-9, "{text}: {rate}");
    }
    for text in [
        "", "/s", "5/", "5/0s", "-1/s", "inf", "1e9/s", "5/s/s", "5/.s", "5/.",
    ] {
        assert!(rate(text).is_err(), "{text}");
    }
    assert!(positive_rate("0/m").is_err());
}

#[test]
fn budgets_are_whole_numbers_in_a_time() {
    assert_eq!(budget("100/s").unwrap(), (100, Duration::from_secs(1)));
    assert_eq!(budget("30/10s").unwrap(), (30, Duration::from_secs(10)));
    assert_eq!(budget("5").unwrap(), (5, Duration::from_secs(1)));
    for text in ["0/s", "1.5/s", "x/s", "5/x"] {
        assert!(budget(text).is_err(), "{text}");
    }
}

#[test]
fn counts_percentages_and_names_have_their_bounds() {
    assert_eq!(count("1").unwrap(), 1);
    for text in ["0", "-1", "1.5", "9007199254740992", "99999999999999999999"] {
        assert!(count(text).is_err(), "{text}");
    }
    assert!((percent("12.5 %").unwrap() - 12.5).abs() < 1e-9);
    for text in ["101", "-1%", "NaN", "%", "50%%%"] {
        assert!(percent(text).is_err(), "{text}");
    }
    for name in ["a", "chat-room-2", "x1"] {
        assert!(is_kebab(name), "{name}");
    }
    for name in ["", "-a", "a-", "a--b", "A", "1a", "a_b", "a.b", "ä"] {
        assert!(!is_kebab(name), "{name}");
    }
}
