-- SPDX-License-Identifier: ISC
-- Turns the result that verimail-milter wrote into symbols. The milter deletes what came with a message
-- in its name and puts its own field above all others: of our id, the topmost counts.
local rspamd_logger = require "rspamd_logger"

local field_start = 'authentication-results:'
local symbols = {
  pass = 'VERIMAIL_PASS',
  fail = 'VERIMAIL_FAIL',
  neutral = 'VERIMAIL_NEUTRAL',
  temperror = 'VERIMAIL_TEMPERROR',
  permerror = 'VERIMAIL_PERMERROR',
}
-- Beside VERIMAIL_NEUTRAL, so that each reason can have a score of its own.
local reasons = {
  redirected = 'VERIMAIL_NEUTRAL_REDIRECTED',
  changed = 'VERIMAIL_NEUTRAL_CHANGED',
  replayed = 'VERIMAIL_NEUTRAL_REPLAYED',
  expired = 'VERIMAIL_NEUTRAL_EXPIRED',
  uncounted = 'VERIMAIL_NEUTRAL_UNCOUNTED',
  classic = 'VERIMAIL_NEUTRAL_CLASSIC',
  unstamped = 'VERIMAIL_NEUTRAL_UNSTAMPED',
  host = 'VERIMAIL_NEUTRAL_HOST',
  testing = 'VERIMAIL_NEUTRAL_TESTING',
  unserved = 'VERIMAIL_NEUTRAL_UNSERVED',
}

-- What stands behind `ID; verimail=` in the topmost field that begins so; nil if there is none.
-- The headers are read as they came: rspamd itself would decode words, and begin a new field behind a
-- bare CR, which the milter, like the mail server, took for an octet of somebody else's field.
local function find_ours(headers, id)
  local unfolded = headers:gsub('\r\n', '\n'):gsub('\n[ \t]', ' ')

  for line in unfolded:gmatch('[^\n]+') do
    if line:sub(1, #field_start):lower() == field_start then
      local value = line:sub(#field_start + 1):match('^[ \t]*(.*)$')
      local rest = value:sub(#id + 1):match('^;[ \t]*verimail=(.*)$')
      if rest and value:sub(1, #id):lower() == id then
        return rest
      end
    end
  end
  return nil
end

local function check(task, id)
  local ours = find_ours(tostring(task:get_raw_headers() or ''), id)
  if not ours then
    return
  end
  -- The space makes an end of the text an end of the word as well.
  local result, rest = (ours .. ' '):match('^(%l+)[ \t](.*)$')
  if not symbols[result] then
    return
  end
  local reason = rest:match('^[ \t]*reason="([%l-]+)"')
  task:insert_result(symbols[result], 1.0, reason or {})
  if result == 'neutral' and reasons[reason] then
    task:insert_result(reasons[reason], 1.0)
  end
end

-- A stamp that somebody took from a genuine message says only `changed` or `redirected` on any other text,
-- as it does for a mailing list. DMARC tells the two apart. A minus leaves the symbol and its score there.
local function register_dmarc()
  local parts = '(-VERIMAIL_NEUTRAL_CHANGED | -VERIMAIL_NEUTRAL_REDIRECTED) & '

  rspamd_config:add_composite('VERIMAIL_DMARC_PASS', parts .. '-DMARC_POLICY_ALLOW')
  rspamd_config:add_composite('VERIMAIL_DMARC_FAIL', parts .. '(-DMARC_POLICY_REJECT | -DMARC_POLICY_QUARANTINE)')
  rspamd_config:add_composite('VERIMAIL_DMARC_SOFTFAIL', parts .. '-DMARC_POLICY_SOFTFAIL')
end

local function register(id)
  local parent = rspamd_config:register_symbol({
    name = 'VERIMAIL_CHECK',
    type = 'callback',
    callback = function(task) check(task, id) end,
    group = 'verimail',
  })
  for _, names in ipairs({ symbols, reasons }) do
    for _, name in pairs(names) do
      rspamd_config:register_symbol({ name = name, type = 'virtual', parent = parent, group = 'verimail' })
    end
  end
end

local options = rspamd_config:get_all_opt('verimail')
local id = type(options) == 'table' and options.authserv_id

if type(id) == 'string' and id:match('^[%w.-]+$') then
  register(id:lower())
  register_dmarc()
else
  rspamd_logger.errx(rspamd_config, 'verimail: authserv_id: %s: expected the one of verimail.conf,' ..
    ' in rspamd.conf.local: verimail { authserv_id = "mx.example.com"; }: no result is looked at',
    id or 'not set')
end
