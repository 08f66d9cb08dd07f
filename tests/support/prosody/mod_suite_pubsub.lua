-- Lets everybody make nodes, as other servers do: here only an operator may.

local service = module:depends("pubsub").service;

local capabilities = {};
for affiliation, may in pairs(service.config.capabilities) do
	capabilities[affiliation] = {};
	for what, allowed in pairs(may) do
		capabilities[affiliation][what] = allowed;
	end
end
-- Who has no affiliation is a member where nodes are open.
capabilities.none.create = true;
capabilities.member.create = true;
service.config.capabilities = capabilities;
