/**
 * What Redis does for the door, each as one atomic script, and the keys that it does it with. All keys of a call have the same token
 * in braces, so that a cluster of Redis keeps them in one slot.
 *
 * Keys (all under the prefix of the installation):
 * - `dup:{token}:<22 characters>`: where the first copy of an event stands, `lane number:partition:offset`; goes after the window.
 * - `quota:{token}:…`, `rate:{token}:…`: a meter, `q <counted> <ends, ms> 0 0` or `r <taken> <reckoned, ms> <a second> <burst>`, reckoned
 *   as `kit/limit-meters.ts` does; goes when it is spent.
 * - `limits:{token}`: sorted set of the token's meters by when they are spent.
 * - `debit:{token}:<request>`: what a request debited, until its events are durable or what it took was given back; then `void`.
 * - `limit-tokens`: set of the tokens that have meters. `door-books`: counts of the door (`door-books.ts`).
 */
import { redisScript } from '../../coordination/redis/redis-connection.ts'

/** What the scripts share: reading and writing a meter. */
const meters = `
local function parsed(text)
  local kind, amount, at, per, burst = string.match(text, '^(%a) (%S+) (%S+) (%S+) (%S+)$')
  if not kind then return nil end
  return { kind = kind, amount = tonumber(amount), at = tonumber(at), per = tonumber(per), burst = tonumber(burst) }
end
local function written(m)
  return string.format('%s %.17g %.17g %.17g %.17g', m.kind, m.amount, m.at, m.per, m.burst)
end
`

/**
 * Looks duplicates up and meets and debits limits for requests of one token, one after the other.
 *
 * KEYS: `limits:{token}`, then what the call names by index. ARGV: call as JSON, most meters of a token, how late a request may be (ms),
 * how long a debit is remembered (ms).
 * Call: [index of the first duplicate key in KEYS, requests]. Request: [now, all or nothing (0, 1), index of its debit key, limits, sets,
 * events]. Limit: [index of its key, 'q', max, ends] or [index, 'r', a second, burst]. Set: 1-based limits that an event counts against.
 * Events: for each the index of its duplicate key and of its set, 0 for none.
 * Reply, JSON: [1 when the token had no meters before, answers]. Answer: 'full', 'void' (given back before it came), or for each event 0
 * (enters), 1 (copy of one before it in the request), a text (where the first copy stands), or [limit, retry after ms].
 */
