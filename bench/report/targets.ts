/**
 * What each figure should come to: CPU in microseconds an event, times in milliseconds, memory in MB. A missed target is a
 * finding, not a failure of the benchmark.
 */
export const targets = {
  single: { cpuUsPerEvent: 42, moonshot: 33, p99Ms: 10 },
  batch: { cpuUsPerEvent: 9, moonshot: 6.5 },
  gzip: { cpuUsPerEvent: 11, moonshot: 8 },
  /** All rules and the whole wire, as multiple of what an event cost before they were there. */
  growth: 1.15,
  flow: { cpuUsPerEvent: 40, moonshot: 25 },
  freshness: { p99Ms: 3000 },
  /** Over 10 million events, on two shared cores. */
  questions: { perDayP95Ms: 300, perPropertyP95Ms: 1000, funnelP95Ms: 2000 },
  /** With readers ingestion keeps 0.95 of its rate. */
  live: { p50Ms: 50, p99Ms: 250, slowdown: 1 / 0.95 },
  /** Beside 50 hostile clients; the memory is what the bounds of the settings add up to. */
  hostile: { slowdown: 2, edgeMb: 1500 },
  idle: { residentMb: 600, corePercent: 1 },
  /** Stated for a log of 10 GB. */
  restart: { firstAnswerMs: 5000 },
} as const
