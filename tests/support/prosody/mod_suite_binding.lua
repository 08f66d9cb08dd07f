-- Offers SCRAM with channel binding (RFC 5802) to `tls-server-end-point` (RFC 5929), and says so (XEP-0440).

local hex = require "util.hex";
local ssl = require "ssl";
local st = require "util.stanza";

local file = assert(io.open(module:get_option_string("suite_certificate")));
local certificate = ssl.loadcertificate(file:read("*a"));
file:close();
-- The authority of the tests signs with SHA-256.
local digest = hex.decode(certificate:digest("sha256"));

-- After mod_saslauth, which has chosen the handler of the session.
module:hook("stream-features", function (event)
	local session = event.origin;
	if session.username or not session.secure or not session.sasl_handler then return; end
	local handler = session.sasl_handler;
	-- The library makes the -PLUS forms depend on this one, which TLS 1.3 does not have.
	handler:add_cb_handler("tls-unique", function () return "undefined"; end);
	handler:add_cb_handler("tls-server-end-point", function () return digest; end);
	local mechanisms = event.features:get_child("mechanisms", "urn:ietf:params:xml:ns:xmpp-sasl");
	if not mechanisms then return; end
	local offered = {};
	for mechanism in mechanisms:childtags("mechanism") do
		offered[mechanism:get_text()] = true;
	end
	for mechanism in pairs(handler:mechanisms()) do
		if not offered[mechanism] then
			mechanisms:tag("mechanism"):text(mechanism):up();
		end
	end
	event.features:add_child(st.stanza("sasl-channel-binding", { xmlns = "urn:xmpp:sasl-cb:0" })
		:tag("channel-binding", { type = "tls-server-end-point" }));
end, -100);