export const decideScript = redisScript(`${meters}
local call = cjson.decode(ARGV[1])
local firstDup = call[1]
local keysMax, late, debitMs = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local index = KEYS[1]
local stands = {}
for from = firstDup, #KEYS, 1000 do
  local to = math.min(from + 999, #KEYS)
  local found = redis.call('MGET', unpack(KEYS, from, to))
  for i = from, to do stands[i] = found[i - from + 1] end
end
local open, isNewIndex = {}, 0
-- Meters that changed: each is written once, when all requests are decided.
local changed, news = {}, 0

local function reckon(limit, now)
  local key, kind = KEYS[limit[1]], limit[2]
  local m = open[key]
  if not m then
    local text = redis.call('GET', key)
    m = text and parsed(text)
    if not m then m = { kind = '', isNew = true } end
    open[key] = m
  end
  if m.kind ~= kind then
    m.kind, m.amount, m.per, m.burst = kind, 0, 0, 0
    m.at = kind == 'q' and limit[4] or now
  end
  if kind == 'q' then
    if m.at <= now then m.amount = 0 end
    if limit[4] > m.at then m.at = limit[4] end
    return m
  end
  if now > m.at then
    if m.amount > 0 then m.amount = math.max(0, m.amount - (now - m.at) / 1000 * m.per) end
    m.at = now
  elseif m.at > now + late then m.at = now end
  if m.burst ~= limit[4] and m.burst > 0 then m.amount = m.amount * (limit[4] / m.burst) end
  if m.burst ~= limit[4] or m.per ~= limit[3] then m.isChanged = true end
  m.per, m.burst = limit[3], limit[4]
  return m
end

local function hasRoom(limits, now)
  local more = 0
  for _, limit in ipairs(limits) do
    local m = open[KEYS[limit[1]]]
    -- A quota of none is never counted.
    local counts = limit[2] == 'r' or limit[3] >= 1
    if counts and m.isNew and not changed[m] then more = more + 1 end
  end
  if more == 0 or redis.call('ZCARD', index) + news + more <= keysMax then return true end
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  return redis.call('ZCARD', index) + news + more <= keysMax
end

local function metLimit(limits, own, set)
  local rate = 0
  for _, at in ipairs(set) do
    local limit, m = limits[at], own[at]
    if limit[2] == 'q' then
      if m.amount + 1 > limit[3] then return at end
    elseif rate == 0 and m.amount + 1 > limit[4] + 1e-6 then rate = at end
  end
  return rate
end

local function retryAfter(limit, m, now)
  if limit[2] == 'q' then return math.max(0, m.at - now) end
  local missing = math.max(0, m.amount + 1 - limit[4])
  if missing > 0 and limit[3] <= 0 then return 9e15 end
  local wait = missing > 0 and missing / limit[3] * 1000 or 0
  return math.min(9e15, math.ceil(wait + math.max(0, m.at - now)))
end

local function keep(limit, m, now)
  local ttl = late
  local spent
  if m.kind == 'q' then
    spent = m.at + late
    ttl = ttl + m.at - now
  else
    local refill = m.per > 0 and math.min(m.amount / m.per * 1000, 31622400000) or 31622400000
    spent = m.at + refill
    ttl = ttl + refill
  end
  ttl = string.format('%.0f', math.max(1, math.min(math.ceil(ttl), 316224000000)))
  local key = KEYS[limit[1]]
  redis.call('SET', key, written(m), 'PX', ttl)
  local left = redis.call('PTTL', index)
  if left == -2 then isNewIndex = 1 end
  redis.call('ZADD', index, string.format('%.17g', spent), key)
  if left < tonumber(ttl) then redis.call('PEXPIRE', index, ttl) end
end

local answers = {}
for n, request in ipairs(call[2]) do
  local now, isWhole, debit, limits, sets, events = unpack(request)
  local own, before, debited, taken, answer = {}, {}, {}, {}, {}
  for at, limit in ipairs(limits) do
    own[at] = reckon(limit, now)
    before[at] = own[at].amount
  end
  local isLimited = false
  if not hasRoom(limits, now) then answer = 'full'
  else
    for e = 1, #events, 2 do
      local dup, set = events[e], events[e + 1]
      local said = 0
      if dup > 0 and stands[dup] then said = stands[dup]
      elseif dup > 0 and taken[dup] then said = 1
      elseif set > 0 then
        local met = metLimit(limits, own, sets[set])
        if met > 0 then
          said = { met - 1, retryAfter(limits[met], own[met], now) }
          isLimited = said
          if isWhole == 1 then break end
        else
          for _, at in ipairs(sets[set]) do
            own[at].amount = own[at].amount + 1
            debited[at] = (debited[at] or 0) + 1
          end
        end
      end
      if said == 0 and dup > 0 then taken[dup] = true end
      answer[#answer + 1] = said
    end
    if isWhole == 1 and isLimited then
      for at, m in ipairs(own) do m.amount = before[at] end
      debited, answer = {}, {}
      for e = 1, #events, 2 do answer[#answer + 1] = stands[events[e]] or isLimited end
    end
    -- By place among the request's own limits, as the script that gives back is told them.
    local noted = {}
    for at, m in ipairs(own) do
      if debited[at] then noted[#noted + 1] = { at, debited[at], string.format('%.17g', m.at) } end
    end
    if #noted > 0 then
      if not redis.call('SET', KEYS[debit], cjson.encode(noted), 'PX', debitMs, 'NX') then
        for at, m in ipairs(own) do m.amount = before[at] end
        debited, answer = {}, 'void'
      end
    end
    for at, m in ipairs(own) do
      if debited[at] or (m.isChanged and m.amount > 0) then
        if m.isNew and not changed[m] then news = news + 1 end
        changed[m] = { limits[at], now }
      end
    end
  end
  answers[n] = answer
end
for m, last in pairs(changed) do keep(last[1], m, last[2]) end
return cjson.encode({ isNewIndex, answers })
`)

/**
 * Keeps where events stand, and forgets debits that are settled by it. KEYS: duplicate keys, then debit keys. ARGV: window (ms), number of
 * duplicate keys, then a place for each. Reply: how many keys stood elsewhere already.
 */
export const keepScript = redisScript(`
local count, others = tonumber(ARGV[2]), 0
for i = 1, count do
  local place = ARGV[i + 2]
  if not redis.call('SET', KEYS[i], place, 'PX', ARGV[1], 'NX') and redis.call('GET', KEYS[i]) ~= place then others = others + 1 end
end
for i = count + 1, #KEYS do redis.call('DEL', KEYS[i]) end
return others
`)

/**
 * Gives back what a request debited, once however often it is asked; a debit that comes after this does nothing any more.
 * KEYS: debit key, `limits:{token}`, the request's limits in their order. ARGV: how long it is remembered (ms).
 * Reply: 1 when something was given back.
 */
export const giveBackScript = redisScript(`${meters}
local noted = redis.call('GET', KEYS[1])
if noted == 'void' then return 0 end
redis.call('SET', KEYS[1], 'void', 'PX', ARGV[1])
if not noted then return 0 end
for _, one in ipairs(cjson.decode(noted)) do
  local key = KEYS[one[1] + 2]
  local text = redis.call('GET', key)
  local m = text and parsed(text)
  -- A quota that began anew since owes nothing.
  if m and (m.kind == 'r' or m.at == tonumber(one[3])) then
    m.amount = math.max(0, m.amount - one[2])
    if m.amount > 0 then redis.call('SET', key, written(m), 'KEEPTTL')
    else
      redis.call('DEL', key)
      redis.call('ZREM', KEYS[2], key)
    end
  end
end
return 1
`)

/** Adds to the fields of a hash and tells what they are then. KEYS: hash. ARGV: field, amount, and so on. */
export const countScript = redisScript(`
local totals = {}
for i = 1, #ARGV, 2 do totals[#totals + 1] = redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
return totals
`)
