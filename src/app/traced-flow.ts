/**
 * Traces of requests behind the door (C22). A record of a traced request carries its `traceparent`, the derived batch carries those of
 * its records, and each of them gets a span when the batch is durable and another when its rows are in the table. Both begin when the
 * log took the first record of the batch: how long events wait is what one wants to see.
 */
import type { DerivedBatchHead } from '../event/derived-batch.ts'
import type { Flow } from '../event/flows.ts'
import type { Tracing } from '../kit/telemetry/tracing.ts'

export interface FlowTracing {
  readonly decided: (batches: readonly { readonly head: DerivedBatchHead }[]) => void
  readonly inserted: (heads: readonly DerivedBatchHead[]) => void
}

export function traceFlow(tracing: Tracing, flow: Flow): FlowTracing {
  function endSpans(name: string, { partition, rowCount, acceptedFromMs, traces = [] }: DerivedBatchHead): void {
    for (const parent of traces) {
      tracing
        .span(name, {
          parent,
          startMs: acceptedFromMs,
          attributes: { 'sluice.flow': flow.name, 'sluice.partition': partition, 'sluice.rows': rowCount },
        })
        .end()
    }
  }
  return {
    decided(batches) {
      for (const { head } of batches) endSpans('ingestion', head)
    },
    inserted(heads) {
      for (const head of heads) endSpans('warehousing', head)
    },
  }
}
