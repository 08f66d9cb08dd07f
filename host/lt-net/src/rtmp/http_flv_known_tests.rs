use super::*;

#[test]
fn what_this_process_published_is_known_again() {
    let length = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
        [HEADER, &tag(9, 0), &tag(9, 5000)].concat().len()
    );
    check_known_again(ENDLESS, true);
    // A file says nothing of how long it took.
    check_known_again(length.leak(), false);
}

fn check_known_again(head: &'static str, is_known: bool) {
    local_paused(async {
        let file = [HEADER, &tag(9, 0), &tag(9, 5000)].concat();
        let asset = Asset::parse(Bytes::from(file)).unwrap();
        let options = NetworkOptions::default();
        let stamps = options.stamps.clone();
        let sent = Instant::now();
        for tag in asset.tags() {
            let at = sent + Duration::from_millis(u64::from(tag.timestamp()));
            stamps.sent("s?key=secret", &asset.head(tag, tag.timestamp()), at);
        }
        let peer = serve(head, |mut stream| async move {
            stream
                .write_all(&[HEADER, &tag(9, 0)].concat())
                .await
                .unwrap();
            sleep(Duration::from_millis(5250)).await;
            stream.write_all(&tag(9, 5000)).await.unwrap();
        })
        .await;
        let playing = Playing::open(&client_on(options), ask(&peer, "/live/s.flv?t")).await;
        let (_, log) = playing.unwrap().ended().await;
        // Not the first, which may have lain in the server.
        let said = log.said.borrow();
        let took: Vec<u64> = said
            .iter()
            .filter_map(|said| said.strip_prefix("end to end ")?.parse().ok())
            .collect();
        assert_eq!(took.len(), usize::from(is_known), "{said:?}");
        let is_right = |took: &u64| (250 - HELD_UP_MAX..=260).contains(took);
        assert!(took.iter().all(is_right), "{said:?}");
    });
}

#[test]
fn a_stream_is_named_as_it_is_published() {
    for (url, name) in [
        ("http://h/live/s.flv", "s"),
        ("https://h:8080/a/b/s.flv?x=/y.flv#z", "s"),
        ("http://h/live?app=a", "live"),
        ("http://h/", ""),
    ] {
        assert_eq!(stream_name(url), name);
    }
}
