-- SPDX-License-Identifier: ISC
-- What integrations/rspamd makes of an Authentication-Results value. See ../README.md.
-- usage: lua reader.lua VERIMAIL.LUA ID
local check

package.preload['rspamd_logger'] = function() return { errx = error } end
-- Whatever else it registers is not looked at.
rspamd_config = setmetatable({
  get_all_opt = function() return { authserv_id = arg[2] } end,
  register_symbol = function(_, symbol)
    check = symbol.callback or check
    return 1
  end,
}, { __index = function() return function() end end })
dofile(arg[1])

local digits = {}
for digit in ('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'):gmatch('.') do
  digits[digit] = #digits
  digits[#digits + 1] = digit
end

local function decode(text)
  local bits, count, octets = 0, 0, {}
  for digit in text:gmatch('[%w+/]') do
    bits, count = (bits << 6 | digits[digit]) & 0xffffff, count + 6
    if count >= 8 then
      count = count - 8
      octets[#octets + 1] = string.char(bits >> count & 0xff)
    end
  end
  return table.concat(octets)
end

for line in io.lines() do
  local headers = 'Authentication-Results:' .. decode(line:sub(3)) .. '\r\n'
  local passes = false
  check({
    get_raw_headers = function() return headers end,
    insert_result = function(_, symbol) passes = passes or symbol == 'VERIMAIL_PASS' end,
  })
  io.write('{"integrations/rspamd": ', tostring(passes), '}\n')
  io.flush()
end
