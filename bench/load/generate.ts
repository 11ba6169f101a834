/**
 * The load generator, a process of its own: `node bench/load/generate.ts PLAN` (a LoadPlan as JSON) prints a LoadResult.
 *
 * It reads the server's CPU time itself, at the very answers that begin and end the measurement, so that events and CPU
 * time belong to the same span.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { HostWatch } from '../host/host-watch.ts'
import type { DiskStalls } from '../host/host-watch.ts'
import { cpuOf, machineCpu, mainThreadCpuOf, usedUs } from '../host/proc.ts'
import { percentilesOf } from '../statistics.ts'
import { createEvents } from './event-bodies.ts'
import { LoadConnection } from './load-connection.ts'
import type { LoadPlan, LoadResult } from './load-plan.ts'
import { prepareRequest, renewRequest } from './prepared-requests.ts'
import type { PreparedRequest } from './prepared-requests.ts'

const failuresMax = 100
const reopenAfterMs = 50
/** A 99th percentile of fewer is no more than one of them. */
const leftAloneAnswersMin = 100
/** Distinct plain requests of each connection: enough events that no cache knows them by heart. */
const plainRequestsPerConnection = (batch: number) => Math.max(4, Math.ceil(32 / batch))

async function generate(plan: LoadPlan): Promise<LoadResult> {
  const total = plan.warmupRequests + plan.requests
  const prepared = prepareAll(plan, total)
  // What was prepared is garbage to nobody, but making it left some.
  await sleep(100)

  const latenciesMs = new Float64Array(plan.requests)
  /** In which second each of them was answered. */
  const seconds = new Uint16Array(plan.requests)
  const host = new HostWatch(plan.diskFolder)
  const done = Promise.withResolvers<undefined>()
  let issued = 0
  let good = 0
  let measured = 0
  let settled = 0
  let failures = 0
  let firstProblem: string | null = null
  let began = snapshot(plan)
  let ended = began
  const startMs = performance.now()

  const open = (slot: number): void => {
    /** A request is this slot's: due later, or on its way. */
    let isBusy = false
    let dueTimer: NodeJS.Timeout | undefined
    let sentMs = 0
    let turn = 0
    const settle = (): void => {
      isBusy = false
      if (++settled === total) done.resolve(undefined)
    }
    const requestOf = (number: number): PreparedRequest | undefined => {
      if (plan.gzip) return prepared[number]
      const own = prepared.length / plan.connections
      return prepared[slot * own + (turn++ % own)]
    }
    const sendNext = (connection: LoadConnection, number: number): void => {
      const request = requestOf(number)
      if (request === undefined) throw new RangeError(`There is no request ${String(number)}.`)
      renewRequest(request)
      sentMs = performance.now()
      connection.send(request.bytes)
    }
    new LoadConnection({
      host: plan.host,
      port: plan.port,
      idle(connection) {
        if (issued === total) {
          connection.close()
          return
        }
        const number = issued++
        isBusy = true
        const dueMs = plan.requestsPerSecond === undefined ? 0 : startMs + (number * 1000) / plan.requestsPerSecond
        const waitMs = dueMs - performance.now()
        if (waitMs <= 0) sendNext(connection, number)
        else dueTimer = setTimeout(sendNext, waitMs, connection, number)
      },
      answered(status, body) {
        if (status === 200) {
          if (settled >= plan.warmupRequests) {
            seconds[measured] = host.second
            latenciesMs[measured++] = performance.now() - sentMs
          }
          good++
        } else {
          firstProblem ??= `${String(status)} ${body.slice(0, 200)}`
        }
        settle()
        if (settled === plan.warmupRequests) began = snapshot(plan)
        if (settled === total) ended = snapshot(plan)
      },
      failed(reason) {
        firstProblem ??= reason
        failures++
        clearTimeout(dueTimer)
        if (isBusy) settle()
        if (failures >= failuresMax) done.resolve(undefined)
        else if (issued < total) setTimeout(open, reopenAfterMs, slot)
      },
    })
  }
  for (let slot = 0; slot < plan.connections; slot++) open(slot)
  await done.promise
  if (ended === began) ended = snapshot(plan)
  await host.end()
  return resultOf(plan, {
    began,
    ended,
    good,
    issued,
    firstProblem,
    latenciesMs: latenciesMs.subarray(0, measured),
    leftAloneMs: latenciesMs.subarray(0, measured).filter((_, at) => host.isLeftAlone(seconds[at] ?? 0)),
    diskStalls: host.diskStalls,
    prepared,
  })
}

