-- SPDX-License-Identifier: MIT
-- Wireshark dissector of vbtrace's captures (docs/PCAP_FORMAT.md): requests of virtio-blk devices, event by event.
--
--	wireshark -X lua_script:vbtrace.lua CAPTURE	where it is not installed
--	tshark -q -X lua_script:vbtrace.lua -X lua_script1:stats -r CAPTURE	latencies by operation, as a table
--
-- Tools > virtio-blk latencies shows the same table in Wireshark.

local marks = { [0] = "kick", "wake", "pop", "parse", "submit", "queue", "issue", "complete", "reap", "push", "signal",
	"msi", "inject", "eoi" }
local points = { [14] = "signal_done", [15] = "device", [16] = "apic_accept", [17] = "mark_clock",
	[18] = "ring", [19] = "pause", [21] = "data", [255] = "lost" }
local ops = { [0] = "read", [1] = "write", [4] = "flush", [8] = "get_id", [10] = "get_lifetime", [11] = "discard",
	[13] = "write_zeroes", [14] = "secure_erase", [15] = "zone_append", [16] = "zone_report", [18] = "zone_open",
	[20] = "zone_close", [22] = "zone_finish", [24] = "zone_reset", [26] = "zone_reset_all" }
local statuses = { [0] = "ok", "ioerr", "unsupp", "zone_invalid_cmd", "zone_unaligned_wp", "zone_open_resource",
	"zone_active_resource" }
local layers = { "exit", "vmm", "host", "disk", "irq", "guest" }
local kinds = { [0] = "event", "submission", "completion" }
for i = 0, #marks do points[i] = marks[i] end

local HEADER, ENTRY, LIFE = 80, 40, 8 + 8 * 6 + 8 * 14
local DATA_LENGTH = 80
local UNKNOWN = 255
local INFERRED, FIRST, LAST, COMPLETE, MERGED = 1, 2, 4, 8, 16

