-- EXTERNAL (XEP-0178) for whoever shows a certificate of the authority: the common name is the user.

local new_sasl = require "util.sasl".new;

local provider = {};

local function user_of(session)
	local socket = session.conn:socket();
	local certificate = socket:getpeercertificate();
	local valid, faults = socket:getpeerverification();
	if not certificate or not valid then
		module:log("warn", "No certificate to trust: %s", require "util.serialization".serialize(faults));
		return nil;
	end
	for _, part in ipairs(certificate:subject()) do
		if part.name == "commonName" then return part.value; end
	end
end

function provider.get_sasl_handler(session)
	return new_sasl(module.host, {
		external = session.secure and function (identity)
			local user = user_of(session);
			if user and (identity == "" or identity == user .. "@" .. module.host) then
				return user, true;
			end
			return nil, nil;
		end or nil;
	});
end

function provider.user_exists() return true; end

module:provides("auth", provider);