function prepareAll(plan: LoadPlan, total: number): readonly PreparedRequest[] {
  const makeEvent = createEvents(plan.seed)
  const count = plan.gzip ? total : plan.connections * plainRequestsPerConnection(plan.batch)
  return Array.from({ length: count }, () => prepareRequest(plan, makeEvent))
}

function snapshot(plan: LoadPlan) {
  return {
    atMs: performance.now(),
    measured: cpuOf(plan.measuredPid),
    mainThread: mainThreadCpuOf(plan.measuredPid),
    ownUs: plan.ownPids.map((pid) => cpuOf(pid)).reduce((sum, { userUs, systemUs }) => sum + userUs + systemUs, 0),
    generator: process.cpuUsage(),
    machine: machineCpu(),
  }
}

function resultOf(
  plan: LoadPlan,
  run: {
    readonly began: ReturnType<typeof snapshot>
    readonly ended: ReturnType<typeof snapshot>
    readonly good: number
    readonly issued: number
    readonly firstProblem: string | null
    readonly latenciesMs: Float64Array
    readonly leftAloneMs: Float64Array
    readonly diskStalls: DiskStalls
    readonly prepared: readonly PreparedRequest[]
  },
): LoadResult {
  const { began, ended, good, issued, prepared } = run
  const events = run.latenciesMs.length * plan.batch
  const elapsedUs = (ended.atMs - began.atMs) * 1000
  const generatorUs = ended.generator.user + ended.generator.system - began.generator.user - began.generator.system
  const busyUs = ended.machine.busyUs - began.machine.busyUs
  const perPreparedEvent = (bytes: (request: PreparedRequest) => number) =>
    Math.round(prepared.reduce((sum, request) => sum + bytes(request), 0) / prepared.length / plan.batch)
  return {
    seconds: elapsedUs / 1e6,
    events,
    acknowledgedEvents: good * plan.batch,
    unacknowledgedEvents: (issued - good) * plan.batch,
    firstProblem: run.firstProblem,
    eventsPerSecond: (events * 1e6) / elapsedUs,
    latencyMs: percentilesOf(run.latenciesMs),
    leftAlone:
      run.leftAloneMs.length < leftAloneAnswersMin
        ? null
        : {
            shareOfAnswers: run.leftAloneMs.length / run.latenciesMs.length,
            latencyMs: percentilesOf(run.leftAloneMs),
          },
    diskStalls: run.diskStalls,
    cpuUsPerEvent: usedUs(began.measured, ended.measured) / events,
    userUsPerEvent: (ended.measured.userUs - began.measured.userUs) / events,
    systemUsPerEvent: (ended.measured.systemUs - began.measured.systemUs) / events,
    mainThreadUsPerEvent: usedUs(began.mainThread, ended.mainThread) / events,
    generatorCores: generatorUs / elapsedUs,
    otherCores: (busyUs - generatorUs - (ended.ownUs - began.ownUs)) / elapsedUs,
    stolenCores: (ended.machine.stolenUs - began.machine.stolenUs) / elapsedUs,
    jsonBytesPerEvent: perPreparedEvent(({ jsonBytes }) => jsonBytes),
    wireBytesPerEvent: perPreparedEvent(({ bodyBytes }) => bodyBytes),
  }
}

const [planText] = process.argv.slice(2)
if (planText === undefined) throw new Error('Give a LoadPlan as JSON; bench/run.ts does.')
// Made by run-load.ts.
process.stdout.write(`${JSON.stringify(await generate(JSON.parse(planText) as LoadPlan))}\n`)