local vblk = Proto("vblk", "virtio-blk request (vbtrace)")
local f = {
	version = ProtoField.uint8("vblk.version", "Version"),
	kind = ProtoField.uint8("vblk.kind", "Frame", base.DEC, kinds),
	mark = ProtoField.string("vblk.mark", "Mark"),
	late = ProtoField.bool("vblk.late", "Came late"),
	more = ProtoField.bool("vblk.more_requests", "Belongs to more requests than the frame names"),
	pid = ProtoField.uint32("vblk.pid", "Process"),
	device = ProtoField.string("vblk.device", "Device"),
	queue = ProtoField.uint16("vblk.queue", "Queue"),
	head = ProtoField.uint16("vblk.head", "Head"),
	op = ProtoField.string("vblk.op", "Operation"),
	type = ProtoField.uint8("vblk.type", "Type"),
	sector = ProtoField.uint64("vblk.sector", "Sector"),
	length = ProtoField.uint32("vblk.length", "Length in bytes"),
	status = ProtoField.uint8("vblk.status", "Status", base.DEC, statuses),
	requests = ProtoField.uint16("vblk.requests", "Requests"),
	id = ProtoField.uint64("vblk.request_id", "Request"),
	link = ProtoField.string("vblk.link", "Link"),
	vcpu = ProtoField.uint32("vblk.vcpu", "vCPU"),
	complete = ProtoField.bool("vblk.complete", "Lacks no mark"),
	merged = ProtoField.bool("vblk.merged", "Merged into the request before it"),
	latency = ProtoField.relative_time("vblk.latency", "Latency"),
	submission = ProtoField.framenum("vblk.submission_in", "Submission in frame", base.NONE, frametype.REQUEST),
	completion = ProtoField.framenum("vblk.completion_in", "Completion in frame", base.NONE, frametype.RESPONSE),
	time = ProtoField.uint64("vblk.event.time", "Time (CLOCK_MONOTONIC ns)"),
	key = ProtoField.uint64("vblk.event.key", "Key", base.HEX),
	arg = ProtoField.uint64("vblk.event.arg", "Argument", base.HEX_DEC),
	seq = ProtoField.uint32("vblk.event.seq", "Number in its queue"),
	val = ProtoField.uint32("vblk.event.val", "Value"),
	tid = ProtoField.uint32("vblk.event.tid", "Thread"),
	source = ProtoField.uint16("vblk.event.source", "Source"),
	event_op = ProtoField.uint8("vblk.event.op", "Operation or method"),
	code = ProtoField.uint8("vblk.event.code", "Code or flags"),
	data_length = ProtoField.uint32("vblk.data_length", "Bytes of data in this frame"),
	data = ProtoField.bytes("vblk.data", "Data"),
}
local layer_fields, mark_fields = {}, {}
local all = {}
for _, field in pairs(f) do all[#all + 1] = field end
for i, name in ipairs(layers) do
	layer_fields[i] = ProtoField.relative_time("vblk.layer." .. name, "Layer " .. name)
	all[#all + 1] = layer_fields[i]
end
for i = 0, #marks do
	mark_fields[i] = ProtoField.relative_time("vblk.at." .. marks[i], "Mark " .. marks[i])
	all[#all + 1] = mark_fields[i]
end
vblk.fields = all

local malformed = ProtoExpert.new("vblk.malformed.frame", "The frame is shorter than it says", expert.group.MALFORMED,
	expert.severity.ERROR)
local failed = ProtoExpert.new("vblk.error", "The device answered with an error", expert.group.RESPONSE_CODE,
	expert.severity.WARN)
local incomplete = ProtoExpert.new("vblk.incomplete", "The request lost a mark", expert.group.SEQUENCE,
	expert.severity.NOTE)
vblk.experts = { malformed, failed, incomplete }

-- Frames in which a request begins and ends, by its number as text; filled in the first pass.
local first_frame, last_frame = {}, {}
function vblk.init()
	first_frame, last_frame = {}, {}
end

local billion = UInt64.new(1000000000)
local function duration(ns)
	return NSTime.new((ns / billion):tonumber(), (ns % billion):tonumber())
end

local function bit(value, mask) return value % (2 * mask) >= mask end

local function add_event(tree, buffer)
	local sub = tree:add(vblk, buffer(32, 48), "Event as it was recorded")
	sub:add_le(f.time, buffer(32, 8))
	sub:add_le(f.key, buffer(40, 8))
	sub:add_le(f.arg, buffer(48, 8))
	sub:add_le(f.seq, buffer(56, 4))
	sub:add_le(f.val, buffer(60, 4))
	sub:add_le(f.tid, buffer(64, 4))
	sub:add_le(f.source, buffer(72, 2))
	sub:add(f.event_op, buffer(77, 1))
	sub:add(f.code, buffer(78, 1))
end

local function add_life(tree, range)
	local present, seen = range(0, 2):le_uint(), range(4, 4):le_uint()
	local inferred = range(2, 2):le_uint()
	local start = nil
	local sub = tree:add(vblk, range, "Life of the request")
	for i = 1, #layers do
		if bit(seen, 2 ^ (i - 1)) then
			sub:add(layer_fields[i], range(8 * i, 8), duration(range(8 * i, 8):le_uint64()))
		end
	end
	for i = 0, #marks do
		if bit(present, 2 ^ i) then
			local where = range(8 + 8 * #layers + 8 * i, 8)
			start = start or where:le_uint64()
			local at = where:le_uint64()
			-- The clocks differ by nanoseconds: a mark may seem to be before the first one.
			local since = at < start and UInt64.new(0) or at - start
			local item = sub:add(mark_fields[i], where, duration(since))
			if bit(inferred, 2 ^ i) then item:append_text(" (inferred)") end
		end
	end
end

local function add_request(tree, range, pinfo)
	local id, flags = range(0, 8):le_uint64(), range(36, 4):le_uint()
	local name, vcpu, op = tostring(id), range(28, 4):le_int(), range(34, 1):uint()
	local sub = tree:add(vblk, range, "Request " .. name)
	if not pinfo.visited then
		if bit(flags, FIRST) then first_frame[name] = pinfo.number end
		if bit(flags, LAST) then last_frame[name] = pinfo.number end
	end
	sub:add_le(f.id, range(0, 8))
	sub:add_le(f.head, range(32, 2))
	if op ~= UNKNOWN then
		sub:add(f.op, range(34, 1), ops[op] or "other")
		sub:add(f.type, range(34, 1))
		sub:add_le(f.sector, range(16, 8))
		sub:add_le(f.length, range(24, 4))
		sub:append_text(": " .. (ops[op] or "other"))
	end
	if range(35, 1):uint() ~= UNKNOWN then
		local item = sub:add(f.status, range(35, 1))
		if range(35, 1):uint() ~= 0 then item:add_proto_expert_info(failed) end
	end
	sub:add(f.link, range(36, 4), bit(flags, INFERRED) and "inferred" or "exact")
	if vcpu >= 0 then sub:add_le(f.vcpu, range(28, 4)) end
	sub:add(f.merged, range(36, 4), bit(flags, MERGED))
	sub:add(f.complete, range(36, 4), bit(flags, COMPLETE))
	if not bit(flags, LAST) and last_frame[name] then
		sub:add(f.completion, range(0, 8), last_frame[name]):set_generated()
	end
	if not bit(flags, FIRST) and first_frame[name] then
		sub:add(f.submission, range(0, 8), first_frame[name]):set_generated()
	end
	if bit(flags, LAST) then
		sub:add(f.latency, range(8, 8), duration(range(8, 8):le_uint64()))
		if not bit(flags, COMPLETE) then sub:add_proto_expert_info(incomplete) end
	end
	return sub, bit(flags, LAST)
end

-- "  write 4096 bytes at sector 1234"
local function describe(range)
	local op, length = range(34, 1):uint(), range(24, 4):le_uint()
	if op == UNKNOWN then return "" end
	if length == 0 then return "  " .. (ops[op] or "other") end
	return string.format("  %s %d bytes at sector %s", ops[op] or "other", length,
		tostring(range(16, 8):le_uint64()))
end

local function text_of(range)
	local text = range:stringz()
	return (text:gsub("[^%g ]", "?"))
end

function vblk.dissector(buffer, pinfo, root)
	pinfo.cols.protocol = "VBLK"
	local tree = root:add(vblk, buffer())
	if buffer:len() < HEADER or buffer(0, 1):uint() ~= 1 then
		tree:add_proto_expert_info(malformed)
		return
	end
	local kind, point, flags = buffer(1, 1):uint(), buffer(2, 1):uint(), buffer(3, 1):uint()
	local count, at = buffer(6, 2):le_uint(), buffer(4, 2):le_uint()
	local device, queue = buffer(13, 1):uint(), buffer(14, 2):le_uint()
	local mark = points[point] or ("point " .. point)
	local info = (kind == 0 and mark or kinds[kind] or "?")

	tree:add(f.version, buffer(0, 1))
	tree:add(f.kind, buffer(1, 1))
	tree:add(f.mark, buffer(2, 1), mark)
	if bit(flags, 2) then tree:add(f.late, buffer(3, 1), true) end
	if bit(flags, 4) then tree:add(f.more, buffer(3, 1), true) end
	tree:add_le(f.pid, buffer(8, 4))
	if device ~= UNKNOWN then
		local name = text_of(buffer(16, 16))
		tree:add(f.device, buffer(16, 16), name)
		tree:add_le(f.queue, buffer(14, 2))
		pinfo.cols.src = name .. " queue " .. queue
	end
	tree:add_le(f.requests, buffer(6, 2))
	add_event(tree, buffer)
	if at < HEADER or at + count * ENTRY > buffer:len() then
		tree:add_proto_expert_info(malformed)
		return
	end
	-- Shorter headers have no field for it.
	local data = at >= DATA_LENGTH + 4 and buffer(DATA_LENGTH, 4):le_uint() or 0
	local ended, names = {}, {}
	for i = 1, count do
		local sub, last = add_request(tree, buffer(at, ENTRY), pinfo)
		if i <= 3 then names[i] = tostring(buffer(at, 8):le_uint64()) end
		if last then ended[#ended + 1] = sub end
		if count == 1 then info = info .. describe(buffer(at, ENTRY)) end
		if last and count == 1 then
			info = info .. string.format("  %.3f us", buffer(at + 8, 8):le_uint64():tonumber() / 1000)
		end
		at = at + ENTRY
	end
	if count > 0 then
		info = info .. "  #" .. table.concat(names, " #") .. (count > 3 and " and " .. count - 3 .. " more" or "")
	end
	pinfo.cols.info = info
	for _, sub in ipairs(ended) do
		if at + LIFE > buffer:len() then
			tree:add_proto_expert_info(malformed)
			return
		end
		add_life(sub, buffer(at, LIFE))
		at = at + LIFE
	end
	if data == 0 then return end
	if at + data > buffer:len() then
		tree:add_proto_expert_info(malformed)
		return
	end
	tree:add_le(f.data_length, buffer(DATA_LENGTH, 4))
	tree:add(f.data, buffer(at, data))
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, vblk)

-- Statistics: how many, how much and how long, by operation. A frame that ends several requests counts each.
local function statistics(show)
	local latency, op_of, length_of = Field.new("vblk.latency"), Field.new("vblk.op"), Field.new("vblk.length")
	local tap = Listener.new("frame", "vblk")
	local groups, order = {}, {}

	local function group(name)
		if not groups[name] then
			groups[name] = { count = 0, bytes = 0, sum = 0, least = math.huge, most = 0 }
			order[#order + 1] = name
			table.sort(order)
		end
		return groups[name]
	end

	function tap.packet(pinfo)
		-- A frame may belong to several requests: their fields are told apart by their places in the entry.
		local op_at, length_at = {}, {}
		for _, field in ipairs({ op_of() }) do op_at[field.offset] = field.value end
		for _, field in ipairs({ length_of() }) do length_at[field.offset] = field.value end
		for _, field in ipairs({ latency() }) do
			local entry = field.offset - 8
			local g, seconds = group(op_at[entry + 34] or "unknown"), field.value:tonumber()
			g.count, g.bytes, g.sum = g.count + 1, g.bytes + (length_at[entry + 24] or 0), g.sum + seconds
			g.least, g.most = math.min(g.least, seconds), math.max(g.most, seconds)
		end
	end

	function tap.draw()
		local lines = { string.format("%-16s %10s %14s %12s %12s %12s", "virtio-blk", "requests", "bytes", "min us",
			"mean us", "max us") }
		for _, name in ipairs(order) do
			local g = groups[name]
			lines[#lines + 1] = string.format("%-16s %10d %14d %12.3f %12.3f %12.3f", name, g.count, g.bytes,
				g.least * 1e6, g.sum / g.count * 1e6, g.most * 1e6)
		end
		show(table.concat(lines, "\n") .. "\n")
	end

	function tap.reset()
		groups, order = {}, {}
	end
	return tap
end

if gui_enabled() then
	register_menu("virtio-blk latencies", function()
		local window = TextWindow.new("virtio-blk latencies")
		local tap = statistics(function(text) window:set(text) end)
		window:set_atclose(function() tap:remove() end)
		retap_packets()
	end, MENU_STAT_GENERIC)
elseif ... == "stats" then
	statistics(print)
end
