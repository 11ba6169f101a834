/** Whose a request is and whom its events are about (capture spec §5, §6, §9). */
import { aBatch, anEvent, deadLetter, json, keptAs, ok, refused, token } from './row.ts'
import type { ExpectedRecord, Row } from './row.ts'
import { unsureToken } from './tokens.ts'

const bare = anEvent({ token: undefined })
const without = 'event submitted without an api_key'
const several = 'batch submitted with inconsistent api_key values'

function taken(section: string, promise: string, body: string, kept: readonly ExpectedRecord[]): Row {
  return { section, promise, send: { body }, answer: ok, kept }
}

function refusedToken(promise: string, value: string, reason: string): Row {
  return {
    section: '§5.2',
    promise,
    send: { body: json(anEvent({ token: value })) },
    answer: refused(401, `API key is not valid: ${reason}`),
  }
}

/** The distinct id that is sent as `sent` is kept as `kept`. */
function about(promise: string, sent: unknown, kept: string): Row {
  const event = anEvent({ distinct_id: sent })
  return taken('§6', promise, json(event), [keptAs(event, { distinctId: kept })])
}

function aboutNobody(promise: string, own: Readonly<Record<string, unknown>>): Row {
  return {
    section: '§6',
    promise,
    send: { body: json(anEvent(own)) },
    answer: refused(400, 'event submitted without a distinct_id'),
  }
}

