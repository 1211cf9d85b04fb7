-- SPDX-License-Identifier: ISC
-- Turns the result that verimail-milter wrote into symbols. The milter deletes what came with a message
-- in its name, and puts its own field above all others: of our id, the topmost counts.
local rspamd_logger = require "rspamd_logger"

local options = rspamd_config:get_all_opt('verimail') or {}
local id = (options.authserv_id or ''):lower()

local symbols = {
  pass = 'VERIMAIL_PASS',
  fail = 'VERIMAIL_FAIL',
  neutral = 'VERIMAIL_NEUTRAL',
  temperror = 'VERIMAIL_TEMPERROR',
  permerror = 'VERIMAIL_PERMERROR',
}

-- The result and the reason of a field that begins as ours do: `ID; verimail=RESULT [reason="WORD"]`.
local function read(value)
  local text = value:gsub('%s+', ' '):gsub('^ ', '')
  if text:sub(1, #id + 1):lower() ~= id .. ';' then
    return nil
  end
  local result, rest = text:sub(#id + 2):match('^ ?verimail=(%l+)(.*)$')
  if not result or not (rest == '' or rest:sub(1, 1) == ' ') then
    return nil
  end
  return result, rest:match('^ reason="([%l-]+)"')
end

local function check(task)
  for _, field in ipairs(task:get_header_full('Authentication-Results') or {}) do
    local result, reason = read(field.value or '')
    if result then
      if symbols[result] then
        task:insert_result(symbols[result], 1.0, reason or {})
      end
      return
    end
  end
end

if id == '' then
  rspamd_logger.errx(rspamd_config, 'verimail: no authserv_id: nothing is looked at')
else
  local parent = rspamd_config:register_symbol({
    name = 'VERIMAIL_CHECK',
    type = 'callback,mime',
    callback = check,
    group = 'verimail',
  })
  for _, name in pairs(symbols) do
    rspamd_config:register_symbol({ name = name, type = 'virtual', parent = parent, group = 'verimail' })
  end
end
