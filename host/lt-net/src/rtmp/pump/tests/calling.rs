use super::*;

async fn answer(call: &Call) -> Result<Vec<Value>, RtmpError> {
    poll_fn(|cx| call.poll(cx)).await
}

#[test]
fn calls_have_answers_in_any_order() {
    local_paused(async {
        let client = pair(|mut server| async move {
            let one = server.expect("FCSubscribe").await;
            let arguments = [Value::Null, Value::Text("cam".to_owned())];
            assert_eq!(one.values, arguments);
            let two = server.expect("add").await;
            assert_ne!(one.transaction, two.transaction);
            server.result(&two, Value::Number(3.0)).await;
            // What nobody asked for.
            let answer = command::command(0, "_result", 99.0, &[Value::Null]);
            server.say(answer).await;
            let values = [Value::Null, info("NetConnection.Call.Failed", "error")];
            let error = command::command(0, "_error", one.transaction, &values);
            server.say(error).await;
            server.expect("never").await;
            server.end().await;
        })
        .await;
        let call = |name: &str, arguments| client.connection.call(name, arguments).unwrap();
        let one = call("FCSubscribe", vec![Value::Text("cam".to_owned())]);
        let two = call("add", Vec::new());
        assert_eq!(
            answer(&two).await,
            Ok(vec![Value::Null, Value::Number(3.0)])
        );
        assert_eq!(answer(&one).await.unwrap_err().code(), 2101);
        let never = call("never", Vec::new());
        settle().await;
        client.connection.begin_close();
        let closed = Err(RtmpError::Closed(Close::by_us()));
        assert_eq!(answer(&never).await, closed);
        assert!(client.log.has("error NetConnection.Call.Failed"));
        client.closed().await;
    });
}

#[test]
fn so_many_calls_wait_at_a_time() {
    local_paused(async {
        let client = pair(|server| server.end()).await;
        let call = || client.connection.call("x", Vec::new());
        let mut calls: Vec<_> = (0..CALLS_MAX).map(|_| call().unwrap()).collect();
        assert!(matches!(call().unwrap_err(), RtmpError::TooMany(_)));
        settle().await;
        assert!(matches!(call().unwrap_err(), RtmpError::TooMany(_)));
        // Nobody waits for the one any more, and nobody holds the other.
        calls[0].forget();
        drop(calls.pop());
        let _two = (call().unwrap(), call().unwrap());
        assert!(matches!(call().unwrap_err(), RtmpError::TooMany(_)));
        let arguments = vec![Value::Text("x".repeat(COMMAND_BYTES_MAX))];
        calls.clear();
        let large = client.connection.call("x", arguments).unwrap_err();
        assert!(matches!(large, RtmpError::TooLarge(_)));
        // A server that answers nothing costs no memory.
        for _ in 0..1000 {
            call().unwrap();
            settle().await;
        }
        client.close().await;
    });
}

#[test]
fn the_servers_command_to_close_is_the_end() {
    local_paused(async {
        let client = pair(|mut server| async move {
            let close = command::command(0, "close", 0.0, &[Value::Null]);
            server.say(close).await;
            server.end().await;
        })
        .await;
        assert_eq!(client.closed().await.ending, Ending::ByPeer);
    });
}

#[test]
fn calls_that_nobody_takes_are_bounded() {
    local_paused(async {
        let client = pair(|server| async move {
            tokio::time::sleep(SECOND * 100).await;
            drop(server);
        })
        .await;
        let mut taken = 0;
        let refused = loop {
            let argument = Value::Text("a".repeat(1_000_000));
            match client.connection.call("x", vec![argument]) {
                Ok(call) => {
                    taken += 1;
                    settle().await;
                    call.forget();
                }
                Err(error) => break error,
            }
            assert!(taken < 100);
        };
        assert!(matches!(refused, RtmpError::TooLarge(_)), "{refused:?}");
    });
}