export const identities: readonly Row[] = [
  ...['token', '$token', 'api_key'].flatMap((name): Row[] => [
    taken('§5.1', `a single event may have its token as ${name}`, json({ ...bare, [name]: token }), [
      keptAs({ ...bare, [name]: token }),
    ]),
    taken('§5.1', `an array may have its token as ${name} of its events`, json([{ ...bare, [name]: token }, bare]), [
      keptAs({ ...bare, [name]: token }),
      keptAs(bare),
    ]),
  ]),
  taken('§5.1', 'a token may stand in the properties', json({ ...bare, properties: { token } }), [
    keptAs({ ...bare, properties: { token } }),
  ]),
  taken('§5.1', 'an event goes before its properties', json({ ...bare, token, properties: { token: 'phc_other' } }), [
    keptAs({ ...bare, token, properties: { token: 'phc_other' } }),
  ]),
  {
    section: '§5.1',
    promise: 'api_key in the properties is not looked at',
    send: { body: json({ ...bare, properties: { api_key: token } }) },
    answer: refused(401, without),
  },
  {
    section: '§5.1',
    promise: 'a token in the query is not looked at',
    send: { path: `/e/?token=${token}&api_key=${token}`, body: json(bare) },
    answer: refused(401, without),
  },
  {
    section: '§5.1',
    promise: 'an event without a token is refused',
    send: { body: json(bare) },
    answer: refused(401, without),
  },
  {
    section: '§5.1',
    promise: 'an array without a token is refused',
    send: { body: json([bare, bare]) },
    answer: refused(401, without),
  },
  {
    section: '§5.1',
    promise: 'a batch without a token is refused',
    send: { body: json({ batch: [bare] }) },
    answer: refused(401, without),
  },
  {
    section: '§5.1',
    promise: 'a token that is a number is none',
    send: { body: json({ ...bare, token: 5 }) },
    answer: refused(401, without),
  },
  {
    section: '§5.1',
    promise: 'an array of two tokens is refused',
    send: { body: json([anEvent(), anEvent({ token: 'phc_other' })]) },
    answer: refused(401, several),
  },
  taken('§4.2', "a batch's token goes before those of its events", aBatch([anEvent({ token: 'phc_other' })]), [
    keptAs(anEvent({ token: 'phc_other' })),
  ]),
  taken('§23', 'a batch without a token has that of its events', json({ batch: [anEvent()] }), [keptAs(anEvent())]),
  taken('§23', 'several names of the same token are taken', json(anEvent({ api_key: token, $token: token })), [
    keptAs(anEvent({ api_key: token, $token: token })),
  ]),
  {
    section: 'C5',
    promise: "a header's token counts for a batch without one",
    send: { path: '/batch/', headers: { authorization: `Bearer ${token}` }, body: json({ batch: [bare] }) },
    answer: ok,
    kept: [keptAs(bare)],
  },
  {
    section: 'C5',
    promise: "the body's token goes before the header's",
    send: { headers: { authorization: 'Bearer phc_other' }, body: json(anEvent()) },
    answer: ok,
    kept: [keptAs(anEvent())],
  },
  {
    section: 'C5',
    promise: "a header's token has to have the shape of one",
    send: { headers: { authorization: 'Bearer phx_personal' }, body: json(bare) },
    answer: refused(401, 'API key is not valid: personal_api_key'),
  },
  taken('§5.2', 'a token is trimmed', json(anEvent({ token: `  ${token}\n` })), [
    keptAs(anEvent({ token: `  ${token}\n` })),
  ]),
  taken('§5.2', 'a token of 64 bytes is taken', json(anEvent({ token: 't'.repeat(64) })), [
    keptAs(anEvent({ token: 't'.repeat(64) }), { token: 't'.repeat(64) }),
  ]),
  taken('§5.2', 'a token needs no phc_', json(anEvent({ token: 'no-prefix' })), [
    keptAs(anEvent({ token: 'no-prefix' }), { token: 'no-prefix' }),
  ]),
  refusedToken('an empty token is refused', '', 'empty'),
  refusedToken('a token of spaces is refused', '   ', 'empty'),
  refusedToken('a token of 65 bytes is refused', 't'.repeat(65), 'too_long'),
  refusedToken('a token of 33 times two bytes is refused', 'é'.repeat(33), 'too_long'),
  refusedToken('a token that is no ASCII is refused', 'phc_é', 'not_ascii'),
  refusedToken('a personal key is refused', 'phx_abc', 'personal_api_key'),
  refusedToken('a token with a NUL is refused', 'phc_\0', 'null_byte'),
  {
    section: '§5.3',
    promise: 'a token that nobody has is refused, and the answer says which kind of key it wants',
    send: { body: json(anEvent({ token: 'phc_unknown' })) },
    answer: refused(401, /^API key is not valid: unknown: .*project/),
  },
  taken('§5.3', 'a token is taken while nobody knows whether somebody has it', json(anEvent({ token: unsureToken })), [
    keptAs(anEvent({ token: unsureToken }), { token: unsureToken }),
  ]),
  about('a distinct id is kept with the space around it', '  ada ', '  ada '),
  about('a number is its digits', 23, '23'),
  about('a fraction is its digits', 23.4, '23.4'),
  about('true is a distinct id', true, 'true'),
  about('a list is its JSON', ['a', 'b'], '["a","b"]'),
  about('an object is its JSON with its keys in order', { b: 1, a: { d: 2, c: 3 } }, '{"a":{"c":3,"d":2},"b":1}'),
  about('a NUL becomes a sign of replacement', 'a\0b', 'a\ufffdb'),
  about('a lone surrogate becomes a sign of replacement', 'a\ud800b', 'a\ufffdb'),
  about('200 characters are kept', 'é'.repeat(200), 'é'.repeat(200)),
  about('201 characters are cut to 200', 'é'.repeat(201), 'é'.repeat(200)),
  about('characters are counted, not halves of them', '😀'.repeat(201), '😀'.repeat(200)),
  ...['anonymous', 'null', 'undefined', '0', '[object Object]', '00000000-0000-0000-0000-000000000000'].map((id) =>
    about(`${id} is taken`, id, id),
  ),
  about('a colon in a distinct id is a colon', 'a:b', 'a:b'),
  {
    section: '§6',
    promise: 'a whole number beyond what scripts count exactly keeps its digits',
    send: { body: `{"event":"seen","token":"${token}","distinct_id":12345678901234567890}` },
    answer: ok,
    kept: [{ distinctId: '12345678901234567890' }],
  },
  taken('§6', '$distinct_id is a name of it', json({ ...anEvent({ distinct_id: undefined }), $distinct_id: 'eve' }), [
    keptAs({ ...anEvent({ distinct_id: undefined }), $distinct_id: 'eve' }, { distinctId: 'eve' }),
  ]),
  taken(
    '§6',
    'it may stand in the properties',
    json(anEvent({ distinct_id: undefined, properties: { distinct_id: 'eve' } })),
    [keptAs(anEvent({ distinct_id: undefined, properties: { distinct_id: 'eve' } }), { distinctId: 'eve' })],
  ),
  taken(
    '§6',
    'null leaves that of the properties to count',
    json(anEvent({ distinct_id: null, properties: { distinct_id: 7 } })),
    [keptAs(anEvent({ distinct_id: null, properties: { distinct_id: 7 } }), { distinctId: '7' })],
  ),
  taken('§6', "the event's goes before that of its properties", json(anEvent({ properties: { distinct_id: 'eve' } })), [
    keptAs(anEvent({ properties: { distinct_id: 'eve' } })),
  ]),
  aboutNobody('an empty distinct id is none', { distinct_id: '' }),
  aboutNobody('a distinct id of spaces is none', { distinct_id: ' \t\n' }),
  aboutNobody('null is none', { distinct_id: null }),
  aboutNobody('null in the properties is none', { distinct_id: undefined, properties: { distinct_id: null } }),
  aboutNobody('an empty one is not made up for by the properties', {
    distinct_id: '',
    properties: { distinct_id: 'eve' },
  }),
  taken('§9', 'the address of the sender is kept with the event', json(anEvent()), [
    keptAs(anEvent(), { headers: { ip: '127.0.0.1', now: /^\d{13}$/ } }),
  ]),
  taken(
    '§9',
    '$ip and its like are not touched',
    json(anEvent({ properties: { $ip: '1.2.3.4', $geoip_disable: true } })),
    [keptAs(anEvent({ properties: { $ip: '1.2.3.4', $geoip_disable: true } }))],
  ),
  taken('§9', 'a robot is taken like anybody', json(anEvent({ properties: { $raw_user_agent: 'Googlebot/2.1' } })), [
    keptAs(anEvent({ properties: { $raw_user_agent: 'Googlebot/2.1' } })),
  ]),
  {
    section: '§6',
    promise: 'an event about nobody is kept as a dead letter beside good ones',
    send: { body: aBatch([anEvent(), anEvent({ distinct_id: ' ' })]) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=1, refused=1' } },
    kept: [keptAs(anEvent()), deadLetter('event submitted without a distinct_id', { distinctId: '' })],
  },
]
