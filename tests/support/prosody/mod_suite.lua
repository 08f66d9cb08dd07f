-- What the tests add to a host: accounts in bulk, a roster of any size, and counts of what clients send and get, in JSON at /suite.

local filters = require "util.filters";
local hashers = require "util.sasl.scram".hashers;
local hex = require "util.hex".encode;
local json = require "util.json";

local users = module:get_option_number("suite_users", 0);
local rounds = module:get_option_number("default_iteration_count");
local derived = module:get_option_string("suite_derived") == module.host;
local contacts = module:get_option_number("suite_contacts", 0);
local hash = hashers[module:get_option_string("password_hash", "SHA-1")];

-- All hosts count together.
local counts = module:shared("/*/suite/counts");

local function count(name)
	counts[name] = (counts[name] or 0) + 1;
end

-- An account with a password gets its keys when it first logs in.
local function account(number)
	local password = "password_" .. number;
	if not derived then return { password = password }; end
	local salt = "salt of " .. number;
	local _, stored_key, server_key = hash(password, salt, rounds);
	return {
		salt = salt;
		iteration_count = rounds;
		stored_key = hex(stored_key);
		server_key = hex(server_key);
	};
end

if module:get_option_string("authentication", "internal_hashed") == "internal_hashed" then
	local accounts = module:open_store("accounts");
	for number = 1, users do
		local name = "user_" .. number;
		if not accounts:get(name) then
			accounts:set(name, account(number));
		end
	end
end

if contacts > 0 then
	local roster = { [false] = { version = 1 } };
	for number = 1, contacts do
		roster["contact_" .. number .. "@elsewhere.test"] = {
			subscription = "none";
			name = "Contact number " .. number;
			groups = { ["Everybody"] = true };
		};
	end
	module:open_store("roster", "keyval"):set("user_1", roster);
end

module:hook("authentication-success", function () count("authenticated"); end);
module:hook("authentication-failure", function () count("refused"); end);
module:hook("resource-bind", function () count("bound"); end);
module:hook("resource-unbind", function () count("unbound"); end);
module:hook("user-registered", function () count("registered"); end);
module:hook("user-deregistered", function () count("removed"); end);

local function from_client(stanza)
	count(stanza.name .. "_in");
	return stanza;
end

local function to_client(stanza)
	count(stanza.name .. "_out");
	return stanza;
end

local shared = module:shared("/*/suite/hooked");
if not shared.hooked then
	shared.hooked = true;
	filters.add_filter_hook(function (session)
		if session.type == "c2s_unauthed" or session.type == "c2s" then
			filters.add_filter(session, "stanzas/in", from_client, 100);
			filters.add_filter(session, "stanzas/out", to_client, 100);
		end
	end);
end

module:depends("http");
module:provides("http", {
	default_path = "/suite";
	route = {
		GET = function (event)
			event.response.headers.content_type = "application/json";
			return json.encode(counts);
		end;
	};
});
