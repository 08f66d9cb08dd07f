use super::*;
use crate::rtmp::pump::gather::is_next_prompt;

/// Frames of a second.
const RATE: u32 = 50;

/// A key frame, and frames at their time for so many seconds; then a silence of two seconds, and what was to come in it.
async fn flow_stall_and_flow(mut server: Server) {
    server.play().await;
    for number in 0..RATE * 4 {
        let timestamp = number * 1000 / RATE;
        if number == 0 {
            server.send(FrameKind::Video, 0, &key_frame(1)).await;
        } else {
            server.video(timestamp).await;
        }
        tokio::time::sleep(MILLISECOND * 20).await;
    }
    tokio::time::sleep(SECOND * 2).await;
    for number in RATE * 4..RATE * 6 {
        server.video(number * 1000 / RATE).await;
    }
    server.end().await;
}

/// What a player saw of that: how often its observer was told of frames, and the log.
async fn watched() -> (u32, Rc<Log>) {
    let client = pair(flow_stall_and_flow).await;
    let (player, log) = client.play();
    started(&player).await.unwrap();
    let all = SECOND * 6 - MILLISECOND * 20;
    poll_fn(|cx| player.poll_media(all, cx)).await;
    assert_eq!(player.statistics().video_frames, u64::from(RATE * 6));
    client.close().await;
    assert_eq!(log.received.get().video, u64::from(RATE * 6));
    (log.tellings.get(), log)
}

#[test]
fn a_flow_is_looked_at_now_and_then_and_a_silence_at_once() {
    local_paused(async {
        let (prompt, exact) = watched().await;
        assert!(prompt > RATE * 3, "told {prompt} times");
        while is_next_prompt() {}
        let (seldom, blurred) = watched().await;
        // A second of each frame, three of ten looks each, and the burst.
        assert!((RATE..RATE * 2).contains(&seldom), "told {seldom} times");
        for log in [&exact, &blurred] {
            let said = log.said.borrow();
            let stalls: Vec<&String> = said
                .iter()
                .filter(|said| said.contains("stalled"))
                .collect();
            assert_eq!(stalls.len(), 1, "{said:?}");
            assert!(
                said.iter().all(|said| !said.contains("discontinuity")),
                "{said:?}"
            );
            // The last frame before it is stamped by the kernel, which no test stops: here it came when it was read.
            let resumed = said.iter().find_map(|said| said.strip_prefix("resumed "));
            let (gap, lag) = resumed
                .and_then(|said| said.split_once(' '))
                .expect("a stall");
            assert_eq!(lag, "2020");
            let gap: u64 = gap.parse().unwrap();
            assert!((1920..=2020).contains(&gap), "{gap}");
        }
        for (lag, _) in blurred.seconds.borrow().iter().take(4) {
            assert!(*lag <= MILLISECOND * 40, "{lag:?}");
        }
    });
}
