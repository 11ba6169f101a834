/**
 * `Signals` by publish and subscribe. Subscriptions have a connection of their own: a server that cuts off a slow subscriber must not
 * take the calls of everybody else with it.
 *
 * A channel is listened to once per process, however many subscriptions it has. Each new connection knows of no subscription, so all
 * channels are subscribed to again, and `began` tells their listeners.
 */
import { codeOf, Failure, messageOf } from '../../../kit/failure.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import type { ArgumentChecks } from '../argument-checks.ts'
import type { CoordinationHealth, SignalListener, Signals } from '../coordination.ts'
import { openRedisConnection } from './redis-connection.ts'
import type { RedisConnection, RedisConnectionOptions } from './redis-connection.ts'
import { redisSubscribeRefused } from './redis.events.ts'

interface Channel {
  readonly listeners: Set<SignalListener>
  /** The server has confirmed it on the connection that we have now. */
  isListening: boolean
}

export interface RedisSignals extends Signals {
  health(): CoordinationHealth
  close(): Promise<void>
}

/** Publishes on `commands`; subscribes on a connection made with `options`. */
export function openRedisSignals(
  commands: RedisConnection,
  options: RedisConnectionOptions,
  subscriptionsMax: number,
  check: ArgumentChecks,
): RedisSignals {
  const telemetry: Telemetry = options.telemetry ?? silent
  const channels = new Map<string, Channel>()
  let subscriptions = 0
  const subscriber = openRedisConnection({
    ...options,
    name: `${options.name}-signals`,
    // All channels are subscribed to at once when a connection is new.
    callsMax: 2 * subscriptionsMax + 1,
    listener: {
      ready() {
        for (const channel of channels.values()) channel.isListening = false
        for (const [name, channel] of channels) void listen(name, channel)
      },
      message(name, message) {
        for (const listener of [...(channels.get(name)?.listeners ?? [])]) listener.heard(message)
      },
    },
  })

  async function listen(name: string, channel: Channel): Promise<void> {
    const { sinceMs } = subscriber.health()
    try {
      await subscriber.command('subscribe', name)
    } catch (error) {
      // When the connection is lost, the next one brings us here again.
      if (codeOf(error) === 'SLUICE_COORDINATION_REFUSED') redisSubscribeRefused(name, messageOf(error)).emit(telemetry)
      return
    }
    if (channels.get(name) !== channel || subscriber.health().sinceMs !== sinceMs) return
    channel.isListening = true
    for (const listener of [...channel.listeners]) listener.began()
  }

  return {
    async publish(channel, message) {
      check.name(channel)
      check.message(message)
      await commands.command('PUBLISH', commands.key(channel), message)
    },
    subscribe(channelName, heardBy) {
      check.name(channelName)
      if (subscriber.health().state === 'closed') {
        throw new Failure('SLUICE_COORDINATION_CLOSED', 'The connection to Redis is closed.')
      }
      if (subscriptions >= subscriptionsMax) {
        throw new Failure('SLUICE_COORDINATION_BUSY', 'There are too many subscriptions.', { retryable: true })
      }
      subscriptions += 1
      const name = subscriber.key(channelName)
      // One object a subscription: the same listener may be given twice.
      const listener: SignalListener = { began: () => heardBy.began(), heard: (message) => heardBy.heard(message) }
      let channel = channels.get(name)
      if (channel === undefined) {
        channel = { listeners: new Set(), isListening: false }
        channels.set(name, channel)
        if (subscriber.health().state === 'ready') void listen(name, channel)
      } else if (channel.isListening) {
        queueMicrotask(() => {
          if (channel?.listeners.has(listener) === true) listener.began()
        })
      }
      const joined = channel
      joined.listeners.add(listener)
      return {
        close() {
          if (!joined.listeners.delete(listener)) return
          subscriptions -= 1
          if (joined.listeners.size > 0) return
          channels.delete(name)
          // Commands keep their order, so a subscription that comes back right now is not undone by this.
          if (subscriber.health().state === 'ready') subscriber.command('unsubscribe', name).catch(() => undefined)
        },
      }
    },
    health: () => subscriber.health(),
    close() {
      for (const channel of channels.values()) channel.listeners.clear()
      channels.clear()
      return subscriber.close()
    },
  }
}
