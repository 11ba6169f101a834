/**
 * The steps that must happen as one. Each touches one key, so keys need no hash tags. Amounts are answered as text: the client's
 * own reading of numbers is off by one close to 2^53.
 */
import { redisScript } from './redis-connection.ts'

/** KEYS[1] counter; ARGV: what to add, what it may not exceed, time to live of a new one. Answers { 1 added or 0, amount }. */
export const addUpToScript = redisScript(`
local kept = redis.call('GET', KEYS[1])
local amount = tonumber(kept or '0')
local sum = amount + tonumber(ARGV[1])
if sum > tonumber(ARGV[2]) then return {0, string.format('%.0f', amount)} end
if kept then
  redis.call('INCRBY', KEYS[1], ARGV[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
end
return {1, string.format('%.0f', sum)}
`)

/** KEYS[1] counter; ARGV: what to take back. Answers the amount. */
export const takeBackScript = redisScript(`
local kept = redis.call('GET', KEYS[1])
if not kept then return '0' end
local amount = tonumber(kept)
local less = math.min(amount, tonumber(ARGV[1]))
if less == amount then
  redis.call('DECRBY', KEYS[1], kept)
  return '0'
end
redis.call('DECRBY', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[1])
`)

/** KEYS[1] lease; ARGV: text, time to live. Answers 1 when it is ours for that long. */
export const renewScript = redisScript(`
local kept = redis.call('GET', KEYS[1])
if kept == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 1
end
if kept then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`)

/** KEYS[1] lease; ARGV: text. */
export const giveBackScript = redisScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`)

/** KEYS[1] value; ARGV: what to add. Lua counts exactly up to 2^53 only, so that is where it ends. */
export const incrementScript = redisScript(`
local kept = redis.call('GET', KEYS[1]) or '0'
if kept ~= '0' and not string.match(kept, '^-?[1-9]%d*$') then
  return redis.error_reply('ERR value is not an integer')
end
local sum = tonumber(kept) + tonumber(ARGV[1])
if sum > 9007199254740991 or sum < -9007199254740991 then
  return redis.error_reply('ERR increment would overflow')
end
redis.call('INCRBY', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[1])
`)
