use super::*;

fn registering(fields: &[(&str, &str)]) -> ConnectRequest {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut request = request();
    request.password = "pass<word>".to_owned();
    let fields = fields.iter().map(own).collect();
    request.steps = vec![Step::Stream, Step::Register(fields)];
    request
}

/// What is sent to a server with this form, which it takes.
async fn filled(form: &'static str, fields: &[(&str, &str)]) -> String {
    let seen = Rc::new(RefCell::new(String::new()));
    let told = seen.clone();
    let tried = attempt(registering(fields), move |mut server| {
        let told = told.clone();
        async move {
            server.open("").await;
            let asked = server.see("</iq>").await;
            assert!(
                asked.contains("type='get'")
                    && asked.contains("<query xmlns='jabber:iq:register'/>")
            );
            let id = attribute_of(&asked, "id");
            let query = format!("<query xmlns='jabber:iq:register'>{form}</query>");
            server
                .say(&format!("<iq type='result' id='{id}'>{query}</iq>"))
                .await;
            let filled = server.see("</iq>").await;
            assert!(filled.contains("type='set'"));
            let id = attribute_of(&filled, "id");
            server.say(&format!("<iq type='result' id='{id}'/>")).await;
            *told.borrow_mut() = filled;
        }
    })
    .await;
    assert_eq!(tried.steps(), ["tcp", "stream", "features", "register"]);
    tried.established();
    let filled = seen.borrow();
    let (_, query) = filled
        .split_once("<query xmlns='jabber:iq:register'>")
        .unwrap();
    query.strip_suffix("</query></iq>").unwrap().to_owned()
}

#[test]
fn an_account_is_made_with_the_fields_of_the_form() {
    local(async {
        assert_eq!(
            filled("<instructions>x</instructions><username/><password/>", &[]).await,
            "<username>romeo</username><password>pass&lt;word&gt;</password>"
        );
        assert_eq!(
            filled(
                "<username/><password/><email/>",
                &[("email", "a&b"), ("username", "juliet")]
            )
            .await,
            "<password>pass&lt;word&gt;</password><email>a&amp;b</email><username>juliet</username>"
        );
    });
}

#[test]
fn an_account_is_made_with_a_data_form_if_there_is_no_other() {
    local(async {
        let form = "<instructions>x</instructions><x xmlns='jabber:x:data' type='form'>\
            <field type='hidden' var='FORM_TYPE'><value>jabber:iq:register</value></field>\
            <field type='hidden' var='challenge'><value>12</value></field>\
            <field type='text-single' var='username'><required/></field>\
            <field type='text-private' var='password'><value/></field></x>";
        assert_eq!(
            filled(form, &[("answer", "7")]).await,
            "<x xmlns='jabber:x:data' type='submit'>\
             <field var='FORM_TYPE'><value>jabber:iq:register</value></field>\
             <field var='challenge'><value>12</value></field>\
             <field var='username'><value>romeo</value></field>\
             <field var='password'><value>pass&lt;word&gt;</value></field>\
             <field var='answer'><value>7</value></field></x>"
        );
    });
}

#[test]
fn an_account_that_exists_is_a_conflict() {
    local(async {
        let tried = attempt(registering(&[]), |mut server| async move {
            server.open("").await;
            let id = server.iq().await;
            let query = "<query xmlns='jabber:iq:register'><username/><password/></query>";
            server
                .say(&format!("<iq type='result' id='{id}'>{query}</iq>"))
                .await;
            let id = server.iq().await;
            server
                .say(&format!(
                    "<iq type='error' id='{id}'><error type='cancel'>\
                <conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
                <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>taken</text></error></iq>"
                ))
                .await;
            assert_eq!(server.rest().await, "</stream:stream>");
        })
        .await;
        assert_eq!(tried.failed(), Some("register"));
        match tried.error() {
            XmppError::Refused(error) => {
                assert_eq!(
                    (error.condition.as_str(), error.kind.as_str()),
                    ("conflict", "cancel")
                );
                assert_eq!(error.text, "taken");
                assert!(error.xml.starts_with("<iq type='error'"));
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_server_without_a_form_makes_no_accounts() {
    local(async {
        let tried = attempt(registering(&[]), |mut server| async move {
            server.open("").await;
            let id = server.iq().await;
            server.say(&format!("<iq type='result' id='{id}'/>")).await;
            server.see("</stream:stream>").await;
        })
        .await;
        assert_eq!(
            tried.error(),
            XmppError::protocol("no form for registering")
        );
    });
}
